-- API keys of clients. Revoked ones stay: their usage is theirs, and their handles are never given out again.
create table keys (
  number integer primary key autoincrement,
  name text,
  digest text not null unique,
  hint text not null,
  scopes text not null,
  rpm integer,
  concurrency integer,
  models text not null,
  expires_at integer,
  created_at integer not null,
  revoked_at integer,
  last_used_at integer
) strict;

create table key_changes (
  id integer primary key check (id = 1),
  number integer not null
) strict;

insert into key_changes values (1, 0);

create trigger key_added after insert on keys begin update key_changes set number = number + 1; end;
create trigger key_changed after update of revoked_at on keys begin update key_changes set number = number + 1; end;
create trigger key_removed after delete on keys begin update key_changes set number = number + 1; end;
