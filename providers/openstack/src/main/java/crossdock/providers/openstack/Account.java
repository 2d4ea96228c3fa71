package crossdock.providers.openstack;

import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import crossdock.contracts.Refused;
import java.net.URI;
import java.util.List;
import java.util.Optional;

/**
 * What Crossdock is let into a cloud by: a user of its own, or application credentials that
 * customers have made for it. A user needs the role {@code member} in every project whose machines
 * may be moved, and nothing beyond; a credential has that role in its one project, and is
 * unrestricted, for each disk gets a credential of its own. The project's tag {@link #OWNER} names
 * the owner who may move its machines.
 *
 * @param keystone URL of the identity API's version 3
 * @param user name of the user; empty where there are credentials
 * @param password of the user
 * @param domain name of the user's domain
 * @param region whose endpoints are used; any if empty
 * @param credentials of customers; none where there is a user
 */
public record Account(
    URI keystone,
    @JsonSetter(nulls = Nulls.AS_EMPTY) String user,
    @JsonSetter(nulls = Nulls.AS_EMPTY) String password,
    @JsonSetter(nulls = Nulls.AS_EMPTY) String domain,
    Optional<String> region,
    @JsonSetter(nulls = Nulls.AS_EMPTY) List<Credential> credentials) {
  /** What a project's tag begins with that names its owner. */
  public static final String OWNER = "crossdock-owner=";

  /**
   * An application credential (Identity API v3, "Application Credentials").
   *
   * @param id its id, not its name
   */
  public record Credential(String id, String secret) {
    @Override
    public String toString() {
      return "Credential[" + id + "]";
    }
  }

  public Account {
    credentials = List.copyOf(credentials);
    boolean named = !user.isEmpty() && !password.isEmpty() && !domain.isEmpty();
    boolean nameless = user.isEmpty() && password.isEmpty() && domain.isEmpty();
    if (!(credentials.isEmpty() ? named : nameless)) {
      throw new Refused("an account is a user, with password and domain, or has credentials");
    }
  }

  /** One of a user. */
  public Account(
      URI keystone, String user, String password, String domain, Optional<String> region) {
    this(keystone, user, password, domain, region, List.of());
  }

  @Override
  public String toString() {
    return "Account[" + (user.isEmpty() ? credentials : user) + " at " + keystone + "]";
  }
}
