-- What every service keeps: the chains it has seen, its jobs, what it is about to send, what it could not read.
-- Signed and hashed bytes are bytea: jsonb would rewrite them.

CREATE TABLE chain (
  migration text NOT NULL,
  sequence bigint NOT NULL,
  event bytea NOT NULL,
  PRIMARY KEY (migration, sequence)
);

-- Fences grow over all jobs: what a migration's later job writes is never behind an earlier one's. Steps of two leave
-- room for the fence that takes a job away from its worker.
CREATE SEQUENCE job_fence INCREMENT BY 2 MINVALUE 1 START 2;

CREATE TABLE job (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  migration text NOT NULL,
  kind text NOT NULL,
  attempt integer NOT NULL,
  state text NOT NULL DEFAULT 'READY' CHECK (state IN ('READY', 'WAITING', 'DONE', 'DROPPED')),
  lease_until timestamptz NOT NULL DEFAULT '-infinity',
  fence bigint NOT NULL DEFAULT 0,
  tries integer NOT NULL DEFAULT 0,
  unanswered integer NOT NULL DEFAULT 0,
  next_run timestamptz NOT NULL DEFAULT now(),
  result text,
  UNIQUE (migration, kind, attempt)
);

CREATE INDEX job_ready ON job (next_run) WHERE state = 'READY';

CREATE TABLE outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL,
  aggregatetype text NOT NULL,
  aggregateid text NOT NULL,
  type text NOT NULL,
  payload bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  refused text
);

CREATE INDEX outbox_refused ON outbox (aggregatetype, aggregateid, seq) WHERE refused IS NOT NULL;

CREATE TABLE parked (
  topic text NOT NULL,
  partition integer NOT NULL,
  position bigint NOT NULL,
  key text,
  value bytea,
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, partition, position)
);

CREATE INDEX parked_newest ON parked (at);

-- What is about to be done to the cloud, committed before the call: whoever takes over knows what may exist.
CREATE TABLE intent (
  tag text NOT NULL,
  call text NOT NULL,
  fence bigint NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  PRIMARY KEY (tag, call)
);
