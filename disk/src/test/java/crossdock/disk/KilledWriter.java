package crossdock.disk;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Collectors;

/** A process that writes half a disk and waits to be killed. */
final class KilledWriter {
  private KilledWriter() {}

  @SuppressWarnings("SystemOut")
  public static void main(String[] arguments) throws IOException {
    DiskFormat format = DiskFormat.fromWire(arguments[1]);
    byte[] content = Patterns.disk(Long.parseLong(arguments[2]));
    DiskSink sink = Disks.createSink(Path.of(arguments[0]), format, content.length);
    Patterns.write(content, sink, 0, content.length / 2);
    sink.flush();
    String children =
        ProcessHandle.current()
            .descendants()
            .map(child -> Long.toString(child.pid()))
            .collect(Collectors.joining(","));
    System.out.println("half " + children);
    System.out.flush();
    while (System.in.read() >= 0) {}
    sink.close();
  }
}
