-- Who a customer of the broker is at each provider, and when they last proved it.

CREATE TABLE link (
  broker_issuer text NOT NULL,
  broker_sub text NOT NULL,
  provider text NOT NULL,
  issuer text NOT NULL,
  sub text NOT NULL,
  linked_at timestamptz NOT NULL,
  PRIMARY KEY (broker_issuer, broker_sub, provider),
  CONSTRAINT one_customer_for_each_account UNIQUE (provider, issuer, sub)
);
