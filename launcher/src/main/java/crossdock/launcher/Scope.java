package crossdock.launcher;

import java.time.Duration;

/** How much of it the supervisor starts. */
enum Scope {
  ALL,
  /** PostgreSQL, Kafka, Keycloak. */
  INFRASTRUCTURE,
  /** One of every program, to make the caches that are missing or stale. */
  TRAINING;

  /** How long a JVM may take to end: writing a cache is most of the work of making it. */
  Duration grace() {
    return this == TRAINING ? Duration.ofMinutes(5) : Duration.ofSeconds(10);
  }
}
