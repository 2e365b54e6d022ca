join (
  select operation, coalesce(sum(bytes) over (order by due_at, operation rows between unbounded preceding and 1 preceding), 0) as before
  from (
    select q.operation, q.due_at, coalesce(octet_length(b.body), 0) + coalesce(octet_length(q.outcome_body), 0) as bytes
    from {progress} q
    join {operation} b on b.id = q.operation
    where q.account = $1::text and q.state = $2::bigint
      and (q.due_at, q.operation) > (coalesce($3::timestamptz, '-infinity'), $4::bigint)
      and q.due_at <= coalesce($5::timestamptz, 'infinity')
    order by q.due_at, q.operation
    limit $6::bigint
    {lock}
  ) listed
) page on page.operation = p.operation
where page.before < $7::bigint
order by p.due_at, p.operation
