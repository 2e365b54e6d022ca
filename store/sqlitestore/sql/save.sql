update payonce_progress set
  version = version + 1, purged = 0,
  state = ?, sent = ?, reached = ?, possible = ?, accepted = ?, key_spent = ?, first_at = ?, last_at = ?, due_at = ?,
  reason = ?, note = ?, attempts = ?, checksum = ?, holder = ?, keeper = ?, lease_until = ?, changed_at = ?,
  restores = (select value from payonce_meta where name = 'restores')
where operation = (select id from payonce_operation where account = ? and kind = ? and reference = ? and generation = ? and format = 1)
  and version = ?
returning operation
