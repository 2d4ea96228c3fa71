package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Check;
import crossdock.contracts.Check.Outcome;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
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
