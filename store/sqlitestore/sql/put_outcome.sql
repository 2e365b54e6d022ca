insert or replace into payonce_outcome (
  operation, class, status, code, message, request_id, resource_id, answered_at, replayed, body
) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
