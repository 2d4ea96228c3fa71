package crossdock.gateway.log;

import crossdock.contracts.Progress;
import java.util.List;
import java.util.Optional;

/**
 * What happened to a migration after some event.
 *
 * @param bytes the events as published, oldest first
 * @param progress the newest
 * @param ended whether nothing follows these
 */
public record News(List<byte[]> bytes, Optional<Progress> progress, boolean ended) {
  public News {
    bytes = List.copyOf(bytes);
  }
}
