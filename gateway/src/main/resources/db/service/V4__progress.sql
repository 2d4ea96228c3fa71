-- A worker that was killed begins anew: that is a sign of life, and less than was done before.
ALTER TABLE progress ADD COLUMN heard_bytes bigint NOT NULL DEFAULT 0;
