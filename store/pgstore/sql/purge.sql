with old as (
  select p.operation from {progress} p
  where not p.purged and (p.state = 1 or (p.key_spent and (p.state = 2 or p.state = 3))) and p.changed_at < $1::timestamptz
    and exists (select from {operation} o where o.id = p.operation and o.format = 1)
  order by p.changed_at, p.operation
  limit $2::bigint
  for update of p skip locked
), answers as (
  update {progress} p set purged = true, outcome_body = null from old where p.operation = old.operation
)
update {operation} o set body = null from old where o.id = old.operation
