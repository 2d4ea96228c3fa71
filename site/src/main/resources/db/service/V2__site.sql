-- A customer's standing yes, given here, with its limits.
CREATE TABLE yes (
  id uuid PRIMARY KEY,
  side text NOT NULL CHECK (side IN ('source', 'target')),
  issuer text NOT NULL,
  sub text NOT NULL,
  machine text,
  other_side text NOT NULL,
  other_issuer text,
  other_sub text,
  max_bytes bigint NOT NULL,
  may_erase boolean NOT NULL,
  given_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);

CREATE INDEX yes_of ON yes (issuer, sub);

-- What the site's own dock may open, fetched by it over mutual TLS.
CREATE TABLE ticket (
  migration text NOT NULL,
  purpose text NOT NULL CHECK (purpose IN ('read', 'write', 'read-back')),
  tickets text NOT NULL,
  PRIMARY KEY (migration, purpose)
);
