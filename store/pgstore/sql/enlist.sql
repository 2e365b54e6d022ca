with gone as (
  delete from {writer} where id = $2::text returning newest
)
insert into {writer} (id, newest, seen_at)
select $1::text, greatest((select max(newest) from gone), (select max(newest) from {writer}), '-infinity'), {now}
