package crossdock.providers.library;

import com.code_intelligence.jazzer.junit.FuzzTest;
import crossdock.contracts.Refused;

class OvfFuzz {
  @FuzzTest
  void aDescriptorIsReadOrRefused(byte[] document) {
    try {
      Descriptor _ = Descriptor.read(document, "machine");
    } catch (Refused refused) {
      // The only way to say no.
    }
  }
}
