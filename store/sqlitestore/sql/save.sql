update progress set
  version = version + 1, purged = 0,
  state = ?, sent = ?, reached = ?, possible = ?, accepted = ?, key_spent = ?, first_at = ?, last_at = ?, due_at = ?,
  reason = ?, note = ?, attempts = ?, holder = ?, keeper = ?, lease_until = ?, changed_at = ?
where operation = (select id from operation where account = ? and kind = ? and reference = ? and generation = ?)
  and version = ?
returning operation
