package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class NbdServerTest {
  private static final byte[] CONTENT = Patterns.disk(3);

  @TempDir private Path directory;
  private Path socket;
  private NbdServer server;

  @BeforeEach
  void open() throws IOException {
    socket = directory.resolve("disk.sock");
    server = new NbdServer(socket, MemoryDisk.allData(CONTENT));
  }

  @AfterEach
  void close() throws IOException {
    server.close();
    assertThat(socket).doesNotExist();
  }

  @Test
  void ourClientReadsTheSameRoot() throws IOException {
    readsTheSame();
  }

  private void readsTheSame() throws IOException {
    try (DiskSource disk = Disks.openNbd(socket, "")) {
      assertThat(disk.size()).isEqualTo(CONTENT.length);
      assertThat(DiskHasher.hash(disk)).isEqualTo(DiskHasher.hash(MemoryDisk.allData(CONTENT)));
    }
  }

  @Test
  void manyReadAtOnceAndMoreThanThereIsRoomForWaitTheirTurn() throws Exception {
    List<Thread> all = new ArrayList<>();
    List<Boolean> same = Collections.synchronizedList(new ArrayList<>());
    for (int i = 0; i < 3 * NbdServer.MOST; i++) {
      int seed = i;
      all.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    try (DiskSource disk = Disks.openNbd(socket, "root")) {
                      Random random = new Random(seed);
                      for (int j = 0; j < 20; j++) {
                        int at = random.nextInt(CONTENT.length - 5000);
                        ByteBuffer part = ByteBuffer.allocate(5000);
                        disk.read(at, part);
                        same.add(ByteBuffer.wrap(CONTENT, at, 5000).equals(part.flip()));
                      }
                    } catch (IOException e) {
                      same.add(false);
                    }
                  }));
    }
    for (Thread one : all) {
      one.join();
    }
    assertThat(same).hasSize(3 * NbdServer.MOST * 20).doesNotContain(false);
  }

  private SocketChannel connected() throws IOException {
    SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    assertThat(answer(channel, 18).getLong()).isEqualTo(0x4e42444d41474943L);
    send(channel, ByteBuffer.allocate(4).putInt(3));
    return channel;
  }

  private SocketChannel transmitting() throws IOException {
    SocketChannel channel = connected();
    send(channel, option(1, 0));
    assertThat(answer(channel, 10).getLong()).isEqualTo(CONTENT.length);
    return channel;
  }

  private static ByteBuffer option(int option, int length) {
    return ByteBuffer.allocate(16).putLong(0x49484156454f5054L).putInt(option).putInt(length);
  }

  private static ByteBuffer request(int type, long offset, int length) {
    return ByteBuffer.allocate(28)
        .putInt(0x25609513)
        .putShort((short) 0)
        .putShort((short) type)
        .putLong(7)
        .putLong(offset)
        .putInt(length);
  }

  private static void send(SocketChannel channel, ByteBuffer what) throws IOException {
    what.flip();
    while (what.hasRemaining()) {
      channel.write(what);
    }
  }

  private static ByteBuffer answer(SocketChannel channel, int bytes) throws IOException {
    ByteBuffer into = ByteBuffer.allocate(bytes);
    while (into.hasRemaining()) {
      if (channel.read(into) < 0) {
        break;
      }
    }
    return into.flip();
  }

  @Test
  void whatReachesBeyondTheDiskIsRefusedAndTheConnectionGoesOn() throws IOException {
    try (SocketChannel channel = transmitting()) {
      for (ByteBuffer bad :
          List.of(
              request(0, CONTENT.length, 1),
              request(0, -1, 1),
              request(0, Long.MAX_VALUE, 2),
              request(0, 0, -1),
              request(0, 0, (32 << 20) + 1),
              request(4, 0, 1),
              request(7, 0, 1))) {
        send(channel, bad);
        ByteBuffer answer = answer(channel, 16);
        assertThat(answer.getInt(4)).isEqualTo(22);
        assertThat(answer.getLong(8)).isEqualTo(7);
      }
      send(channel, request(0, 1, 2));
      ByteBuffer answer = answer(channel, 18);
      assertThat(answer.getInt(4)).isZero();
      assertThat(answer.get(16)).isEqualTo(CONTENT[1]);
    }
  }

  @Test
  void nobodyWrites() throws IOException {
    try (SocketChannel channel = transmitting()) {
      send(channel, request(1, 0, 512));
      assertThat(answer(channel, 16).getInt(4)).isEqualTo(1);
      assertThat(answer(channel, 1).remaining()).as("it ends there").isZero();
    }
    readsTheSame();
  }

  @Test
  void whoDoesNotSpeakTheProtocolIsCutOffAndOthersAreServed() throws IOException {
    byte[] noise = new byte[4096];
    for (int seed = 0; seed < 50; seed++) {
      new Random(seed).nextBytes(noise);
      try (SocketChannel channel = seed % 2 == 0 ? connected() : transmitting()) {
        channel.write(ByteBuffer.wrap(noise));
        channel.shutdownOutput();
        assertThat(answer(channel, 1 << 20).remaining()).isLessThan(1 << 20);
      } catch (IOException e) {
        assertThat(e).hasMessageMatching("Broken pipe|Connection reset.*");
      }
    }
    try (SocketChannel channel = connected()) {
      send(channel, option(7, Integer.MAX_VALUE));
      assertThat(answer(channel, 1).remaining()).isZero();
    }
    try (SocketChannel channel = connected()) {
      send(
          channel, ByteBuffer.allocate(22).put(option(7, 6).flip()).putInt(99).putShort((short) 0));
      assertThat(answer(channel, 20).getInt(12)).isEqualTo(0x80000003);
      send(channel, option(2, 0));
      assertThat(answer(channel, 20).getInt(12)).isEqualTo(1);
    }
    readsTheSame();
  }

  @Test
  void twoDoNotServeAtOneSocket() {
    assertThatThrownBy(() -> new NbdServer(socket, MemoryDisk.allData(CONTENT)).close())
        .isInstanceOf(IOException.class);
  }
}
