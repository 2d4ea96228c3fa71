package crossdock.providers.kvm;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import crossdock.contracts.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;

/**
 * QEMU's guest agent, which a guest runs as one of its services, asked whether it is there (QEMU
 * Guest Agent Protocol Reference, guest-sync-delimited and guest-info). What it answers is its
 * guest's word, and nothing but its version is taken from it.
 */
final class GuestAgent {
  /** The name of the port that it listens at. */
  static final String PORT = "org.qemu.guest_agent.0";

  private static final Pattern VERSION = Pattern.compile("[0-9A-Za-z.+~-]{1,32}");
  private static final byte SENTINEL = (byte) 0xff;

  private GuestAgent() {}

  /**
   * @param socket where QEMU passes on what the port's guest says
   * @return the agent's version, or empty if it has not answered within {@code most}
   * @throws IOException if nobody listens, or who answers is no agent
   */
  static Optional<String> version(Path socket, Duration most) throws IOException {
    long deadline = System.nanoTime() + most.toNanos();
    try (JsonLines lines = JsonLines.connect(socket)) {
      int id = ThreadLocalRandom.current().nextInt(Integer.MAX_VALUE);
      // It clears away what somebody left half said, and answers that with an error.
      lines.write(ByteBuffer.wrap(new byte[] {SENTINEL}), deadline);
      lines.write(command("guest-sync-delimited", Map.of("id", id)), deadline);
      // Others may have asked before us, and gone before they were answered.
      while (lines.read(deadline).path("return").asInt(-1) != id) {}
      lines.write(command("guest-info", Map.of()), deadline);
      JsonNode said = lines.read(deadline).path("return").path("version");
      if (!VERSION.matcher(said.asText()).matches()) {
        throw new IOException("what answers as the guest's agent has no version");
      }
      return Optional.of(said.asText());
    } catch (JsonLines.Late e) {
      return Optional.empty();
    }
  }

  private static ByteBuffer command(String command, Map<String, ?> arguments) {
    String said = Json.text(Map.of("execute", command, "arguments", arguments));
    return ByteBuffer.wrap((said + "\n").getBytes(UTF_8));
  }
}
