package crossdock.disk;

import java.io.IOException;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class FormatSafetyProperties {
  /** What the fuzzer does with more time. */
  @Property(tries = 500)
  void noSpoiltImageDoesMoreThanBeRefused(@ForAll long seed) throws IOException {
    Random random = new Random(seed);
    byte[] patches = new byte[1 + 4 * random.nextInt(1, 12)];
    random.nextBytes(patches);
    FormatSafetyFuzz.spoil(patches);
  }
}
