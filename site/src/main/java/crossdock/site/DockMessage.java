package crossdock.site;

import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonTypeName;
import com.fasterxml.jackson.annotation.Nulls;
import crossdock.contracts.Adaptation;
import crossdock.contracts.Bandwidth;
import crossdock.contracts.Certificate;
import crossdock.contracts.Check;
import crossdock.contracts.Countersignature;
import crossdock.contracts.Machine;
import crossdock.contracts.MigrationId;
import crossdock.contracts.NetworkPath;
import crossdock.contracts.Reason;
import crossdock.contracts.Step;
import java.net.URI;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What goes over a site's own dock topic: jobs to its conversion-service, and their results. Roots
 * do, bytes and tickets never.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(DockMessage.Look.class),
  @JsonSubTypes.Type(DockMessage.Probe.class),
  @JsonSubTypes.Type(DockMessage.Serve.class),
  @JsonSubTypes.Type(DockMessage.Fetch.class),
  @JsonSubTypes.Type(DockMessage.ReadBack.class),
  @JsonSubTypes.Type(DockMessage.Close.class),
  @JsonSubTypes.Type(DockMessage.Result.class),
  @JsonSubTypes.Type(DockMessage.Advance.class)
})
public sealed interface DockMessage {
  /** A job for the dock. */
  sealed interface Order extends DockMessage {
    /** Of which migration. */
    MigrationId migration();

    /** Tells repetitions of one kind apart. */
    int attempt();

    /** Of all disks that it is about; 0 where it reads and writes none. */
    long bytes();

    /** What the job row is called. */
    default String kind() {
      return switch (this) {
        case Look _ -> Look.KIND;
        case Probe _ -> Probe.KIND;
        case Serve _ -> "serve";
        case Fetch _ -> "fetch";
        case ReadBack _ -> "read-back";
        case Close close -> Close.kind(close.ending());
      };
    }

    /** Whose job waits for the result. */
    default Step step() {
      return switch (this) {
        case Look _ -> Step.INSPECT;
        case Probe _ -> Step.RESERVE;
        case Serve _ -> Step.CERTIFY;
        case Fetch _, ReadBack _ -> Step.IMPORT;
        case Close close -> close.ending();
      };
    }
  }

  /**
   * Look into the guest on the source's disks.
   *
   * @param until later it is not to begin: somebody waits
   */
  @JsonTypeName("crossdock.dock.look.v1")
  record Look(MigrationId migration, int attempt, Instant until) implements Order {
    /** What its job row is called. */
    public static final String KIND = "look";

    @Override
    public long bytes() {
      return 0;
    }
  }

  /**
   * Try the way to the source's dock.
   *
   * @param from where that dock answers, as in the trust bundle
   * @param peer its URN
   * @param adapts whether it will have to change the guest
   */
  @JsonTypeName("crossdock.dock.probe.v1")
  record Probe(MigrationId migration, int attempt, URI from, String peer, boolean adapts)
      implements Order {
    /** What its job row is called. */
    public static final String KIND = "probe";

    @Override
    public long bytes() {
      return 0;
    }
  }

  /**
   * Check, read and hash the source's disks, then serve them.
   *
   * @param peer the only dock that may fetch them, by its URN
   * @param firmware what starts the machine
   * @param bytes of all its disks
   */
  @JsonTypeName("crossdock.dock.serve.v1")
  record Serve(
      MigrationId migration, int attempt, String peer, Machine.Firmware firmware, long bytes)
      implements Order {}

  /**
   * Pull the disks from the source's dock into the target's tickets.
   *
   * @param from where that dock answers, as in the trust bundle
   * @param peer its URN
   * @param disks as certified
   * @param bandwidth the most that it may take, if its customer said so
   * @param adaptations what it changes in the guest before it writes it
   */
  @JsonTypeName("crossdock.dock.fetch.v1")
  record Fetch(
      MigrationId migration,
      int attempt,
      URI from,
      String peer,
      List<Certificate.Disk> disks,
      Optional<Bandwidth> bandwidth,
      @JsonSetter(nulls = Nulls.AS_EMPTY) List<Adaptation> adaptations)
      implements Order {
    @Override
    public long bytes() {
      return Certificate.bytes(disks);
    }
  }

  /**
   * Read what was registered, hash it again and check it.
   *
   * @param disks as they were written
   * @param firmware what starts the machine
   * @param adapted what was changed of what was certified
   */
  @JsonTypeName("crossdock.dock.read-back.v1")
  record ReadBack(
      MigrationId migration,
      int attempt,
      List<Certificate.Disk> disks,
      Machine.Firmware firmware,
      Optional<Adapted> adapted)
      implements Order {
    @Override
    public long bytes() {
      return Certificate.bytes(disks);
    }
  }

  /**
   * What a dock has changed in a guest.
   *
   * @param layer the chunks that are others now
   * @param checks how, one for each way
   */
  record Adapted(List<Countersignature.Change> layer, List<Check> checks) {
    public Adapted {
      layer = List.copyOf(layer);
      checks = List.copyOf(checks);
    }
  }

  /**
   * Forget everything about one side of a migration; what is half written goes.
   *
   * @param ending the step that ends that side
   */
  @JsonTypeName("crossdock.dock.close.v1")
  record Close(MigrationId migration, Step ending, int attempt) implements Order {
    /** Several steps may end one side, such as the one that a stuck one is overridden by. */
    private static String kind(Step ending) {
      return "close-" + ending.wire();
    }

    /** All that its job row may be called. */
    public static List<String> kinds() {
      return Arrays.stream(Step.values()).map(Close::kind).toList();
    }

    @Override
    public long bytes() {
      return 0;
    }
  }

  /**
   * How a job of the dock ended.
   *
   * @param kind of the job
   * @param step whose job waits for it
   * @param disks what was read, with its roots
   * @param checks what was checked on the way
   * @param path how the way is, where that was tried
   * @param traits of the guest, where it was looked into
   * @param adapted what was changed in it, if it was to be
   * @param failure why it failed, if it did
   */
  @JsonTypeName("crossdock.dock.result.v1")
  record Result(
      MigrationId migration,
      String kind,
      Step step,
      int attempt,
      List<Certificate.Disk> disks,
      List<Check> checks,
      Optional<NetworkPath> path,
      SortedMap<String, String> traits,
      Optional<Adapted> adapted,
      Optional<Reason> failure,
      String detail)
      implements DockMessage {
    /** Of an order that was done. */
    public static Result of(
        Order order, List<Certificate.Disk> disks, List<Check> checks, Optional<NetworkPath> path) {
      return of(order, disks, checks, path, new TreeMap<>(), Optional.empty());
    }

    /** Of disks that were written or read back, perhaps with changes. */
    public static Result of(
        Order order, List<Certificate.Disk> disks, List<Check> checks, Adapted adapted) {
      return of(order, disks, checks, Optional.empty(), new TreeMap<>(), Optional.of(adapted));
    }

    /** Of an order that failed. */
    public static Result failed(Order order, Reason reason, String detail) {
      return new Result(
          order.migration(),
          order.kind(),
          order.step(),
          order.attempt(),
          List.of(),
          List.of(),
          Optional.empty(),
          new TreeMap<>(),
          Optional.empty(),
          Optional.of(reason),
          detail);
    }

    /** Of a look that was taken. */
    public static Result of(Look order, SortedMap<String, String> traits) {
      return of(order, List.of(), List.of(), Optional.empty(), traits, Optional.empty());
    }

    private static Result of(
        Order order,
        List<Certificate.Disk> disks,
        List<Check> checks,
        Optional<NetworkPath> path,
        SortedMap<String, String> traits,
        Optional<Adapted> adapted) {
      return new Result(
          order.migration(),
          order.kind(),
          order.step(),
          order.attempt(),
          disks,
          checks,
          path,
          traits,
          adapted,
          Optional.empty(),
          "");
    }
  }

  /**
   * How far the dock is; the newest counts.
   *
   * @param aheadBytes that it does before, of other migrations; absent once it has begun
   */
  @JsonTypeName("crossdock.dock.advance.v1")
  record Advance(
      MigrationId migration,
      Step step,
      int attempt,
      long doneBytes,
      long totalBytes,
      Optional<Long> aheadBytes)
      implements DockMessage {}
}
