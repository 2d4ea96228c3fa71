package crossdock.launcher;

import crossdock.contracts.Check;
import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import crossdock.providers.openstack.Account;
import crossdock.providers.openstack.AccountCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What a provider does before it has a site. */
@Command(
    name = "provider",
    description = "Looks at what a provider has prepared for a site.",
    subcommands = ProviderCommand.CheckAccount.class)
final class ProviderCommand implements Runnable {
  @Override
  public void run() {
    throw new Refusal(Refusal.CANNOT_START, "Which? check.");
  }

  @Command(
      name = "check",
      description =
          "Tries whether Crossdock's user at an OpenStack has what it needs, and nothing beyond.")
  static final class CheckAccount implements Callable<Integer> {
    @Option(
        names = "--account",
        required = true,
        description = "The file that site init gets, too.")
    Path account = Path.of("");

    @Override
    public Integer call() throws IOException {
      try {
        List<Check> checks =
            AccountCheck.of(
                Json.read(Files.readAllBytes(account), Account.class), Clock.systemUTC());
        checks.forEach(
            check ->
                System.out.printf("%-8s %s: %s%n", check.outcome(), check.name(), check.detail()));
        return checks.stream().anyMatch(Check::failed) ? Refusal.FAILED : 0;
      } catch (Refused e) {
        throw new Refusal(
            Refusal.CANNOT_START, account + " is no account: " + e.getMessage() + ".");
      }
    }
  }
}
