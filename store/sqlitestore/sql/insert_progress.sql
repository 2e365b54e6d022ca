insert into progress (
  operation, account, version, purged,
  state, sent, reached, possible, accepted, key_spent, first_at, last_at, due_at, reason, note, attempts,
  holder, keeper, lease_until, changed_at
) values (?, ?, 1, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
