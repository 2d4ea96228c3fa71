-- How long migrations took, from both sides' yes to this plan to the booted guest, and what the way brought when it was measured before.
CREATE TABLE journey (
  migration text PRIMARY KEY,
  plan text NOT NULL,
  source text NOT NULL,
  target text NOT NULL,
  bytes bigint NOT NULL,
  path_bytes_per_second bigint,
  began timestamptz NOT NULL,
  ended timestamptz
);

CREATE INDEX journey_between ON journey (source, target, ended DESC);
