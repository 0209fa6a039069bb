-- Secrets are sealed from here on. The code step that belongs to this file (seal-plain-accounts.ts) moves the rows over.
alter table accounts rename to plain_accounts;
drop index accounts_by_email;

-- What the digests are keyed with; it is sealed itself, and outlives a change of the sealing key.
create table vault (
  id integer primary key check (id = 1),
  digest_key text not null
) strict;

-- `number` makes the handle ("a1"); autoincrement never gives a number out twice, not even after a removal.
-- Two secrets are compared by their keyed digests.
create table accounts (
  number integer primary key autoincrement,
  id text not null unique,
  kind text not null,
  label text,
  email text,
  secret text not null,
  secret_digest text not null unique,
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

create index accounts_by_owner on accounts (kind, email collate nocase);

-- The secrets an account had before, so that an old file neither doubles it nor brings it back once it is removed.
create table former_secrets (
  digest text primary key,
  account_id text not null references accounts (id) on delete cascade
) strict, without rowid;

create index former_secrets_by_account on former_secrets (account_id);

create trigger secret_replaced after update of secret_digest on accounts when old.secret_digest <> new.secret_digest
begin
  insert or replace into former_secrets (digest, account_id) values (old.secret_digest, old.id);
  delete from former_secrets where digest = new.secret_digest;
end;

-- One row for each secret of an account that its owner removed. `owner_digest` is of the kind and the e-mail. The block is
-- that of the terms, where there was one: the account still has it when it is added again.
create table removed (
  secret_digest text primary key,
  owner_digest text,
  handle text not null,
  removed_at integer not null,
  block_message text,
  block_url text,
  block_since integer
) strict, without rowid;

create index removed_by_owner on removed (owner_digest);

create table limits (
  account_id text not null references accounts (id) on delete cascade,
  model text not null,
  cooldown_kind text,
  cooldown_until integer,
  cooldown_since integer,
  cooldown_evidence text,
  unnamed_failures integer not null,
  lifted_by_reading integer not null,
  primary key (account_id, model)
) strict, without rowid;

create table sessions (
  session text not null,
  model text not null,
  account_id text not null references accounts (id) on delete cascade,
  used_at integer not null,
  primary key (session, model)
) strict, without rowid;

create index sessions_by_age on sessions (used_at);
create index sessions_by_account on sessions (account_id);

create table consents (
  subject text not null,
  version integer not null,
  given_at integer not null,
  primary key (subject, version)
) strict, without rowid;

-- Counts the changes that every process must hear of.
create table changes (
  id integer primary key check (id = 1),
  number integer not null
) strict;

insert into changes values (1, 0);

create trigger account_added after insert on accounts begin update changes set number = number + 1; end;
create trigger account_changed after update on accounts begin update changes set number = number + 1; end;
create trigger account_removed after delete on accounts begin update changes set number = number + 1; end;
create trigger limit_added after insert on limits begin update changes set number = number + 1; end;
create trigger limit_changed after update on limits begin update changes set number = number + 1; end;
create trigger limit_removed after delete on limits begin update changes set number = number + 1; end;

-- What is left to do after the transaction that asked for it; see scrub.ts.
create table pending (
  task text primary key
) strict, without rowid;
