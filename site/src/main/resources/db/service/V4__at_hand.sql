ALTER TABLE ticket
  DROP CONSTRAINT ticket_purpose_check,
  ADD CONSTRAINT ticket_purpose_check CHECK (purpose IN ('read', 'write', 'read-back', 'at-hand'));
