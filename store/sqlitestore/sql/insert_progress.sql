insert into progress (
  operation, account, version, purged,
  state, sent, reached, possible, accepted, key_spent, first_at, last_at, due_at, reason, note, attempts,
  checksum, holder, keeper, lease_until, changed_at, restores
) values (?, ?, 1, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (select value from meta where name = 'restores'))
