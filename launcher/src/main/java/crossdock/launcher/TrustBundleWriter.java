package crossdock.launcher;

import java.security.PrivateKey;
import java.util.SequencedMap;

/**
 * Makes the signed bundle of the members from its JSON payload.
 *
 * <p>The keys are those of the founding members' authorities, by provider, in the order of signing.
 */
@FunctionalInterface
interface TrustBundleWriter {
  byte[] sign(byte[] payload, SequencedMap<String, PrivateKey> members);
}
