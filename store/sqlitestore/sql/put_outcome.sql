insert or replace into outcome (
  operation, class, status, code, message, request_id, resource_id, answered_at, replayed, body
) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
