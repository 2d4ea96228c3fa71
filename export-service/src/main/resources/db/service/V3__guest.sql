-- What the dock found in a machine's guest when it looked last.
CREATE TABLE guest (
  owner text NOT NULL,
  machine text NOT NULL,
  traits text NOT NULL,
  PRIMARY KEY (owner, machine)
);
