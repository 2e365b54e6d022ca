update {progress} p set
  version = $5::bigint + 1, purged = false, restores = (select restores from {meta} where one), changed_at = {now},
  holder = $6::text, lease_until = case when $7::bigint > 0 then {now} + $7::bigint * interval '1 microsecond' end,
  state = $8::bigint, sent = $9::bigint, reached = $10::bigint, possible = $11::bigint, accepted = $12::boolean,
  key_spent = $13::boolean, first_at = $14::timestamptz, last_at = $15::timestamptz, due_at = coalesce($16::timestamptz, '-infinity'),
  reason = $17::text, note = $18::text, attempts = $19::json,
  outcome_class = $20::bigint, outcome_status = $21::bigint, outcome_code = $22::text, outcome_message = $23::text,
  outcome_request_id = $24::text, outcome_resource_id = $25::text, outcome_at = $26::timestamptz, outcome_replayed = $27::boolean,
  outcome_body = $28::bytea
where {version} = $5::bigint and p.operation = (
  select id from {operation}
  where account = $1::text and kind = $2::text and reference = $3::text and generation = $4::bigint and format = 1
)
