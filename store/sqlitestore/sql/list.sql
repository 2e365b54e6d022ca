where p.account = ?1 and p.state = :state and (p.due_at, p.operation) > (?2, ?3) and p.due_at <= ?4
order by p.due_at, p.operation
limit ?5
