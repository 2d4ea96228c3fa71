package crossdock.providers.openstack;

import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.openstack4j.model.network.Port;

/**
 * A machine that a migration has to do with as its source, in {@code holds/<tag>.json}.
 *
 * @param project where it is
 * @param server its id in Nova; of an image, what {@link Images} name it by
 * @param volumes that were read as its disks, and are erased with it; of an image, the snapshots
 * @param ports that were its cards when it was to be erased, and are erased with it
 * @param groups that were made for those cards alone
 * @param addresses floating IPs that were made for those cards
 * @param images that its local root had been made of here, and of nothing else
 * @param moment how far it is with being opened while it runs; absent where it is not
 */
record Hold(
    String project,
    String server,
    List<String> volumes,
    // there are some of before it was known that ports stay
    @JsonSetter(nulls = Nulls.AS_EMPTY) List<String> ports,
    @JsonSetter(nulls = Nulls.AS_EMPTY) List<String> groups,
    @JsonSetter(nulls = Nulls.AS_EMPTY) List<String> addresses,
    @JsonSetter(nulls = Nulls.AS_EMPTY) List<String> images,
    Optional<Moment> moment) {
  /** Of a server that runs, and is opened as it was at one instant. */
  enum Moment {
    /** This side has paused it, until all its volumes have their snapshots. */
    PAUSED,
    /** All that is copied is there. */
    TAKEN
  }

  /** One of which no more is known yet. */
  Hold(String project, String server, List<String> volumes) {
    this(project, server, volumes, List.of(), List.of(), List.of(), List.of(), Optional.empty());
  }

  Hold at(Moment now) {
    return new Hold(project, server, volumes, ports, groups, addresses, images, Optional.of(now));
  }

  boolean is(Moment one) {
    return moment.equals(Optional.of(one));
  }

  /** Also these; those of before may have left a server that is half gone. */
  Hold with(
      List<? extends Port> cards,
      List<String> firewalls,
      List<FloatingIp> outside,
      Optional<String> root) {
    return new Hold(
        project,
        server,
        volumes,
        Stream.concat(ports.stream(), cards.stream().map(Port::getId)).distinct().toList(),
        Stream.concat(groups.stream(), firewalls.stream()).distinct().toList(),
        Stream.concat(addresses.stream(), outside.stream().map(FloatingIp::id)).distinct().toList(),
        Stream.concat(images.stream(), root.stream()).distinct().toList(),
        moment);
  }
}
