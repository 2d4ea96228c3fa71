-- The log of every migration, what was reported for it, and how far the sites are.
-- Signed and hashed bytes are bytea: jsonb would rewrite them.

CREATE TABLE migration (
  id text PRIMARY KEY,
  caller_issuer text NOT NULL,
  caller_sub text NOT NULL,
  fingerprint text NOT NULL,
  vm text NOT NULL,
  source text NOT NULL,
  target text NOT NULL,
  state text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  ended boolean NOT NULL DEFAULT false,
  assigned_at timestamptz NOT NULL,
  next_look timestamptz NOT NULL
);

CREATE INDEX migration_of_caller ON migration (caller_issuer, caller_sub, created_at DESC, id);
CREATE INDEX migration_to_look_at ON migration (next_look) WHERE NOT ended;

CREATE TABLE log (
  migration text NOT NULL REFERENCES migration,
  sequence bigint NOT NULL,
  event bytea NOT NULL,
  PRIMARY KEY (migration, sequence)
);

-- One id with two digests is a conflict: both rows stay.
CREATE TABLE report (
  id text NOT NULL,
  digest text NOT NULL,
  migration text NOT NULL REFERENCES migration,
  verdict text NOT NULL CHECK (verdict IN ('ACCEPTED', 'HELD', 'STALE', 'CONFLICT')),
  envelope bytea NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (id, digest)
);

CREATE INDEX report_held ON report (migration, at) WHERE verdict = 'HELD';

CREATE TABLE progress (
  migration text NOT NULL REFERENCES migration,
  step text NOT NULL,
  attempt integer NOT NULL,
  done_bytes bigint NOT NULL,
  total_bytes bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (migration, step)
);
