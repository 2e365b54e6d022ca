update payonce_progress set lease_until = ?1
where operation in (select id from payonce_operation where account = ?2 and kind = ?3 and reference = ?4)
  and holder = ?5 and lease_until > ?6
