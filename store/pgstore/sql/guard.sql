with own as (
  select id from {writer} where id = $1::text and $2::text = {incarnation} for update
)
select
  1 / count(*), -- fails without the row
  set_config('lock_timeout', $3::text, true),
  -- a plan that is made while the tables are small, or not analyzed yet, is kept while they grow: let it be the one for large ones
  set_config('enable_seqscan', 'off', true),
  set_config('enable_bitmapscan', 'off', true),
  set_config('enable_sort', 'off', true),
  set_config('enable_hashjoin', 'off', true),
  set_config('enable_mergejoin', 'off', true),
  set_config('jit', 'off', true), -- compiling takes a thousand times as long as any of the statements
  -- a server that waits for the rest of what it was sent holds locks: it must soon notice that nobody will send it
  set_config('tcp_keepalives_idle', '15', true),
  set_config('tcp_keepalives_interval', '5', true),
  case when $4::boolean and current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'on', true) end
from own
