package crossdock.conversion;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import crossdock.chassis.Held;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * A conversation with guestfish(1): a line at a time, answers in files, so that nothing that a
 * guest says is taken for something else. Paths of guests are of plain characters, others are
 * refused. For one thread.
 */
final class Guestfish implements Closeable {
  /** The most that one call of libguestfs gives or takes, less what it says beside that. */
  static final int MOST = 3 << 20;

  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9._+~@:/*-]+");
  private static final String ENDED = "";
  private static final int FAILED = 1;
  private static final int TIMED_OUT = 124; // of timeout(1)
  private static final int KILLED = 137;

  private final Process process;
  private final Path answer;
  private final Path sent;
  private final String mark;
  private final Held held;
  private final OutputStream to;
  private final BlockingQueue<String> said = new LinkedBlockingQueue<>();
  private int lines;

  /**
   * @param process has just been started
   * @param work a directory of its own
   * @param mark that nobody can guess
   */
  Guestfish(Process process, Path work, String mark, Held held) {
    this.process = process;
    this.answer = work.resolve("answer");
    this.sent = work.resolve("sent");
    this.mark = mark.strip();
    this.held = held;
    this.to = process.getOutputStream();
    Thread.ofVirtual().name("guestfish").start(this::listen);
  }

  private void listen() {
    try (BufferedReader from =
        new BufferedReader(new InputStreamReader(process.getInputStream(), ISO_8859_1))) {
      for (String line = from.readLine(); line != null; line = from.readLine()) {
        if (line.startsWith(mark)) {
          said.add(line);
        }
      }
    } catch (IOException e) {
      // It has ended, one way or another.
    } finally {
      said.add(ENDED);
    }
  }

  /**
   * Has something done.
   *
   * @throws IOException if it was not
   */
  void run(String command, String... arguments) throws IOException, InterruptedException {
    line(command(command, arguments));
  }

  /**
   * What a command says.
   *
   * @throws IOException if it fails
   */
  String ask(String command, String... arguments) throws IOException, InterruptedException {
    return text(bytes(command(command, arguments)));
  }

  /** What a command says; nothing if it fails, which it may. */
  String tried(String command, String... arguments) throws IOException, InterruptedException {
    return text(bytes("-" + command(command, arguments)));
  }

  private static String text(byte[] answer) {
    return new String(answer, ISO_8859_1).strip();
  }

  private byte[] bytes(String line) throws IOException, InterruptedException {
    Files.deleteIfExists(answer); // so that nobody takes an old one for it
    line(line + " | cat > " + answer);
    return Files.readAllBytes(answer);
  }

  /** The paths that a pattern matches; those of odd characters are not among them. */
  List<String> glob(String pattern) throws IOException, InterruptedException {
    return ask("glob-expand", pattern)
        .lines()
        .map(path -> path.endsWith("/") ? path.substring(0, path.length() - 1) : path)
        .filter(path -> PLAIN.matcher(path).matches() && path.indexOf('*') < 0)
        .toList();
  }

  /** Whether there is such a file, or a link to one. */
  boolean isFile(String path) throws IOException, InterruptedException {
    return Boolean.parseBoolean(ask("is-file", path, "followsymlinks:true"));
  }

  /**
   * A whole file.
   *
   * @throws IOException if there is none, or it is longer than {@link #MOST}
   */
  byte[] read(String path) throws IOException, InterruptedException {
    long size = size(path);
    if (size > MOST) {
      throw new Unfit(path + " has " + size + " bytes");
    }
    byte[] whole = size == 0 ? new byte[0] : part(path, 0, (int) size);
    if (whole.length != size) {
      throw new Unfit(path + " cannot be read");
    }
    return whole;
  }

  /** A file of text, byte for byte. */
  String text(String path) throws IOException, InterruptedException {
    return new String(read(path), ISO_8859_1);
  }

  /** At most that many bytes of a file; fewer at its end. */
  byte[] part(String path, long from, int count) throws IOException, InterruptedException {
    return bytes(command("pread", path, Integer.toString(count), Long.toString(from)));
  }

  /**
   * A file's bytes.
   *
   * @throws IOException if there is no such file
   */
  long size(String path) throws IOException, InterruptedException {
    String size = tried("filesize", path);
    if (!size.matches("\\d{1,18}")) {
      throw new Unfit("there is no file " + path);
    }
    return Long.parseLong(size);
  }

  /** Puts a text, byte for byte, in the place of a file's, which stays what it is otherwise. */
  void write(String path, String text) throws IOException, InterruptedException {
    Files.write(sent, text.getBytes(ISO_8859_1));
    line("upload " + sent + " " + plain(path));
  }

  /** Puts what is written there behind the bytes of a file. */
  void append(String path, Content content) throws IOException, InterruptedException {
    long size = size(path);
    Path behind = sent.resolveSibling("behind");
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(behind))) {
      content.writeTo(out);
    }
    line("upload-offset " + behind + " " + plain(path) + " " + size);
  }

  /** Something long. */
  @FunctionalInterface
  interface Content {
    void writeTo(OutputStream out) throws IOException, InterruptedException;
  }

  private static String command(String command, String... arguments) throws IOException {
    StringBuilder line = new StringBuilder(command);
    for (String argument : arguments) {
      line.append(' ').append(plain(argument));
    }
    return line.toString();
  }

  private static String plain(String argument) throws IOException {
    if (!PLAIN.matcher(argument).matches() || argument.startsWith("-")) {
      throw new Unfit("no plain name in the guest");
    }
    return argument;
  }

  private void line(String line) throws IOException, InterruptedException {
    String done = mark + lines++;
    try {
      to.write((line + "\n!echo '" + done + "'\n").getBytes(US_ASCII));
      to.flush();
    } catch (IOException e) {
      throw new IOException("libguestfs ended before it did: " + word(line), e);
    }
    String heard = said.poll(1, TimeUnit.SECONDS);
    while (heard == null) {
      held.check();
      heard = said.poll(1, TimeUnit.SECONDS);
    }
    if (!heard.equals(done)) {
      throw ended(word(line));
    }
  }

  /** It ends when a command has failed, or the time is over. */
  private IOException ended(String word) throws InterruptedException {
    int status = process.waitFor(10, TimeUnit.SECONDS) ? process.exitValue() : -1;
    return switch (status) {
      case FAILED -> new Unfit("libguestfs cannot: " + word);
      case TIMED_OUT, KILLED -> new Unfit("libguestfs was not done in time, at: " + word);
      default -> new IOException("libguestfs ended with " + status + " at: " + word);
    };
  }

  /** Without names of files, which are nobody else's business. */
  private static String word(String line) {
    return line.split(" ", 2)[0];
  }

  /**
   * What was written is on the disks, and nobody has them any more.
   *
   * @throws IOException if that is not so
   */
  void end() throws IOException, InterruptedException {
    run("umount-all");
    run("shutdown");
    to.close();
    if (!process.waitFor(1, TimeUnit.MINUTES) || process.exitValue() != 0) {
      throw new IOException("libguestfs did not end well");
    }
  }

  @Override
  public void close() {
    // Its virtual machine is a child of it.
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }
}
