-- Sites publish their listings themselves; what an operator listed was nobody's word.
DROP TABLE site;

-- The newest listing of each site, the envelope as it was signed: it is verified again whenever it counts.
CREATE TABLE published (
  site text PRIMARY KEY,
  version bigint NOT NULL,
  envelope bytea NOT NULL
);

-- Each change of a site's standing, by which trust bundle and which version of its listing.
CREATE TABLE site_state (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  site text NOT NULL,
  state text NOT NULL CHECK (state IN ('APPLIED', 'LISTED', 'EXPIRED', 'SUSPENDED', 'LEAVING', 'LEFT')),
  at timestamptz NOT NULL,
  bundle bigint NOT NULL,
  version bigint
);

CREATE INDEX site_state_newest ON site_state (site, seq);
