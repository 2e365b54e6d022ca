insert into payonce_progress (
  operation, account, version, purged,
  state, sent, reached, possible, accepted, key_spent, first_at, last_at, due_at, reason, note, attempts,
  checksum, holder, keeper, lease_until, changed_at, restores
) values (?, ?, 1, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (select value from payonce_meta where name = 'restores'))
