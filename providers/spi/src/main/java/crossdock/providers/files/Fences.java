package crossdock.providers.files;

import crossdock.providers.Tag;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The largest fence seen of every tag, each in a file.
 *
 * @param directory where they lie, for good
 */
public record Fences(Path directory) {
  /**
   * Remembers the largest fence and turns away who has a smaller one: a later holder of the job
   * does its work. That is an {@link IOException} and no {@link crossdock.providers.Refusal}, since
   * it says nothing about the machine, and a verdict reported by the one who was overtaken would
   * stand against what the other reports. Fences outlive what was made under them, or it could be
   * made again after it was removed. To be called by whoever has the tag's turn.
   */
  public void admit(Tag tag) throws IOException {
    Path file = directory.resolve(tag.name());
    long seen = Durable.isFile(file) ? parse(Durable.read(file, 20)) : Long.MIN_VALUE;
    if (tag.fence() < seen) {
      throw new IOException(
          "%s goes on with fence %d, not %d".formatted(tag.name(), seen, tag.fence()));
    }
    if (tag.fence() > seen) {
      Durable.write(file, Long.toString(tag.fence()).getBytes(StandardCharsets.US_ASCII));
    }
  }

  private static long parse(byte[] digits) throws IOException {
    try {
      return Long.parseLong(new String(digits, StandardCharsets.US_ASCII));
    } catch (NumberFormatException e) {
      throw new IOException("a fence is not a number", e);
    }
  }
}
