-- One row a request; `record` is JSON of at most 4 kB (core/record.ts).
create table requests (
  place integer primary key autoincrement,
  id text not null unique,
  at integer not null,
  failed integer not null,
  record text not null
) strict;

create index requests_by_age on requests (at);
create index requests_failed on requests (place) where failed = 1;

-- What outlives the rows. Days are UTC; "" stands for none.
create table usage (
  day text not null,
  model text not null,
  account text not null,
  key text not null,
  requests integer not null,
  failed integer not null,
  input integer not null,
  cached_input integer not null,
  output integer not null,
  thinking integer not null,
  primary key (day, model, account, key)
) strict, without rowid;
