-- What the operators list: one row a site, the offer as it stands in the listing file.

CREATE TABLE site (
  site text PRIMARY KEY,
  country text NOT NULL,
  offer text NOT NULL
);
