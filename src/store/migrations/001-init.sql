-- `number` makes the handle ("a1"); autoincrement never gives a number out twice, not even after a removal.
create table accounts (
  number integer primary key autoincrement,
  id text not null unique,
  kind text not null,
  label text,
  email text,
  refresh_token text not null unique,
  project_id text,
  tier text,
  enabled integer not null default 1,
  problem_type text,
  problem_message text,
  problem_url text,
  problem_since integer,
  added_at integer not null,
  last_used_at integer
) strict;

create index accounts_by_email on accounts (email collate nocase);

create table signatures (
  key text primary key,
  family text not null,
  value text not null,
  at integer not null
) strict, without rowid;

create index signatures_by_age on signatures (at);

create table discovery (
  id integer primary key check (id = 1),
  document text not null,
  saved_at integer not null
) strict;
