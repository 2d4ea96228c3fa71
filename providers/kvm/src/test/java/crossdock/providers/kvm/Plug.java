package crossdock.providers.kvm;

import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** A network card without a machine: QEMU hands what its tap receives to us, and ours to it. */
final class Plug implements AutoCloseable {
  /** Of an ethertype that everybody may send; who sees it has seen all that came before. */
  private static final int ARP = 0x0806;

  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private static final String LISTENS = " 00010000 "; // SO_ACCEPTCON

  private final Process qemu;
  private final SocketChannel frames;

  /**
   * @param connected what {@link Namespace#connect} gave
   * @param directory where its socket may lie
   */
  Plug(List<String> connected, String tap, Path directory) throws IOException {
    Path socket = directory.resolve(tap);
    Path control = directory.resolve(tap + ".qmp");
    Files.deleteIfExists(socket);
    Files.deleteIfExists(control);
    List<String> command = new ArrayList<>(connected);
    command.addAll(List.of("qemu-system-x86_64", "-machine", "none", "-display", "none"));
    command.addAll(List.of("-nodefaults", "-no-user-config"));
    command.add("-netdev");
    command.add("tap,id=tap,script=no,downscript=no,vnet_hdr=off,ifname=" + tap);
    command.add("-netdev");
    command.add("stream,id=us,server=on,addr.type=unix,addr.path=" + socket);
    command.addAll(List.of("-netdev", "hubport,id=one,hubid=0,netdev=tap"));
    command.addAll(List.of("-netdev", "hubport,id=two,hubid=0,netdev=us"));
    command.addAll(List.of("-qmp", "unix:" + control + ",server=on,wait=off"));
    qemu = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      await(socket);
      await(control);
      try (Qmp qmp = Qmp.connect(control, PATIENCE)) {
        frames = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        // What comes before is lost.
        qmp.event(Qmp.named("NETDEV_STREAM_CONNECTED"), PATIENCE);
      }
    } catch (Throwable e) {
      qemu.destroyForcibly();
      throw e;
    }
  }

  /** Until somebody listens there, which /proc/net/unix says without a connection. */
  private void await(Path socket) throws IOException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (Files.readAllLines(Path.of("/proc", qemu.pid() + "", "net/unix")).stream()
        .noneMatch(line -> line.endsWith(" " + socket) && line.contains(LISTENS))) {
      if (!qemu.isAlive() || System.nanoTime() > deadline) {
        throw new IOException("QEMU does not listen at " + socket);
      }
      LockSupport.parkNanos(5_000_000);
    }
  }

  void send(byte[] frame) throws IOException {
    ByteBuffer all = ByteBuffer.allocate(4 + frame.length).putInt(frame.length).put(frame).flip();
    while (all.hasRemaining()) {
      int _ = frames.write(all);
    }
  }

  /** What arrives here until {@code from}, which may send, says that it has sent all. */
  List<byte[]> receiveFrom(Plug from, String mac, byte[] address) throws IOException {
    from.send(arp(mac, address, address));
    List<byte[]> received = new ArrayList<>();
    for (; ; ) {
      byte[] frame = new byte[read(4).getInt()];
      ByteBuffer bytes = read(frame.length).get(frame);
      if (bytes.getShort(12) == ARP
          && HexFormat.ofDelimiter(":").formatHex(frame, 6, 12).equals(mac)) {
        return received;
      }
      received.add(frame);
    }
  }

  private ByteBuffer read(int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining()) {
      if (frames.read(bytes) < 0) {
        throw new EOFException("the plug was pulled");
      }
    }
    return bytes.flip();
  }

  /** A request of a card that has {@code address}. */
  static byte[] arp(String mac, byte[] address, byte[] asked) {
    byte[] own = HexFormat.ofDelimiter(":").parseHex(mac);
    return ByteBuffer.allocate(42)
        .put(HexFormat.of().parseHex("ffffffffffff"))
        .put(own)
        .putShort((short) ARP)
        .put(HexFormat.of().parseHex("0001080006040001"))
        .put(own)
        .put(address)
        .put(new byte[6])
        .put(asked)
        .array();
  }

  @Override
  public void close() throws IOException {
    frames.close();
    qemu.destroyForcibly();
    try {
      qemu.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
