package crossdock.providers.openstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.Json;
import crossdock.contracts.Refused;
import org.junit.jupiter.api.Test;

class AccountTest {
  @Test
  void isAUserOrHasCredentialsNotBoth() {
    String cloud = "{\"keystone\": \"https://cloud/v3\", \"region\": \"R\"";
    String user = ", \"user\": \"u\", \"password\": \"p\", \"domain\": \"d\"";
    String credentials = ", \"credentials\": [{\"id\": \"i\", \"secret\": \"s\"}]";
    assertThat(read(cloud + user + "}").user()).isEqualTo("u");
    assertThat(read(cloud + credentials + "}").credentials())
        .containsExactly(new Account.Credential("i", "s"));
    assertThatThrownBy(() -> read(cloud + "}")).isInstanceOf(Refused.class);
    assertThatThrownBy(() -> read(cloud + user + credentials + "}")).isInstanceOf(Refused.class);
  }

  @Test
  void saysNoSecret() {
    assertThat(
            read(
                "{\"keystone\": \"https://c/v3\", \"credentials\": [{\"id\": \"i\", \"secret\": \"s3\"}]}"))
        .hasToString("Account[[Credential[i]] at https://c/v3]");
  }

  private static Account read(String json) {
    return Json.read(json, Account.class);
  }
}
