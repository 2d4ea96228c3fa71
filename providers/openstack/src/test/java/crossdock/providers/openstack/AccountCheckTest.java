package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import crossdock.providers.Cloud;
import crossdock.providers.DiskTicket;
import crossdock.providers.conformance.Passage;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Against a real OpenStack; see {@link Lab#here}. */
@Timeout(600)
class AccountCheckTest {
  @Test
  void whoHasTheRoleOfAMemberWhereSomebodyOwnsAProjectHasWhatItTakes(@TempDir Path directory)
      throws Exception {
    Lab lab = Lab.here();
    lab.own("demo", "somebody");
    OpenStackFixture fixture = new OpenStackFixture(lab, directory);
    try {
      List<Check> checks = AccountCheck.of(lab.account(), Clock.systemUTC());
      assertThat(checks).as("%s", checks).noneMatch(Check::failed).hasSizeGreaterThanOrEqualTo(10);
      assertThat(checks.toString()).contains("good for that, and for no other", "member");
    } finally {
      fixture.close();
    }
  }

  @Test
  void aCredentialOfACustomerIsEnoughToMoveItsMachines(@TempDir Path directory) throws Exception {
    try (OpenStackFixture fixture = new OpenStackFixture(Lab.here(), directory)) {
      Account ended = fixture.credential(true);
      Account account = fixture.credential(true);
      List<Check> checks = AccountCheck.of(account, Clock.systemUTC());
      assertThat(checks).as("%s", checks).noneMatch(Check::failed).hasSizeGreaterThanOrEqualTo(10);
      fixture.end(ended);
      Account both =
          new Account(
              account.keystone(),
              "",
              "",
              "",
              account.region(),
              List.of(
                  ended.credentials().getFirst(),
                  account.credentials().getFirst(),
                  fixture.credential(true).credentials().getFirst()));
      assertThat(AccountCheck.of(both, Clock.systemUTC()))
          .filteredOn(Check::failed)
          .extracting(Check::name)
          .containsExactly("credentials");
      try (Rest rest = new Rest()) {
        // As who goes on after a crash.
        Keystone keystone = new Keystone(both, rest, Clock.systemUTC(), new byte[32]);
        assertThat(keystone.project(fixture.project()).nova().servers()).hasSize(1);
      }
      Map<String, String> before = fixture.inventory();
      Passage away = Passage.away(fixture, 1);
      try (Cloud cloud = fixture.cloud(both)) {
        assertThat(cloud.machines(fixture.owner())).hasSize(1);
        cloud.stop(fixture.machine(), away.tag());
        for (DiskTicket disk : cloud.open(fixture.machine(), away.tag())) {
          away.assertHolds(disk, fixture.content(disk.disk()));
        }
        cloud.restore(fixture.machine(), away.tag());
      }
      assertThat(fixture.inventory()).isEqualTo(before);
    }
  }

  @Test
  void aRestrictedCredentialCannotGiveEachDiskItsOwn(@TempDir Path directory) throws Exception {
    try (OpenStackFixture fixture = new OpenStackFixture(Lab.here(), directory)) {
      assertThat(AccountCheck.of(fixture.credential(false), Clock.systemUTC()))
          .filteredOn(Check::failed)
          .singleElement()
          .satisfies(check -> assertThat(check.name()).endsWith(".tickets"));
    }
  }

  @Test
  void anAdministratorHasTooMuch() throws Exception {
    Account own = Lab.here().account();
    Account admin = new Account(own.keystone(), "admin", Lab.PASSWORD, "Default", own.region());
    assertThat(AccountCheck.of(admin, Clock.systemUTC())).filteredOn(Check::failed).isNotEmpty();
  }

  @Test
  void whoIsRefusedLearnsByWhom() throws Exception {
    Account own = Lab.here().account();
    Account wrong = new Account(own.keystone(), own.user(), "wrong", "Default", Optional.empty());
    assertThat(AccountCheck.of(wrong, Clock.systemUTC()))
        .singleElement()
        .satisfies(check -> assertThat(check.outcome()).isEqualTo(Outcome.FAILED))
        .satisfies(check -> assertThat(check.detail()).contains("Keystone"));
  }
}
