-- Times are microseconds since 1970 in UTC; 0 is no time. Operations are numbered in the order of their creation and never deleted.

-- What is true of the whole file: salt, the stores' random key; newest, the newest time in any record that was ever written;
-- restores, how often the file was found put back to an earlier state.
create table payonce_meta (
  name text primary key,
  value any not null
) strict, without rowid;

insert into payonce_meta (name, value) values ('newest', 0), ('restores', 0);

-- The intent: written once, but for the body, which is purged.
create table payonce_operation (
  id integer primary key,
  format integer not null,   -- of the whole record
  checksum integer not null, -- of the columns in the low half, of the body in the high one
  account text not null,
  kind text not null,
  reference text not null,
  generation integer not null,
  key text not null,
  exclusive integer not null,
  scope blob,
  fingerprint blob,
  seal blob,
  replay integer not null,
  empty_ok integer not null,
  prepared integer not null,
  created_at integer not null,
  not_after integer not null,
  origin text not null,
  method text not null,
  path text not null,
  header text,    -- json: [[name, value, …], …]
  sealed_by text, -- the key that the body is encrypted with; null: it is not
  body blob       -- last, so that the rest is read without its overflow pages
) strict;

create unique index payonce_operation_identity on payonce_operation (account, kind, reference, generation);

-- Only keys that were not derived from the identity: random keys in an index halve the rate of inserts at a million rows.
create unique index payonce_operation_key on payonce_operation (ifnull(scope, x''), key) where exclusive = 1;

-- What changes, in rows of its own, so that a change does not rewrite the bodies.
create table payonce_progress (
  operation integer primary key references payonce_operation (id),
  account text not null,
  state integer not null,
  version integer not null,
  checksum integer not null, -- of the columns and those of the outcome in the low half, of the answer's body in the high one
  sent integer not null,
  reached integer not null,
  possible integer not null,
  accepted integer not null,
  key_spent integer not null,
  first_at integer not null,
  last_at integer not null,
  due_at integer not null,
  restores integer not null, -- how often the file had been put back when this was written
  changed_at integer not null,
  lease_until integer not null,
  holder text not null,
  keeper text not null, -- whose lock file tells whether the holder's process lives
  purged integer not null,
  reason text not null,
  note text not null,
  attempts text         -- json
) strict;

-- What is open (0) or in doubt (4), as List walks it.
create index payonce_progress_due on payonce_progress (account, state, due_at, operation) where state = 0 or state = 4;

-- What is never sent again and has bodies, as Purge walks it: in the order of time, so that entries are appended.
create index payonce_progress_final on payonce_progress (changed_at) where purged = 0 and (state = 1 or (key_spent = 1 and (state = 2 or state = 3)));

-- The last answer that decided something.
create table payonce_outcome (
  operation integer primary key references payonce_operation (id),
  class integer not null,
  status integer not null,
  code text not null,
  message text not null,
  request_id text not null,
  resource_id text not null,
  answered_at integer not null,
  replayed integer not null,
  sealed_by text,
  body blob
) strict;
