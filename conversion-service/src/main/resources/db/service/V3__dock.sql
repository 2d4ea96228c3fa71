-- The site's grants and tickets (V2) are kept by export- and import-service; the dock has its orders and what it serves.
CREATE TABLE dock_order (
  migration text NOT NULL,
  kind text NOT NULL,
  attempt integer NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (migration, kind, attempt)
);

CREATE TABLE opening (
  migration text NOT NULL,
  disk text NOT NULL,
  ticket text NOT NULL,
  peer text NOT NULL,
  root text NOT NULL,
  length bigint NOT NULL,
  PRIMARY KEY (migration, disk)
);
