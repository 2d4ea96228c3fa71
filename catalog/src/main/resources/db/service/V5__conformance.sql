-- The newest report of each site on itself, the envelope as it was signed: it is verified again whenever it counts.
CREATE TABLE conformance (
  site text PRIMARY KEY,
  at timestamptz NOT NULL,
  envelope bytea NOT NULL
);

ALTER TABLE site_state DROP CONSTRAINT site_state_state_check;
ALTER TABLE site_state ADD CONSTRAINT site_state_state_check
  CHECK (state IN ('APPLIED', 'UNEXAMINED', 'LISTED', 'EXPIRED', 'SUSPENDED', 'LEAVING', 'LEFT'));
