-- The version of the listing that this site published last; one row.
CREATE TABLE published (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version bigint NOT NULL
);
