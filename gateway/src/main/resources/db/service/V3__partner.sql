-- Who besides its customer is told of a migration, where to, and how far they have heard. No event is copied: a cursor
-- goes along the log.

CREATE TABLE share (
  migration text NOT NULL REFERENCES migration,
  partner text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (migration, partner)
);

CREATE INDEX share_of_partner ON share (partner);

-- A key pair for each, as Standard Webhooks asks for: what one receiver was told proves nothing to another.
CREATE TABLE subscription (
  id text PRIMARY KEY,
  partner text NOT NULL,
  url text NOT NULL,
  secret bytea NOT NULL,
  key text NOT NULL,
  created_at timestamptz NOT NULL,
  UNIQUE (partner, url)
);

CREATE TABLE delivery (
  subscription text NOT NULL REFERENCES subscription ON DELETE CASCADE,
  migration text NOT NULL REFERENCES migration,
  delivered bigint NOT NULL DEFAULT 0,
  attempts integer NOT NULL DEFAULT 0,
  next_try timestamptz NOT NULL,
  lease_until timestamptz NOT NULL DEFAULT '-infinity',
  fence bigint NOT NULL DEFAULT 0,
  -- set while somebody delivers, if what comes next was decided anew meanwhile
  moved boolean NOT NULL DEFAULT false,
  parked text,
  parked_at timestamptz,
  PRIMARY KEY (subscription, migration)
);

CREATE INDEX delivery_due ON delivery (next_try) WHERE parked IS NULL;
