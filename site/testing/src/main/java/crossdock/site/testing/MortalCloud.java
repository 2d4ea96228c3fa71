package crossdock.site.testing;

import crossdock.contracts.Machine;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.Refusal;
import crossdock.providers.Tag;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A cloud whose caller dies when its {@link Fate} says so. */
final class MortalCloud implements Cloud {
  private final Cloud cloud;
  private final Fate fate;
  private final Runnable kill;

  /**
   * @param kill ends the process for everything but the thread that calls
   */
  MortalCloud(Cloud cloud, Fate fate, Runnable kill) {
    this.cloud = cloud;
    this.fate = fate;
    this.kill = kill;
  }

  private interface Call<T, E extends Exception> {
    T make() throws IOException, E;
  }

  private interface Change<E extends Exception> {
    void make() throws IOException, E;
  }

  private <T, E extends Exception> T call(String name, Call<T, E> call) throws IOException, E {
    if (fate.strikesBefore(name)) {
      throw death();
    }
    T answer = call.make();
    if (fate.strikesAfter()) {
      throw death();
    }
    return answer;
  }

  private <E extends Exception> void change(String name, Change<E> change) throws IOException, E {
    boolean _ =
        this.<Boolean, E>call(
            name,
            () -> {
              change.make();
              return true;
            });
  }

  private Fate.Death death() {
    kill.run();
    return new Fate.Death();
  }

  @Override
  public Set<Capability> capabilities() {
    return cloud.capabilities();
  }

  @Override
  public List<String> formats() {
    return cloud.formats();
  }

  @Override
  public List<Machine> machines(String owner) throws IOException {
    return cloud.machines(owner);
  }

  @Override
  public Optional<Machine> machine(String owner, String id) throws IOException {
    return cloud.machine(owner, id);
  }

  @Override
  public void stop(String machine, Tag tag) throws IOException, Refusal {
    change("stop", () -> cloud.stop(machine, tag));
  }

  @Override
  public List<DiskTicket> open(String machine, Tag tag) throws IOException, Refusal {
    return call("open", () -> cloud.open(machine, tag));
  }

  @Override
  public void close(Tag tag) throws IOException {
    this.<RuntimeException>change("close", () -> cloud.close(tag));
  }

  @Override
  public void restore(String machine, Tag tag) throws IOException, Refusal {
    change("restore", () -> cloud.restore(machine, tag));
  }

  @Override
  public void retire(String machine, Tag tag, boolean erase) throws IOException, Refusal {
    change("retire", () -> cloud.retire(machine, tag, erase));
  }

  @Override
  public void reserve(Machine machine, String owner, Tag tag) throws IOException, Refusal {
    change("reserve", () -> cloud.reserve(machine, owner, tag));
  }

  @Override
  public List<DiskTicket> atHand(String owner) throws IOException {
    return cloud.atHand(owner);
  }

  @Override
  public List<DiskTicket> prepare(Tag tag) throws IOException, Refusal {
    return call("prepare", () -> cloud.prepare(tag));
  }

  @Override
  public String register(Tag tag) throws IOException, Refusal {
    return call("register", () -> cloud.register(tag));
  }

  @Override
  public List<DiskTicket> readBack(Tag tag) throws IOException, Refusal {
    return call("read back", () -> cloud.readBack(tag));
  }

  @Override
  public String boot(Tag tag) throws IOException, Refusal {
    return call("boot", () -> cloud.boot(tag));
  }

  @Override
  public void release(Tag tag) throws IOException {
    this.<RuntimeException>change("release", () -> cloud.release(tag));
  }

  @Override
  public boolean remove(Tag tag) throws IOException {
    return this.<Boolean, RuntimeException>call("remove", () -> cloud.remove(tag));
  }

  @Override
  public String console(String owner, String machine) throws IOException {
    return cloud.console(owner, machine);
  }

  @Override
  public void close() {
    cloud.close();
  }
}
