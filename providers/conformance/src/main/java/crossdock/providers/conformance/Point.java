package crossdock.providers.conformance;

/** How far a migration has come at its target, before something makes it undo. */
enum Point {
  UNTOUCHED,
  RESERVED,
  PREPARED,
  HALF_WRITTEN,
  WRITTEN,
  REGISTERED,
  BOOTED
}
