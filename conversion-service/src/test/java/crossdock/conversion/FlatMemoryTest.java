package crossdock.conversion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two docks, each a process of its own, of which nobody holds what goes through it. */
final class FlatMemoryTest {
  private static final int MIB = 1 << 20;
  private static final int DISK_MIB = 1024;
  private static final int HEAP_MIB = 96;

  /** Of a process: its heap, buffers, code, and what the JVM has for itself. */
  private static final int MOST_MIB = 512;

  @TempDir private Path directory;
  private final List<Process> processes = new ArrayList<>();

  /** Each ends with its input, and its database with it. */
  @AfterEach
  void end() throws Exception {
    for (Process process : processes) {
      process.getOutputStream().close();
      if (!process.waitFor(1, TimeUnit.MINUTES)) {
        process.destroyForcibly();
      }
    }
  }

  @Test
  @Timeout(300)
  void aDiskLargerThanBothDocksTogetherGoesThroughThem() throws Exception {
    assumeThat(Path.of("/proc/self/status")).as("peaks of memory, as Linux says them").exists();
    Path disk = directory.resolve("disk.raw");
    write(disk);
    Process serving = dock("serve", directory.toString(), "127.0.0.1", disk.toString(), "raw");
    String uri = said(serving, "serving ").replaceFirst(" .*", "");
    Process pulling = dock("pull", directory.toString(), uri);
    Object _ = said(pulling, "ready");
    pulling.getOutputStream().write('.');
    pulling.getOutputStream().flush();
    assertThat(said(pulling, "pulled ")).startsWith((long) DISK_MIB * MIB + " bytes");
    System.out.printf(
        "peaks: %d MiB to serve, %d MiB to pull%n", peakMib(serving), peakMib(pulling));
    assertThat(peakMib(serving)).as("MiB of who serves").isLessThan(MOST_MIB);
    assertThat(peakMib(pulling)).as("MiB of who pulls").isLessThan(MOST_MIB);
  }

  /** No two chunks are the same, and some compress. */
  private static void write(Path disk) throws IOException {
    byte[] noise = new byte[MIB];
    new Random(1).nextBytes(noise);
    try (FileChannel file =
        FileChannel.open(disk, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (int chunk = 0; chunk < DISK_MIB; chunk++) {
        // Of every third all is noise, of the others a part.
        ByteBuffer bytes = ByteBuffer.allocate(MIB);
        bytes.put(noise, 0, MIB - chunk % 3 * (MIB / 4)).putInt(0, chunk).clear();
        while (bytes.hasRemaining()) {
          file.write(bytes);
        }
      }
    }
  }

  private Process dock(String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-Xmx" + HEAP_MIB + "m",
            "-XX:MaxDirectMemorySize=" + HEAP_MIB + "m",
            "-XX:+UseSerialGC",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            System.getProperty("java.class.path"),
            TransferBench.class.getName()));
    command.addAll(List.of(arguments));
    Path log = directory.resolve(arguments[0] + ".log");
    Process process = new ProcessBuilder(command).redirectError(log.toFile()).start();
    processes.add(process);
    return process;
  }

  /** What the next line that begins so goes on with. */
  private String said(Process process, String word) throws IOException {
    BufferedReader lines = process.inputReader();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      if (line.startsWith(word)) {
        return line.substring(word.length());
      }
    }
    try (Stream<Path> logs = Files.list(directory)) {
      StringBuilder all = new StringBuilder();
      for (Path log : logs.filter(one -> one.toString().endsWith(".log")).toList()) {
        all.append(Files.readString(log));
      }
      throw new IOException("it ended without saying " + word + ": " + all);
    }
  }

  private static long peakMib(Process process) throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + process.pid() + "/status"))) {
      String peak = lines.filter(line -> line.startsWith("VmHWM:")).findAny().orElseThrow();
      return Long.parseLong(peak.replaceAll("[^0-9]", "")) / 1024;
    }
  }
}
