update {progress} p set lease_until = {now} + $2::bigint * interval '1 microsecond'
from unnest($3::text[], $4::text[], $5::text[]) as want (account, kind, reference)
join {operation} o on o.account = want.account and o.kind = want.kind and o.reference = want.reference
where p.operation = o.id and p.holder = $1::text and p.lease_until > {now}
