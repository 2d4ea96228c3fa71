package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Json;
import java.util.List;
import org.junit.jupiter.api.Test;

class HoldTest {
  @Test
  void whatWasWrittenBeforePortsWereErasedIsStillRead() {
    String before = "{\"project\":\"p\",\"server\":\"s\",\"volumes\":[\"v\"]}";
    assertThat(Json.read(before, Hold.class)).isEqualTo(new Hold("p", "s", List.of("v")));
  }
}
