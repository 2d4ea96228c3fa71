package crossdock.providers.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.providers.SignOfLife;
import org.junit.jupiter.api.Test;

final class SignOfLifeTest {
  @Test
  void theFirstWordOfTheGuestCounts() {
    assertThat(
            SignOfLife.in(
                """
                SeaBIOS
                [ 0.0] Linux version 6
                CROSSDOCK-GUEST a counter=7 boot=2\r
                CROSSDOCK-GUEST a counter=8 boot=2\r
                """))
        .contains("CROSSDOCK-GUEST a counter=7 boot=2");
  }

  @Test
  void aLineThatIsStillBeingWrittenDoesNot() {
    assertThat(SignOfLife.in("CROSSDOCK-GUEST a counter=1")).isEmpty();
  }

  @Test
  void aKernelsOwnLinesDoNot() {
    assertThat(SignOfLife.in("[ 0.0] Linux version 6\n[ 1.0] Kernel panic\n")).isEmpty();
  }

  @Test
  void aLoginPromptDoes() {
    assertThat(SignOfLife.in("Debian GNU/Linux 12 web ttyS0\n\nweb login: "))
        .contains("web login:");
  }

  @Test
  void itIsShortAndPrintable() {
    assertThat(SignOfLife.in("CROSSDOCK-GUEST \u001b[2J" + "x".repeat(9999) + "\n").orElseThrow())
        .hasSize(512)
        .startsWith("CROSSDOCK-GUEST  [2Jx");
  }
}
