-- Text that PostgreSQL can't hold (a zero byte, no UTF-8) is stored as 'base64:…'. What identifies an operation compares by bytes
-- (collate "C"): an index in the order of a language is silently wrong after an update of the operating system's locales, and lets
-- an operation in twice. Operations are numbered in the order of their creation and never deleted.

-- One row: what is true of the whole store.
create table {meta} (
  one boolean primary key default true check (one),
  version bigint not null,              -- of the schema
  salt bytea not null,
  channel text not null,                -- that InsertTx notifies
  incarnation text not null default '', -- the server and the history of it in which the rows were written
  -- Grows each time that the server is found in another history than the rows: by a random number, so that two branches of one history
  -- have different ones.
  restores bigint not null default 0
);

-- One row for each open store. Every transaction of the store locks it and goes on only if it is there: who deletes it has waited
-- for the end of the last transaction and has forbidden any later one.
create table {writer} (
  id text primary key,
  newest timestamptz not null default '-infinity', -- of all records that this store and those before it wrote, roughly
  seen_at timestamptz not null
);

create index payonce_writer_newest on {writer} (newest);

-- The intent: written once, but for the body, which is purged.
create table {operation} (
  id bigint generated always as identity primary key,
  format bigint not null, -- of the whole record
  account text collate "C" not null,
  kind text collate "C" not null,
  reference text collate "C" not null,
  generation bigint not null,
  key text collate "C" not null,
  exclusive boolean not null,
  scope bytea,
  fingerprint bytea,
  seal bytea,
  replay bigint not null,
  empty_ok boolean not null,
  prepared boolean not null,
  created_at timestamptz,
  not_after timestamptz,
  origin text not null,
  method text not null,
  path text not null,
  header json, -- [[name, value, …], …]
  body bytea
);

create unique index payonce_operation_identity on {operation} (account, kind, reference, generation);

-- Only keys that were not derived from the identity: random keys in an index halve the rate of inserts at a million rows.
create unique index payonce_operation_key on {operation} (coalesce(scope, ''), key) where exclusive;

-- What changes, in rows of its own, so that a change rewrites neither bodies nor their indices. There is no foreign key: both rows are
-- inserted by one statement and never deleted, and the check of a key costs as much as half a claim.
create table {progress} (
  operation bigint primary key,
  account text collate "C" not null,
  version bigint not null, -- begins at restores * 2^32 + 1 and is read as moved on by what restores grew since: who knows a lost one is stale
  state bigint not null,
  sent bigint not null,
  reached bigint not null,
  possible bigint not null,
  accepted boolean not null,
  key_spent boolean not null,
  first_at timestamptz,
  last_at timestamptz,
  due_at timestamptz not null check (due_at < 'infinity'), -- '-infinity': since ever
  changed_at timestamptz not null,
  lease_until timestamptz,
  holder text not null,
  purged boolean not null,
  restores bigint not null, -- as it was when this was written
  reason text not null,
  note text not null,
  attempts json,
  outcome_class bigint, -- null: there is no outcome
  outcome_status bigint,
  outcome_code text,
  outcome_message text,
  outcome_request_id text,
  outcome_resource_id text,
  outcome_at timestamptz,
  outcome_replayed boolean,
  outcome_body bytea
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05); -- each row is rewritten twice or more

-- As List walks it. What is open has one end of it for itself.
create index payonce_progress_due on {progress} (account, state, due_at, operation);

-- What is never sent again and has bodies, as Purge walks it: in the order of time, so that entries are appended.
create index payonce_progress_final on {progress} (changed_at, operation)
  where not purged and (state = 1 or (key_spent and (state = 2 or state = 3)));
