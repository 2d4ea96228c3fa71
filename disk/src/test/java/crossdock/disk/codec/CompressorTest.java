package crossdock.disk.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.disk.codec.JdkDeflate.Wrapper;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.junit.jupiter.api.Test;

class CompressorTest {
  private static final int BLOCK = 64 << 10;

  @Test
  void whatIsCompressedComesBackWhateverFollowsIt() throws DataFormatException {
    byte[] block = compressible(1);
    for (Deflate way : ways()) {
      try (Compressor deflate = way.open()) {
        byte[] stream = compressed(deflate, block, 7);
        Inflater inflater = new Inflater(way.wrapper() == Wrapper.RAW);
        inflater.setInput(stream);
        byte[] back = new byte[BLOCK];
        assertThat(inflater.inflate(back)).isEqualTo(BLOCK);
        assertThat(back).isEqualTo(block);
        inflater.end();
        inflated(way.wrapper(), stream, block);
      }
    }
    for (int level : new int[] {1, 3, 22}) {
      try (Compressor zstd = new Zstd(level)) {
        byte[] back = new byte[BLOCK];
        Zstd.decompress(compressed(zstd, block, 7), back);
        assertThat(back).isEqualTo(block);
        Zstd.decompress(compressed(zstd, new byte[BLOCK], 0), back);
        assertThat(back).isEqualTo(new byte[BLOCK]);
      }
    }
  }

  /** By each library, from and into buffers of all kinds. */
  private static void inflated(Wrapper wrapper, byte[] stream, byte[] block)
      throws DataFormatException {
    for (boolean library : new boolean[] {true, false}) {
      try (Inflate inflate = new Inflate(wrapper, library)) {
        for (ByteBuffer in : List.of(ByteBuffer.wrap(stream), direct(stream))) {
          for (ByteBuffer room :
              List.of(ByteBuffer.allocate(9 + BLOCK), direct(new byte[9 + BLOCK]))) {
            ByteBuffer out = room.position(5).slice().position(1);
            assertThat(inflate.inflate(in, out)).isTrue();
            assertThat(out.position()).isEqualTo(1 + BLOCK);
            byte[] back = new byte[BLOCK];
            out.get(1, back);
            assertThat(back).isEqualTo(block);
            assertThat(out.get(0)).isZero();
            // As much as there is room for, and that it goes on behind.
            ByteBuffer less = ByteBuffer.allocate(BLOCK - 1);
            assertThat(inflate.inflate(in, less)).isFalse();
            assertThat(less.hasRemaining()).isFalse();
            assertThat(less.array()).isEqualTo(Arrays.copyOf(block, BLOCK - 1));
          }
        }
      }
    }
  }

  @Test
  void streamsThatAreNotRightAreNotInflated() throws DataFormatException {
    byte[] block = compressible(5);
    byte[] stream;
    try (Compressor deflate = new JdkDeflate(Wrapper.ZLIB, 6)) {
      stream = compressed(deflate, block, 0);
    }
    for (boolean library : new boolean[] {true, false}) {
      try (Inflate inflate = new Inflate(Wrapper.ZLIB, library)) {
        ByteBuffer cut = ByteBuffer.wrap(stream, 0, stream.length - 1);
        assertThat(inflate.inflate(cut, ByteBuffer.allocate(BLOCK))).isFalse();
        Random random = new Random(5);
        int refused = 0;
        for (int n = 0; n < 100; n++) {
          byte[] spoiled = stream.clone();
          spoiled[random.nextInt(stream.length)] ^= (byte) (1 << random.nextInt(8));
          ByteBuffer out = ByteBuffer.allocate(BLOCK);
          try {
            if (inflate.inflate(ByteBuffer.wrap(spoiled), out)) {
              // A bit that fills up the last byte before the checksum.
              assertThat(out.array()).isEqualTo(block);
            } else {
              refused++;
            }
          } catch (DataFormatException e) {
            refused++;
          }
        }
        assertThat(refused).isGreaterThan(90);
        ByteBuffer again = ByteBuffer.allocate(BLOCK);
        assertThat(inflate.inflate(ByteBuffer.wrap(stream), again)).isTrue();
        assertThat(again.array()).isEqualTo(block);
      }
    }
  }

  @Test
  void theSameBlockHasTheSameResultWhateverCameBefore() {
    for (Compressor compressor : all()) {
      byte[] first = compressed(compressor, compressible(1), 0);
      compressed(compressor, compressible(2), 0);
      noise(compressor);
      assertThat(compressed(compressor, compressible(1), 0)).isEqualTo(first);
      compressor.close();
    }
  }

  @Test
  void whatDoesNotFitLeavesTheBuffersWhereTheyWere() {
    for (Compressor compressor : all()) {
      noise(compressor);
      compressor.close();
    }
  }

  @Test
  void framesThatAreNotRightAreRefused() throws DataFormatException {
    byte[] block = compressible(3);
    byte[] frame;
    try (Compressor zstd = new Zstd(1)) {
      frame = compressed(zstd, block, 0);
    }
    byte[] two = new byte[2 * frame.length];
    System.arraycopy(frame, 0, two, 0, frame.length);
    System.arraycopy(frame, 0, two, frame.length, frame.length);
    byte[] back = new byte[2 * BLOCK];
    Zstd.decompress(two, back);
    assertThat(back).startsWith(block).endsWith(block);
    refused(frame, 2 * BLOCK);
    refused(frame, BLOCK - 1);
    refused(new byte[0], BLOCK);
    refused(new byte[100], BLOCK);
    Random random = new Random(1);
    for (int cut = 0; cut < frame.length; cut += 1 + random.nextInt(200)) {
      refused(Arrays.copyOf(frame, cut), BLOCK);
      byte[] spoiled = frame.clone();
      spoiled[cut] ^= (byte) (1 << random.nextInt(8));
      try {
        Zstd.decompress(spoiled, new byte[BLOCK]);
      } catch (DataFormatException e) {
        // There is no checksum, so that not all of them are refused.
      }
    }
  }

  @Test
  void levelsThatDoNotExistAreRefused() {
    for (int level : new int[] {-1, 0, 23}) {
      assertThatThrownBy(() -> new Zstd(level)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> new JdkDeflate(Wrapper.RAW, level))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void anIdentityIsThatOfOneWayOfCompressing() {
    Set<String> identities = new HashSet<>();
    for (Deflate way : ways()) {
      assertThat(identities.add(way.identity())).as("%s", way).isTrue();
      assertThat(way.identity()).isEqualTo(way.identity());
    }
  }

  @Test
  void whatIsNotPromisedIsRefused() {
    assertThatThrownBy(() -> new Deflate(Deflate.Library.JDK, Wrapper.RAW, 1, 12))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Isal(Wrapper.RAW, 4, 15))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Libdeflate(Wrapper.RAW, 13))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static List<Compressor> all() {
    List<Compressor> all = new ArrayList<>(List.of(new Zstd(1), new Zstd(9)));
    ways().forEach(way -> all.add(way.open()));
    return all;
  }

  /** With the libraries that are installed; says aloud which are not. */
  private static List<Deflate> ways() {
    List<Deflate> ways = new ArrayList<>();
    for (Wrapper wrapper : Wrapper.values()) {
      ways.add(new Deflate(Deflate.Library.JDK, wrapper, 1, 15));
      ways.add(new Deflate(Deflate.Library.JDK, wrapper, 9, 15));
      if (Libdeflate.isHere()) {
        ways.add(new Deflate(Deflate.Library.LIBDEFLATE, wrapper, 1, 15));
        ways.add(new Deflate(Deflate.Library.LIBDEFLATE, wrapper, 9, 15));
      }
      if (Isal.isHere()) {
        ways.add(new Deflate(Deflate.Library.ISAL, wrapper, 1, 15));
        ways.add(new Deflate(Deflate.Library.ISAL, wrapper, 1, 12));
      }
    }
    if (!Libdeflate.isHere() || !Isal.isHere()) {
      System.err.println("NOT TESTED: libdeflate0 or libisal2 is not installed");
    }
    return ways;
  }

  private static void noise(Compressor compressor) {
    byte[] noise = new byte[BLOCK];
    new Random(9).nextBytes(noise);
    ByteBuffer in = ByteBuffer.allocateDirect(BLOCK + 3).position(3).put(noise).position(3);
    ByteBuffer out = ByteBuffer.allocateDirect(BLOCK - 1).position(5);
    assertThat(compressor.compress(in, out)).isEqualTo(-1);
    assertThat(in.position()).isEqualTo(3);
    assertThat(out.position()).isEqualTo(5);
  }

  private static void refused(byte[] frame, int length) {
    assertThatThrownBy(() -> Zstd.decompress(frame, new byte[length]))
        .isInstanceOf(DataFormatException.class);
    for (ByteBuffer out : List.of(ByteBuffer.allocate(length), ByteBuffer.allocateDirect(length))) {
      assertThatThrownBy(() -> Zstd.decompress(direct(frame), out))
          .isInstanceOf(DataFormatException.class);
    }
  }

  private static ByteBuffer direct(byte[] bytes) {
    return ByteBuffer.allocateDirect(bytes.length + 3).position(3).put(bytes).position(3);
  }

  @Test
  void framesInADirectBufferFillOnlyWhatRemainsOfAnother() throws DataFormatException {
    byte[] block = compressible(4);
    byte[] frame;
    try (Compressor zstd = new Zstd(1)) {
      frame = compressed(zstd, block, 0);
    }
    for (ByteBuffer room :
        List.of(ByteBuffer.allocate(BLOCK + 8), ByteBuffer.allocateDirect(BLOCK + 8))) {
      // Also an array's buffer that begins somewhere in it.
      ByteBuffer out = room.position(1).slice().position(2).limit(2 + BLOCK);
      ByteBuffer in = direct(frame);
      Zstd.decompress(in, out);
      assertThat(in.hasRemaining()).isFalse();
      assertThat(out.hasRemaining()).isFalse();
      byte[] back = new byte[BLOCK];
      out.get(2, back);
      assertThat(back).isEqualTo(block);
      assertThat(room.get(2)).isZero();
      assertThat(room.get(3 + BLOCK)).isZero();
    }
  }

  private static byte[] compressed(Compressor compressor, byte[] block, int garbage) {
    ByteBuffer in = ByteBuffer.allocateDirect(block.length).put(block).flip();
    ByteBuffer out = ByteBuffer.allocateDirect(block.length).position(11);
    int length = compressor.compress(in, out);
    assertThat(in.hasRemaining()).isFalse();
    assertThat(out.position()).isEqualTo(11 + length);
    byte[] bytes = new byte[length + garbage];
    out.get(11, bytes, 0, length);
    return bytes;
  }

  private static byte[] compressible(long seed) {
    byte[] block = new byte[BLOCK];
    Random random = new Random(seed);
    for (int i = 0; i < BLOCK; i++) {
      block[i] = (byte) (random.nextInt(5) == 0 ? random.nextInt() : i / 100);
    }
    return block;
  }
}
