-- Prices as published, quotes as given, readings as stated, and a ledger in which nothing is lost.

CREATE TABLE price (
  party text NOT NULL,
  meter text NOT NULL,
  formats text NOT NULL DEFAULT '*', -- '*', or source>target of a conversion
  unit text NOT NULL,
  amount numeric(38,10) NOT NULL CHECK (amount >= 0),
  currency text NOT NULL,
  valid_from timestamptz NOT NULL,
  PRIMARY KEY (party, meter, formats, currency, valid_from)
);

-- Digests are made of these bytes: bytea, so that nothing rewrites them.
CREATE TABLE quote (
  migration text NOT NULL,
  plan text NOT NULL,
  bill bytea NOT NULL,
  PRIMARY KEY (migration, plan)
);

-- Cumulative; sequence is that of the event that stated it, and the newest counts.
CREATE TABLE reading (
  migration text NOT NULL,
  party text NOT NULL,
  meter text NOT NULL,
  quantity numeric NOT NULL CHECK (quantity >= 0),
  unit text NOT NULL,
  sequence bigint NOT NULL,
  PRIMARY KEY (migration, party, meter)
);

CREATE TABLE journal (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_key text NOT NULL UNIQUE,
  migration text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  bill bytea NOT NULL
);

-- Positive: the account owes; negative: it is owed.
CREATE TABLE posting (
  journal bigint NOT NULL REFERENCES journal (id),
  account text NOT NULL,
  amount numeric(38,10) NOT NULL CHECK (amount <> 0),
  currency text NOT NULL,
  PRIMARY KEY (journal, account, currency)
);

CREATE FUNCTION posting_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM posting WHERE journal = NEW.journal GROUP BY currency HAVING sum(amount) <> 0) THEN
    RAISE EXCEPTION 'journal % does not balance', NEW.journal USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER posting_balances AFTER INSERT ON posting
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION posting_balances();

CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is only ever added to' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER posting_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON posting
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
