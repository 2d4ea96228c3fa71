package crossdock.providers.openstack;

import java.net.URI;
import java.util.Optional;

/**
 * Crossdock's own user at a cloud. It needs the role {@code member} in every project whose machines
 * may be moved, and nothing beyond: whoever gives it that role, and the project the tag {@link
 * #OWNER} with the owner's subject, lets that owner move the project's machines.
 *
 * @param keystone URL of the identity API's version 3
 * @param user name of the user
 * @param password of the user
 * @param domain name of the user's domain
 * @param region whose endpoints are used; any if empty
 */
public record Account(
    URI keystone, String user, String password, String domain, Optional<String> region) {
  /** What a project's tag begins with that names its owner. */
  public static final String OWNER = "crossdock-owner=";

  @Override
  public String toString() {
    return "Account[" + user + " at " + keystone + "]";
  }
}
