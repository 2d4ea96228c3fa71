package crossdock.providers.examination;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A process of its own, in the network namespace that it is started in: reads lines of a host and a
 * port, and writes those whose host answered within two seconds, be it to refuse.
 */
final class Tries {
  private static final int PATIENCE_MILLIS = 2_000;

  private Tries() {}

  public static void main(String[] args) throws IOException {
    List<String> asked;
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(new FileInputStream(FileDescriptor.in), UTF_8))) {
      asked = lines.lines().toList();
    }
    PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, UTF_8);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (String line : asked) {
        threads.execute(
            () -> {
              String[] words = line.split(" ", 2);
              if (answers(words[0], Integer.parseInt(words[1]))) {
                synchronized (out) {
                  out.println(line);
                }
              }
            });
      }
    }
    out.flush();
  }

  private static boolean answers(String host, int port) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(host, port), PATIENCE_MILLIS);
      return true;
    } catch (ConnectException e) {
      // A firewall that lets nothing through says nothing, or that the host is not to be reached.
      return String.valueOf(e.getMessage()).contains("refused");
    } catch (IOException e) {
      return false;
    }
  }
}
