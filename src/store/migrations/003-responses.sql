-- Answers of the Responses API that their owner has opted to keep, with what they answered: sealed like secrets.
create table responses (
  id text primary key,
  document text not null,
  created_at integer not null
) strict, without rowid;

create index responses_by_age on responses (created_at);
