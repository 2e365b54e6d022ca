with own as (
  insert into {operation} (
    account, kind, reference, generation, format, key, exclusive, scope, fingerprint, seal, replay, empty_ok, prepared,
    created_at, not_after, origin, method, path, header, body
  )
  select
    $1::text, $2::text, $3::text, $4::bigint, 1, $5::text, $6::boolean, $7::bytea, $8::bytea, $9::bytea, $10::bigint, $11::boolean,
    $12::boolean, $13::timestamptz, $14::timestamptz, $15::text, $16::text, $17::text, $18::json, $19::bytea
  where not exists (
    select from {operation} where account = $1::text and kind = $2::text and reference = $3::text and generation > $4::bigint
  )
  on conflict do nothing
  returning id
), begun as (
  insert into {progress} (
    operation, account, version, purged, restores, changed_at,
    holder, lease_until,
    state, sent, reached, possible, accepted, key_spent, first_at, last_at, due_at, reason, note, attempts,
    outcome_class, outcome_status, outcome_code, outcome_message, outcome_request_id, outcome_resource_id, outcome_at,
    outcome_replayed, outcome_body
  )
  select
    id, $1::text, restores * 4294967296 + 1, false, restores, {now},
    $20::text, case when $21::bigint > 0 then {now} + $21::bigint * interval '1 microsecond' end,
    $22::bigint, $23::bigint, $24::bigint, $25::bigint, $26::boolean, $27::boolean, $28::timestamptz, $29::timestamptz,
    coalesce($30::timestamptz, '-infinity'), $31::text, $32::text, $33::json,
    $34::bigint, $35::bigint, $36::text, $37::text, $38::text, $39::text, $40::timestamptz, $41::boolean, $42::bytea
  from own, {meta}
  returning version
)
