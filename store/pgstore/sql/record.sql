select
  o.id, o.format, o.account, o.kind, o.reference, o.generation, o.key, o.exclusive, o.scope, o.fingerprint, o.seal, o.replay,
  o.empty_ok, o.prepared, o.created_at, o.not_after, o.origin, o.method, o.path, o.header::text, o.body,
  {version}, p.state, p.sent, p.reached, p.possible, p.accepted, p.key_spent, p.first_at, p.last_at, nullif(p.due_at, '-infinity'),
  p.holder, coalesce(p.lease_until > {now}, false), p.reason, p.note, p.attempts::text,
  p.outcome_class, p.outcome_status, p.outcome_code, p.outcome_message, p.outcome_request_id, p.outcome_resource_id, p.outcome_at,
  p.outcome_replayed, p.outcome_body,
  greatest({now}, (select max(newest) from {writer})),
  (select m.restores > p.restores or m.incarnation <> {incarnation} from {meta} m)
from {operation} o
join {progress} p on p.operation = o.id
