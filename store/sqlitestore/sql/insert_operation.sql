insert into payonce_operation (
  account, kind, reference, generation, key, exclusive, scope, fingerprint, seal, replay, empty_ok,
  prepared, created_at, not_after, origin, method, path, header, format, checksum, body
) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict do nothing
