select
  o.id, p.due_at, o.format, o.sealed_by is not null or r.sealed_by is not null, o.checksum, p.checksum, p.purged,
  (select value from payonce_meta where name = 'newest'), p.restores < (select value from payonce_meta where name = 'restores'),
  o.account, o.kind, o.reference, o.generation, o.key, o.exclusive, o.scope, o.fingerprint, o.seal, o.replay, o.empty_ok,
  o.prepared, o.created_at, o.not_after, o.origin, o.method, o.path, o.header, o.body,
  p.state, p.version, p.sent, p.reached, p.possible, p.accepted, p.key_spent, p.first_at, p.last_at,
  p.lease_until, p.holder, p.keeper, p.reason, p.note, p.attempts,
  r.operation is not null, ifnull(r.class, 0), ifnull(r.status, 0), ifnull(r.code, ''), ifnull(r.message, ''),
  ifnull(r.request_id, ''), ifnull(r.resource_id, ''), ifnull(r.answered_at, 0), ifnull(r.replayed, 0), r.body
from payonce_operation o
left join payonce_progress p on p.operation = o.id
left join payonce_outcome r on r.operation = o.id
