package crossdock.providers.kvm;

import crossdock.contracts.Machine;
import crossdock.providers.Tag;
import java.util.Optional;

/**
 * What is known of a machine, or of one that is only reserved, in its {@code machine.json}.
 *
 * @param owner the {@code sub} of whom the machine is
 * @param tag name of the migration's tag that it was made under, until it is accepted
 * @param lock what keeps it from being started
 * @param opened what reads its disks
 * @param boot its latest start under that tag
 */
record State(
    Machine machine,
    String owner,
    Optional<String> tag,
    Optional<Lock> lock,
    Optional<Opened> opened,
    Optional<Boot> boot) {
  /**
   * @param tag name of the tag that holds it
   * @param ranBefore whether restoring starts it
   * @param kept whether it was given up to a copy elsewhere, for good
   */
  record Lock(String tag, boolean ranBefore, boolean kept) {}

  /**
   * @param tag name of the tag that opened it
   * @param live whether it ran, so that a snapshot serves its disks
   * @param complete false while that snapshot is being made
   */
  record Opened(String tag, boolean live, boolean complete) {}

  /**
   * @param console where in the console's log it began
   * @param sign of life
   */
  record Boot(long console, Optional<String> sign) {}

  static State of(Machine machine, String owner, Optional<String> tag) {
    return new State(machine, owner, tag, Optional.empty(), Optional.empty(), Optional.empty());
  }

  State locked(Lock by) {
    return new State(machine, owner, tag, Optional.of(by), opened, boot);
  }

  State unlocked() {
    return new State(machine, owner, tag, Optional.empty(), opened, boot);
  }

  State opened(Opened by) {
    return new State(machine, owner, tag, lock, Optional.of(by), boot);
  }

  State closed() {
    return new State(machine, owner, tag, lock, Optional.empty(), boot);
  }

  State booted(Boot latest) {
    return new State(machine, owner, tag, lock, opened, Optional.of(latest));
  }

  State accepted() {
    return of(machine, owner, Optional.empty());
  }

  boolean isOf(Tag holder) {
    return tag.filter(holder.name()::equals).isPresent();
  }

  boolean isLockedBy(Tag holder) {
    return lock.filter(by -> by.tag().equals(holder.name())).isPresent();
  }

  boolean isOpenedBy(Tag holder) {
    return opened.filter(by -> by.tag().equals(holder.name())).isPresent();
  }

  /** Whether another migration has it in its hands. */
  boolean isHeldAgainst(Tag holder) {
    return (lock.isPresent() && !isLockedBy(holder)) || (opened.isPresent() && !isOpenedBy(holder));
  }

  boolean isKept() {
    return lock.filter(Lock::kept).isPresent();
  }
}
