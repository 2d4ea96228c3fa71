-- Where the counting of bytes began that goes on now, for its rate.
ALTER TABLE progress ADD COLUMN from_bytes bigint NOT NULL DEFAULT 0;
ALTER TABLE progress ADD COLUMN since timestamptz NOT NULL DEFAULT now();
UPDATE progress SET from_bytes = heard_bytes, since = at;
