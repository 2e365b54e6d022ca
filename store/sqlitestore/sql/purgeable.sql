select p.operation from payonce_progress p
join payonce_operation o on o.id = p.operation
left join payonce_outcome r on r.operation = p.operation
where p.purged = 0 and (p.state = 1 or (p.key_spent = 1 and (p.state = 2 or p.state = 3))) and p.changed_at < ?
  and o.format = 1 and o.sealed_by is null and r.sealed_by is null and ifnull(r.class, 0) between 0 and 8
order by p.changed_at, p.operation
limit ?
