package crossdock.providers.openstack;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Machine;
import crossdock.contracts.Refused;
import crossdock.contracts.Subnet;
import crossdock.providers.Placement;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.openstack4j.model.compute.Flavor;
import org.openstack4j.model.compute.Server;
import org.openstack4j.model.image.v2.Image;
import org.openstack4j.model.network.IP;
import org.openstack4j.model.network.Network;
import org.openstack4j.model.network.Port;
import org.openstack4j.model.storage.block.Volume;
import org.openstack4j.model.storage.block.VolumeAttachment;

/** A server in no cloud's words. */
final class Machines {
  private static final String FORMAT = "qcow2";
  private static final Pattern CARD = Pattern.compile("crossdock-.+-card-([0-9]{2})");

  private static final int LONGEST = 128;
  private static final Pattern VALUE = Pattern.compile("[ -~]{1," + LONGEST + "}");

  private Machines() {}

  /** A disk, and where it is. */
  sealed interface Place {
    Machine.Disk disk();

    /** On the hypervisor, made from the server's image. */
    record Local(Machine.Disk disk) implements Place {}

    /** In Cinder. */
    record Attached(Machine.Disk disk, Volume volume) implements Place {}
  }

  /**
   * @param id that it is known by
   * @param rules of the project's security groups
   * @throws Refused if there is something that cannot be said of a machine
   */
  static Machine describe(Project project, Server server, String id, Groups rules)
      throws IOException {
    Flavor flavor =
        project
            .nova()
            .flavor(server.getFlavorId())
            .orElseThrow(() -> new Refused("its flavor does not exist any more"));
    List<Place> disks = disks(project, server);
    Properties properties = properties(project, server, disks);
    List<Machine.Nic> nics = new ArrayList<>();
    List<Port> cards = cards(project, server);
    List<FloatingIp> outside = cards.isEmpty() ? List.of() : project.neutron().floatingIps();
    for (Port card : cards) {
      Optional<FloatingIp> first = FloatingIp.of(List.of(card), outside).stream().findFirst();
      nics.add(
          new Machine.Nic(
              "nic" + nics.size(),
              network(project, card.getNetworkId()),
              card.getMacAddress(),
              card.getFixedIps().stream().map(IP::getIpAddress).toList(),
              rules.of(card),
              allowed(card),
              first.isEmpty()
                  ? Optional.empty()
                  : Optional.of(
                      new Machine.PublicAddress(
                          network(project, first.get().network()),
                          Optional.of(first.get().address())))));
    }
    List<String> groups =
        server.getSecurityGroups() == null
            ? List.of()
            : server.getSecurityGroups().stream()
                .map(one -> one.getName())
                .distinct()
                .sorted()
                .toList();
    return new Machine(
        id,
        server.getName(),
        properties.architecture(),
        flavor.getVcpus(),
        (long) flavor.getRam() << 20,
        properties.firmware(),
        properties.guestOs(),
        disks.stream().map(Place::disk).toList(),
        nics,
        groups,
        traits(server, nics, FloatingIp.of(cards, outside), disks, properties.traits()));
  }

  /** By its name, where that is a plain one. */
  private static String network(Project project, String id) throws IOException {
    return project.neutron().network(id).map(Network::getName).filter(Machines::isPlain).orElse(id);
  }

  /** What a port lets its card send from beside its own addresses (allowed address pairs). */
  static List<Machine.AllowedAddress> allowed(Port card) {
    if (Boolean.FALSE.equals(card.isPortSecurityEnabled())) {
      return Machine.AllowedAddress.ANYTHING;
    }
    return card.getAllowedAddressPairs() == null
        ? List.of()
        : card.getAllowedAddressPairs().stream()
            .map(
                pair ->
                    new Machine.AllowedAddress(
                        Subnet.around(pair.getIpAddress()),
                        Optional.ofNullable(pair.getMacAddress()).map(Machines::mac)))
            .toList();
  }

  /** Neutron keeps it as it was typed, in any way in which one is written. */
  private static String mac(String text) {
    String[] groups = text.toLowerCase(Locale.ROOT).split("[-:.]", -1);
    int digits = 12 / groups.length;
    return Arrays.stream(groups)
        .map(group -> "0".repeat(Math.max(0, digits - group.length())) + group)
        .collect(Collectors.joining())
        .replaceAll("(..)(?!$)", "$1:");
  }

  /** What Nova, Neutron and Cinder say beside what the image does. */
  private static SortedMap<String, String> traits(
      Server server,
      List<Machine.Nic> nics,
      List<FloatingIp> outside,
      List<Place> disks,
      SortedMap<String, String> properties) {
    SortedMap<String, String> traits = new TreeMap<>(properties);
    said(traits, Placement.ZONE, server.getAvailabilityZone());
    said(traits, "keypair", server.getKeyName());
    said(traits, "labels", labels(server));
    said(traits, "address.public", listed(outside.stream().map(FloatingIp::address)));
    said(
        traits,
        "address.floating",
        listed(
            nics.stream()
                .flatMap(nic -> nic.allowedAddresses().stream())
                .map(Machine.AllowedAddress::toString)));
    if (disks.stream()
        .anyMatch(
            place -> place instanceof Place.Attached(_, Volume volume) && volume.encrypted())) {
      traits.put("disk.encrypted", "provider");
    }
    return traits;
  }

  private static void said(SortedMap<String, String> traits, String name, @Nullable String value) {
    if (value != null && VALUE.matcher(value).matches()) {
      traits.put(name, value);
    }
  }

  /** The names of its metadata that are not ours. */
  private static String labels(Server server) {
    Map<String, String> metadata = server.getMetadata() == null ? Map.of() : server.getMetadata();
    return listed(metadata.keySet().stream().filter(name -> !name.startsWith(Found.MADE_BY)));
  }

  /** In order, each once, as many as have room. */
  private static String listed(Stream<String> all) {
    StringBuilder listed = new StringBuilder();
    for (String one : all.filter(Objects::nonNull).collect(Collectors.toCollection(TreeSet::new))) {
      if (VALUE.matcher(one).matches() && listed.length() + 1 + one.length() <= LONGEST) {
        listed.append(listed.isEmpty() ? "" : ",").append(one);
      }
    }
    return listed.toString();
  }

  /**
   * In the guest's order. Neutron knows none, so ports that Crossdock made say it in their names;
   * of others Nova's addresses do, which stand together for each network, so that of three cards in
   * two networks the last two may change places.
   */
  private static List<Port> cards(Project project, Server server) throws IOException {
    List<Port> cards = new ArrayList<>(project.neutron().portsOf(server.getId()));
    List<String> macs = cards.size() > 1 ? project.nova().macs(server.getId()) : List.of();
    cards.sort(
        Comparator.comparingInt((Port card) -> numbered(card.getName()))
            .thenComparingInt(card -> Math.floorMod(macs.indexOf(card.getMacAddress()), 1 << 16))
            .thenComparing(Port::getId));
    return cards;
  }

  /** The name of the port of a machine's card. */
  static String card(String prefix, int index) {
    return prefix + "card-%02d".formatted(index);
  }

  private static int numbered(@Nullable String name) {
    Matcher ours = CARD.matcher(String.valueOf(name));
    return ours.matches() ? Integer.parseInt(ours.group(1)) : 0;
  }

  static boolean isPlain(String name) {
    return name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  }

  /** In the order of their devices, the root first. */
  static List<Place> disks(Project project, Server server) throws IOException {
    List<Place> places = new ArrayList<>();
    if (server.getImageId() != null && !server.getImageId().isEmpty()) {
      places.add(local(project, server));
    }
    record Device(String name, Volume volume) {}
    List<Device> devices = new ArrayList<>();
    for (String id : volumes(server)) {
      Volume volume =
          project
              .cinder()
              .volume(id)
              .orElseThrow(() -> new IOException("volume " + id + " has gone"));
      devices.add(new Device(device(volume, server), volume));
    }
    devices.sort(
        Comparator.comparingInt((Device device) -> device.name().length())
            .thenComparing(Device::name));
    for (Device device : devices) {
      Map<String, String> metadata =
          device.volume().getMetaData() == null ? Map.of() : device.volume().getMetaData();
      String name =
          Optional.ofNullable(metadata.get(Found.DISK))
              .filter(Machines::isPlain)
              .orElse(device.name());
      places.add(
          new Place.Attached(
              new Machine.Disk(
                  name,
                  FORMAT,
                  (long) device.volume().getSize() << 30,
                  Optional.ofNullable(device.volume().getVolumeType())
                      .filter(type -> !type.isBlank() && type.length() <= LONGEST)),
              device.volume()));
    }
    return places;
  }

  static List<String> volumes(Server server) {
    List<String> volumes = server.getOsExtendedVolumesAttached();
    return volumes == null ? List.of() : volumes;
  }

  /** The last part of the device's path, such as vdb. */
  private static String device(Volume volume, Server server) {
    for (VolumeAttachment one : volume.getAttachments()) {
      if (server.getId().equals(one.getServerId()) && one.getDevice() != null) {
        String name = one.getDevice().substring(one.getDevice().lastIndexOf('/') + 1);
        return isPlain(name) ? name : volume.getId();
      }
    }
    return volume.getId();
  }

  private static Place local(Project project, Server server) throws IOException {
    Flavor flavor =
        project
            .nova()
            .flavor(server.getFlavorId())
            .orElseThrow(() -> new Refused("its flavor does not exist any more"));
    if (flavor.getEphemeral() != 0 || flavor.getSwap() != 0) {
      throw new Refused("it has ephemeral or swap disks, which no snapshot holds");
    }
    long size =
        flavor.getDisk() > 0
            ? (long) flavor.getDisk() << 30
            : project
                .glance()
                .image(server.getImageId())
                .map(Image::getVirtualSize)
                .orElseThrow(() -> new Refused("the size of its root disk is not known"));
    String name =
        new Found(project, server).meta(Found.DISK).filter(Machines::isPlain).orElse("root");
    return new Place.Local(new Machine.Disk(name, FORMAT, size, Optional.of(OpenStack.LOCAL)));
  }

  /** What the image of its root says of it; nothing, where that does not exist any more. */
  private static Properties properties(Project project, Server server, List<Place> disks)
      throws IOException {
    return switch (disks.isEmpty() ? null : disks.getFirst()) {
      case Place.Local _ -> {
        Optional<Image> image = project.glance().image(server.getImageId());
        yield name -> image.flatMap(one -> property(one, name));
      }
      case Place.Attached(var _, Volume volume) -> {
        JsonNode metadata = project.cinder().imageMetadata(volume.getId());
        yield name ->
            metadata.hasNonNull(name) ? Optional.of(metadata.get(name).asText()) : Optional.empty();
      }
      case null -> throw new Refused("it has no disk");
    };
  }

  /** What an image says of the machines that are made of it. */
  static Properties properties(Image image) {
    return name -> property(image, name);
  }

  private static Optional<String> property(Image image, String name) {
    return Optional.ofNullable(
        switch (name) {
          case "architecture" -> image.getArchitecture();
          case "os_distro" -> image.getOsDistro();
          case "os_version" -> image.getOsVersion();
          default -> image.getAdditionalPropertyValue(name);
        });
  }
}
