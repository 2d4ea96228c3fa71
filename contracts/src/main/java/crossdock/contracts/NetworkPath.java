package crossdock.contracts;

/**
 * The way from a source's dock to a target's, as the target's has measured it before anything was
 * stopped.
 *
 * @param bytesPerSecond of bytes that do not compress, over as many connections as a disk takes; at
 *     least 1
 * @param roundTripMicros the shortest time from a request to its answer, in microseconds
 * @param skewSeconds by how much the source's clock is ahead of the target's
 */
public record NetworkPath(long bytesPerSecond, long roundTripMicros, long skewSeconds) {
  public NetworkPath {
    if (bytesPerSecond < 1 || roundTripMicros < 0) {
      throw new Refused("a path has a rate and a round trip");
    }
  }
}
