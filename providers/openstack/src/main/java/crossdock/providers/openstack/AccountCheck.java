package crossdock.providers.openstack;

import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.providers.DiskTicket;
import java.io.IOException;
import java.net.URI;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import org.openstack4j.model.identity.v3.Role;

/**
 * Finds out whether an account can do what moving machines takes, and nothing beyond: before a site
 * is installed with it. Makes one application credential and ends it; changes nothing else.
 */
public final class AccountCheck {
  private static final Set<String> ENOUGH = Set.of("member", "reader", "_member_");
  private static final int LONGEST = 512;

  private final Account account;
  private final Rest rest;
  private final Keystone keystone;
  private final List<Check> checks = new ArrayList<>();

  private AccountCheck(Account account, Rest rest, Clock clock) {
    this.account = account;
    this.rest = rest;
    byte[] key = new byte[32]; // of one credential that is gone at the end
    ThreadLocalRandom.current().nextBytes(key);
    this.keystone = new Keystone(account, rest, clock, key);
  }

  /** What it finds; what depends on something that failed is left out. */
  public static List<Check> of(Account account, Clock clock) {
    try (Rest rest = new Rest()) {
      AccountCheck check = new AccountCheck(account, rest, clock);
      check.all();
      return List.copyOf(check.checks);
    }
  }

  /** Something to find out: what was found. */
  private interface Question {
    String answer() throws IOException;
  }

  /** It is not so. */
  private static final class No extends IOException {
    private static final long serialVersionUID = 1L;

    No(String why) {
      super(why);
    }
  }

  /** Whether it is so. */
  private boolean ask(String name, Question question) {
    try {
      say(name, Outcome.PASSED, question.answer());
      return true;
    } catch (IOException | RuntimeException e) {
      say(name, Outcome.FAILED, String.valueOf(e.getMessage()));
      return false;
    }
  }

  private void say(String name, Outcome outcome, String detail) {
    checks.add(
        new Check(name, 1, outcome, detail.substring(0, Math.min(LONGEST, detail.length()))));
  }

  private void all() {
    List<String> projects = new ArrayList<>();
    boolean in =
        ask(
            "projects",
            () -> {
              projects.addAll(keystone.projects());
              if (projects.isEmpty()) {
                throw new No(
                    "it may work in no project that has a tag %s<sub>".formatted(Account.OWNER));
              }
              return projects.size() + " with an owner: " + String.join(", ", projects);
            });
    if (!in) {
      return;
    }
    if (!account.credentials().isEmpty()) {
      boolean _ =
          ask(
              "credentials",
              () -> {
                List<String> ended = keystone.ended();
                if (!ended.isEmpty()) {
                  throw new No("nobody gets in by " + ended);
                }
                return account.credentials().size() + ", each good for a project";
              });
    }
    boolean _ =
        ask(
            "no-other-projects",
            () -> {
              List<String> others = keystone.withoutOwner();
              if (!others.isEmpty()) {
                throw new No("it may work where nobody's machines are to be moved: " + others);
              }
              return "it may work in no others";
            });
    boolean _ =
        ask(
            "no-system",
            () -> {
              List<String> others = keystone.beyondProjects();
              if (!others.isEmpty()) {
                throw new No("it has roles beyond projects: " + others);
              }
              return "it has no role in a domain or the system";
            });
    projects.forEach(this::project);
  }

  private void project(String id) {
    List<Project> opened = new ArrayList<>();
    String of = id + ".";
    boolean in =
        ask(
            of + "roles",
            () -> {
              List<String> roles = keystone.roles(id).stream().map(Role::getName).sorted().toList();
              TreeSet<String> more = new TreeSet<>(roles);
              more.removeAll(ENOUGH);
              if (!more.isEmpty() || !roles.contains("member")) {
                throw new No("it has the roles %s; member is what it needs".formatted(roles));
              }
              opened.add(keystone.project(id));
              return String.join(", ", roles);
            });
    if (!in) {
      return;
    }
    Project project = opened.getFirst();
    boolean _ =
        ask(
            of + "administers-nothing",
            () -> {
              int status = project.administers();
              if (status != 403 && status != 401) {
                throw new No("Keystone answers %d to who asks for all users".formatted(status));
              }
              return "Keystone refuses the list of users";
            });
    boolean _ =
        ask(
            of + "compute",
            () ->
                "%d servers, %d flavors, zones %s"
                    .formatted(
                        project.nova().servers().size(),
                        project.nova().flavors().size(),
                        project.nova().zones()));
    boolean _ = ask(of + "image", () -> project.glance().images().size() + " images of its own");
    boolean _ =
        ask(
            of + "volume",
            () ->
                "%d volumes, types %s"
                    .formatted(project.cinder().volumes().size(), project.cinder().volumeTypes()));
    boolean _ =
        ask(
            of + "network",
            () -> "%d security groups".formatted(project.neutron().groups().size()));
    boolean _ =
        ask(
            of + "quota",
            () -> {
              Project.Room left = project.room();
              if (!left.less(1, 1, 1, 1, 1).isThere()) {
                throw new No("it has no room for a machine: " + left);
              }
              return "left: " + left;
            });
    boolean _ = ask(of + "tickets", () -> ticket(project));
  }

  /** Glance must honour access rules, or no disk is read or written. */
  private String ticket(Project project) throws IOException {
    String name = Found.MADE_BY + "check";
    byte[] random = new byte[16];
    ThreadLocalRandom.current().nextBytes(random);
    String hex = HexFormat.of().formatHex(random);
    String nobody = hex.replaceFirst("(.{8})(.{4})(.{4})(.{4})(.{12})", "$1-$2-$3-$4-$5");
    URI there = project.glance().data(nobody);
    try {
      DiskTicket.Access access =
          project.credentials().give(name, List.of(new Credentials.Rule("GET", there)));
      String token = rest.token(account.keystone(), access.id(), access.secret()).getId();
      int asked = rest.call("GET", there.toString(), token, Optional.empty()).status();
      int other =
          rest.call("GET", there.resolve("..").toString(), token, Optional.empty()).status();
      if (asked != 404) {
        throw new No(
            "Glance answers %d to a credential with access rules: its [keystone_authtoken] needs service_type = image"
                .formatted(asked));
      }
      if (other != 401 && other != 403) {
        throw new No("Glance answers %d to what the access rules do not name".formatted(other));
      }
      return "a credential for one request is good for that, and for no other";
    } finally {
      project.credentials().end(name);
    }
  }
}
