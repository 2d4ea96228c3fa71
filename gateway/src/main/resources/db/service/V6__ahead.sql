-- What the dock does before it begins with this one; null once it has begun.
ALTER TABLE progress ADD COLUMN ahead_bytes bigint;
