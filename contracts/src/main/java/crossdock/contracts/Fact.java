package crossdock.contracts;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonTypeName;
import com.fasterxml.jackson.annotation.Nulls;
import java.math.BigDecimal;
import java.net.URI;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** What a party may state about a migration. Facts are in the past tense; there are no commands. */
@JsonTypeInfo(
    use = JsonTypeInfo.Id.NAME,
    property = "type",
    visible = true,
    defaultImpl = Fact.Unknown.class)
@JsonSubTypes({
  @JsonSubTypes.Type(Fact.Requested.class),
  @JsonSubTypes.Type(Fact.Authorized.class),
  @JsonSubTypes.Type(Fact.Inspected.class),
  @JsonSubTypes.Type(Fact.Planned.class),
  @JsonSubTypes.Type(Fact.Quoted.class),
  @JsonSubTypes.Type(Fact.Approved.class),
  @JsonSubTypes.Type(Fact.Cleared.class),
  @JsonSubTypes.Type(Fact.Reserved.class),
  @JsonSubTypes.Type(Fact.Stopped.class),
  @JsonSubTypes.Type(Fact.Opened.class),
  @JsonSubTypes.Type(Fact.Drifted.class),
  @JsonSubTypes.Type(Fact.Certified.class),
  @JsonSubTypes.Type(Fact.Lapsed.class),
  @JsonSubTypes.Type(Fact.Imported.class),
  @JsonSubTypes.Type(Fact.Booted.class),
  @JsonSubTypes.Type(Fact.Accepted.class),
  @JsonSubTypes.Type(Fact.Retired.class),
  @JsonSubTypes.Type(Fact.Settled.class),
  @JsonSubTypes.Type(Fact.Used.class),
  @JsonSubTypes.Type(Fact.Failed.class),
  @JsonSubTypes.Type(Fact.Retried.class),
  @JsonSubTypes.Type(Fact.Overdue.class),
  @JsonSubTypes.Type(Fact.Undoing.class),
  @JsonSubTypes.Type(Fact.Undone.class),
  @JsonSubTypes.Type(Fact.Stuck.class)
})
public sealed interface Fact {

  /** How the machine moves. */
  enum Mode {
    /** Stopped at the source, then started at the target. */
    COLD,
    /** The source goes on; the target gets a second machine of its own. */
    COPY
  }

  /** Who says the last yes. */
  enum Acceptance {
    /** Whoever asked said it in advance: a living guest is enough. */
    AUTOMATIC,
    /** The customer says it after looking. */
    MANUAL
  }

  /** How sure the target is of what it registered. */
  enum Proof {
    /** Read again from the cloud and hashed. */
    READ_BACK,
    /** The cloud's own hash of the container equals the one computed while writing. */
    PROVIDER_HASH,
    /** Sent in full; nothing more can be known. */
    SENT
  }

  /** How a party is sure that it owes nothing more. */
  enum Basis {
    /** It had not started anything. */
    NEVER_STARTED,
    /** What ran or was made is stopped and removed. */
    REMOVED,
    /** The source is released and runs as before. */
    RESTORED,
    /** The customer at the source took the risk while the target was silent. */
    OVERRIDDEN
  }

  /**
   * @param caller the customer at the broker
   * @param vm the machine's id at the source
   * @param limit the most that it may cost
   * @param eraseSource whether the source is erased after acceptance; otherwise it is kept, stopped
   * @param bandwidth the most that it takes of the link; what the sites allow if absent
   * @param waived codes of concerns that would stop it and that the customer takes the risk of, at
   *     most 16; only of those that the catalog lets be waived
   * @param choices what the customer has chosen at the target
   */
  @JsonTypeName("crossdock.migration.requested.v1")
  record Requested(
      Subject caller,
      SiteId source,
      String vm,
      SiteId target,
      Mode mode,
      Acceptance accept,
      Money limit,
      boolean eraseSource,
      Optional<Bandwidth> bandwidth,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) @JsonSetter(nulls = Nulls.AS_EMPTY)
          List<String> waived,
      Optional<Choices> choices)
      implements Fact {
    public Requested {
      Machine.plain(vm);
      waived = List.copyOf(waived);
      waived.forEach(Machine::plain);
      if (waived.size() > 16) {
        throw new Refused("at most 16 concerns are waived");
      }
      if (source.equals(target)) {
        throw new Refused("source and target are the same site");
      }
    }

    /**
     * How much the customer has had to say beyond the machine, both sites, limits and a yes: what
     * they have chosen by its name at the target, and the concerns that they take the risk of.
     */
    public int inputs() {
      return waived.size() + choices.map(Choices::named).orElse(0);
    }

    /** One that takes what the sites allow. */
    public Requested(
        Subject caller,
        SiteId source,
        String vm,
        SiteId target,
        Mode mode,
        Acceptance accept,
        Money limit,
        boolean eraseSource) {
      this(
          caller,
          source,
          vm,
          target,
          mode,
          accept,
          limit,
          eraseSource,
          Optional.empty(),
          List.of(),
          Optional.empty());
    }
  }

  /**
   * The caller is {@code source} at the source's identity provider and {@code target} at the
   * target's.
   */
  @JsonTypeName("crossdock.migration.authorized.v1")
  record Authorized(Subject source, Subject target) implements Fact {}

  /** The customer owns the machine, and this is what it is. */
  @JsonTypeName("crossdock.migration.inspected.v1")
  record Inspected(Machine machine) implements Fact {}

  @JsonTypeName("crossdock.migration.planned.v1")
  record Planned(Plan plan) implements Fact {}

  @JsonTypeName("crossdock.migration.quoted.v1")
  record Quoted(Bill quote) implements Fact {}

  /** The customer accepted exactly this plan and this quote. */
  @JsonTypeName("crossdock.migration.approved.v1")
  record Approved(Sha256 plan, Sha256 quote) implements Fact {}

  /**
   * @param plan what the customer's yes at the source and the source's release are for
   * @param mayErase whether that yes covers erasing the source
   */
  @JsonTypeName("crossdock.migration.cleared.v1")
  record Cleared(Sha256 plan, boolean mayErase) implements Fact {}

  /**
   * The customer's yes at the target and the target's acceptance.
   *
   * @param plan what they are for
   * @param path over which the disks will come
   */
  @JsonTypeName("crossdock.migration.reserved.v1")
  record Reserved(Sha256 plan, Optional<NetworkPath> path) implements Fact {
    /** One whose way nobody has measured. */
    public Reserved(Sha256 plan) {
      this(plan, Optional.empty());
    }
  }

  /** The source is stopped and locked since {@code at}. */
  @JsonTypeName("crossdock.migration.stopped.v1")
  record Stopped(Instant at) implements Fact {}

  /**
   * @param machine digest of the machine as it is now: the planned one
   * @param instant what all its disks are of
   * @param dock where the source's dock serves them
   * @param disks their names, in order
   */
  @JsonTypeName("crossdock.migration.opened.v1")
  record Opened(Sha256 machine, Instant instant, URI dock, List<String> disks) implements Fact {
    public Opened {
      disks = List.copyOf(disks);
    }
  }

  /** The machine is no longer the planned one; nothing is stopped or locked any more. */
  @JsonTypeName("crossdock.migration.drifted.v1")
  record Drifted(Machine machine) implements Fact {}

  /**
   * @param round from 1
   * @param last whether no round follows (cold: always)
   * @param certificate the certified secure image's certificate
   */
  @JsonTypeName("crossdock.migration.certified.v1")
  record Certified(int round, boolean last, Bundle certificate) implements Fact {
    public Certified {
      if (round < 1 || round > 1000) {
        throw new Refused("rounds count from 1 to 1000");
      }
    }
  }

  /**
   * The certificate ended, or its issuer has another policy now, before the target took the machine
   * in: it is due again, over the same roots.
   *
   * @param certificate digest of its payload
   */
  @JsonTypeName("crossdock.migration.lapsed.v1")
  record Lapsed(Sha256 certificate) implements Fact {}

  /**
   * @param machine the target's id of what it registered, not started yet
   * @param certificate digest of the certificate's payload that the bytes were checked against
   * @param countersignature the target's own signed statement of what it registered
   */
  @JsonTypeName("crossdock.migration.imported.v1")
  record Imported(
      String machine, int round, Sha256 certificate, Proof proof, Bundle countersignature)
      implements Fact {
    public Imported {
      Machine.plain(machine);
    }
  }

  /**
   * @param machine the target's id of the running machine
   * @param evidence the sign of life, such as a line of its console, at most 512 characters; empty
   *     where the site runs no guests
   */
  @JsonTypeName("crossdock.migration.booted.v1")
  record Booted(String machine, String evidence) implements Fact {
    public Booted {
      Machine.plain(machine);
      if (evidence.length() > 512) {
        throw new Refused("evidence has at most 512 characters");
      }
    }
  }

  /** The point of no return, with the customer's word. */
  @JsonTypeName("crossdock.migration.accepted.v1")
  record Accepted(Acceptance by) implements Fact {}

  /**
   * @param erased whether the source is gone, or kept and stopped
   */
  @JsonTypeName("crossdock.migration.retired.v1")
  record Retired(boolean erased) implements Fact {}

  @JsonTypeName("crossdock.migration.settled.v1")
  record Settled(Bill statement) implements Fact {}

  /**
   * A meter's reading, cumulative for this migration and party: the newest counts, repeats change
   * nothing.
   *
   * @param quantity not negative
   */
  @JsonTypeName("crossdock.migration.used.v1")
  record Used(String meter, BigDecimal quantity, String unit) implements Fact {
    public Used {
      Machine.plain(meter);
      if (quantity.signum() < 0
          || quantity.precision() > 28
          || Math.abs((long) quantity.scale()) > 18) {
        throw new Refused("a reading is not negative and has at most 28 digits");
      }
    }
  }

  /**
   * @param detail one sentence, at most 512 characters, nothing secret
   */
  @JsonTypeName("crossdock.migration.failed.v1")
  record Failed(Step step, Reason reason, String detail) implements Fact {
    public Failed {
      if (detail.length() > 512) {
        throw new Refused("a detail has at most 512 characters");
      }
    }
  }

  /** The gateway waits for {@code step} once more, as the next attempt. */
  @JsonTypeName("crossdock.migration.retried.v1")
  record Retried(Step step) implements Fact {}

  /** {@code step} was silent past its limit. */
  @JsonTypeName("crossdock.migration.overdue.v1")
  record Overdue(Step step) implements Fact {}

  /** From here everything made is removed and the source is restored. */
  @JsonTypeName("crossdock.migration.undoing.v1")
  record Undoing(Reason reason) implements Fact {}

  /** {@code role} owes nothing more. */
  @JsonTypeName("crossdock.migration.undone.v1")
  record Undone(Role role, Basis basis) implements Fact {}

  /** Somebody who owes something is silent; nobody acts on a guess. */
  @JsonTypeName("crossdock.migration.stuck.v1")
  record Stuck(Set<Role> owed) implements Fact {
    public Stuck {
      // in the order of the roles: the same fact must give the same bytes
      owed = Collections.unmodifiableSet(new TreeSet<>(owed));
    }
  }

  /** A fact of a later version: counted, kept in the bytes it came in, without effect. */
  record Unknown(@JsonProperty("type") Optional<String> name) implements Fact {
    public Unknown {
      // Whoever reports it chose it, and it becomes part of ids.
      name.ifPresent(Machine::plain);
    }
  }

  /** The wire name. */
  @JsonIgnore
  default String type() {
    if (this instanceof Unknown unknown) {
      return unknown.name().orElse("");
    }
    JsonTypeName name = getClass().getAnnotation(JsonTypeName.class);
    if (name == null) {
      throw new IllegalStateException(getClass() + " has no wire name");
    }
    return name.value();
  }
}
