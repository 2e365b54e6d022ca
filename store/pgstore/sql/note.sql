update {writer} set
  seen_at = {now},
  newest = greatest(newest, (
    select greatest(o.created_at, p.first_at, p.last_at)
    from {operation} o
    join {progress} p on p.operation = o.id
    where o.account = $2::text and o.kind = $3::text and o.reference = $4::text and o.generation = $5::bigint
  ))
where id = $1::text
returning nullif(newest, '-infinity')
