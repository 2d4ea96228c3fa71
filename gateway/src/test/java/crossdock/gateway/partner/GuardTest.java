package crossdock.gateway.partner;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.chassis.Problem;
import crossdock.contracts.Refused;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GuardTest {
  private static final URI HOOKS = URI.create("https://hooks.example/in");

  /** A guard whose name server answers this for every name. */
  private static Guard guard(List<String> allowed, String... addresses) {
    return new Guard(allowed, _ -> literals(addresses));
  }

  static InetAddress[] literals(String... addresses) {
    InetAddress[] all = new InetAddress[addresses.length];
    for (int i = 0; i < all.length; i++) {
      all[i] = InetAddress.ofLiteral(addresses[i]);
    }
    return all;
  }

  private static void refuses(Guard guard, URI url) {
    assertThatThrownBy(() -> guard.addresses(url))
        .isInstanceOfSatisfying(
            Problem.Thrown.class,
            thrown -> assertThat(thrown.problem()).isEqualTo(Problem.ADDRESS_REFUSED));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "168.63.129.16",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a00:1::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1"
      })
  void whatIsNotPublicIsNotCalledByNameNorByNumber(String address) {
    refuses(guard(List.of(), address), HOOKS);
    refuses(guard(List.of(), "93.184.216.34", address), HOOKS);
    String literal = address.contains(":") ? "[" + address + "]" : address;
    refuses(new Guard(List.of()), URI.create("https://" + literal + "/"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"https://2130706433/", "https://127.1/", "https://localhost/"})
  void otherWaysToWriteLoopbackAreLoopbackOrNothing(String url) {
    assertThatThrownBy(() -> new Guard(List.of()).addresses(Guard.url(url)))
        .isInstanceOfAny(Problem.Thrown.class, Refused.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "93.184.216.34",
        "1.1.1.1",
        "172.15.255.255",
        "172.32.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "198.17.255.255",
        "198.20.0.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450::1",
        "2001:200::1"
      })
  void whatIsPublicIsCalledAtPort443(String address) {
    assertThat(guard(List.of(), address).addresses(HOOKS))
        .containsExactly(InetAddress.ofLiteral(address));
    refuses(guard(List.of(), address), URI.create("https://hooks.example:8443/in"));
    refuses(guard(List.of(), address), URI.create("http://hooks.example/in"));
    refuses(guard(List.of(), address), URI.create("http://hooks.example:443/in"));
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1/32:8080, http://h:8080/, 127.0.0.1, true",
    "127.0.0.1/32:8080, https://h:8080/, 127.0.0.1, true",
    "127.0.0.1/32:8080, http://h:8081/, 127.0.0.1, false",
    "127.0.0.1/32:8080, http://h:8080/, 127.0.0.2, false",
    "10.1.0.0/16, http://h/, 10.1.255.1, true",
    "10.1.0.0/16, https://h:9/, 10.1.255.1, true",
    "10.1.0.0/16, https://h/, 10.2.0.1, false",
    "fd00::/8:443, https://h/, fd12::1, true",
    "fd00::/8:443, https://h/, fe80::1, false",
    "0.0.0.0/0, https://h/, ::1, false"
  })
  void theOperatorsListOpensWhatItSaysAndNothingElse(
      String allowed, URI url, String address, boolean open) {
    if (open) {
      assertThat(guard(List.of(allowed), address).addresses(url)).hasSize(1);
    } else {
      refuses(guard(List.of(allowed), address), url);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "localhost/8", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "x"})
  void aListThatIsNoneIsRefusedAtTheStart(String allowed) {
    assertThatThrownBy(() -> new Guard(List.of(allowed))).isInstanceOf(Refused.class);
  }

  @Test
  void aNameThatIsPublicNowAndPrivateLaterIsRefusedLater() {
    AtomicInteger asked = new AtomicInteger();
    Guard guard =
        new Guard(
            List.of(), _ -> literals(asked.incrementAndGet() == 1 ? "93.184.216.34" : "127.0.0.1"));
    assertThat(guard.addresses(HOOKS)).hasSize(1);
    refuses(guard, HOOKS);
    assertThat(asked).hasValue(2);
  }

  @Test
  void aNameThatDoesNotResolveIsRefusedInTheSameWords() {
    Guard unknown =
        new Guard(
            List.of(),
            host -> {
              throw new UnknownHostException(host);
            });
    Problem.Thrown first = thrown(unknown);
    assertThat(first).hasMessage(thrown(guard(List.of(), "10.0.0.1")).getMessage());
  }

  private static Problem.Thrown thrown(Guard guard) {
    try {
      guard.addresses(HOOKS);
    } catch (Problem.Thrown e) {
      return e;
    }
    throw new AssertionError("it is called");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "hooks.example",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "https:///in",
        "https:hooks",
        "https://user@hooks.example/",
        "https://hooks.example/#in",
        "https://hooks.example:0/",
        "https://hooks.example:65536/",
        "https://hooks.example/a b",
        "https://hooks.example/a\r\nHost: b",
        "https://h\u00f6oks.example/",
        "HTTPS://hooks.example/"
      })
  void whatIsNoWebAddressIsMalformed(String url) {
    assertThatThrownBy(() -> Guard.url(url)).isInstanceOf(Refused.class);
  }
}
