package crossdock.disk.codec;

import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.DataFormatException;

/** Zstandard (RFC 8878), one frame for each block, with the block's length and no checksum. */
public final class Zstd implements Compressor {
  private static final int MAGIC = 0xfd2fb528;
  private static final int CHECKSUM = 1 << 2;
  private static final int RUN_LENGTH = 1 << 1;
  private static final int[] DICTIONARY_ID_BYTES = {0, 1, 2, 4};

  private final ZstdCompressCtx context;

  /**
   * @param level from 1, the fastest, to 22
   */
  public Zstd(int level) {
    if (level < 1 || level > 22) {
      throw new IllegalArgumentException("level " + level + " is not from 1 to 22");
    }
    this.context = new ZstdCompressCtx().setLevel(level);
  }

  @Override
  public int compress(ByteBuffer in, ByteBuffer out) {
    try {
      int length =
          context.compressDirectByteBuffer(
              out, out.position(), out.remaining(), in, in.position(), in.remaining());
      in.position(in.limit());
      out.position(out.position() + length);
      return length;
    } catch (ZstdException e) {
      if (e.getErrorCode() == com.github.luben.zstd.Zstd.errDstSizeTooSmall()) {
        return -1;
      }
      throw e;
    }
  }

  @Override
  public void close() {
    context.close();
  }

  /**
   * Fills {@code out} from the frames that {@code in} begins with; what follows them may be
   * anything. Takes no memory that a frame asks for. May be called from any thread.
   *
   * @throws DataFormatException if they do not decompress to exactly as many bytes
   */
  public static void decompress(byte[] in, byte[] out) throws DataFormatException {
    try (ZstdDecompressCtx context = new ZstdDecompressCtx()) {
      int from = 0;
      for (int filled = 0; filled < out.length; ) {
        int length = frameLength(in, from);
        filled += context.decompressByteArray(out, filled, out.length - filled, in, from, length);
        from += length;
      }
    } catch (ZstdException e) {
      throw new DataFormatException(e.getMessage());
    }
  }

  /**
   * Fills what remains of {@code out} from the frames that what remains of {@code in} is, a direct
   * buffer. Takes no memory that a frame asks for. May be called from any thread.
   *
   * @throws DataFormatException if they do not decompress to exactly as many bytes; what is in
   *     {@code out} is unknown then
   */
  public static void decompress(ByteBuffer in, ByteBuffer out) throws DataFormatException {
    int wanted = out.remaining();
    try (ZstdDecompressCtx context = new ZstdDecompressCtx()) {
      int filled =
          out.isDirect()
              ? context.decompressDirectByteBuffer(
                  out, out.position(), wanted, in, in.position(), in.remaining())
              : context.decompressDirectByteBufferToByteArray(
                  out.array(),
                  out.arrayOffset() + out.position(),
                  wanted,
                  in,
                  in.position(),
                  in.remaining());
      if (filled != wanted) {
        throw new DataFormatException(filled + " bytes, not " + wanted);
      }
      in.position(in.limit());
      out.position(out.limit());
    } catch (ZstdException e) {
      throw new DataFormatException(e.getMessage());
    }
  }

  /** RFC 8878 section 3.1.1: how long a frame is follows from the headers of its blocks. */
  private static int frameLength(byte[] in, int from) throws DataFormatException {
    ByteBuffer frame = ByteBuffer.wrap(in).order(ByteOrder.LITTLE_ENDIAN).position(from);
    try {
      if (frame.getInt() != MAGIC) {
        throw new DataFormatException("no frame");
      }
      int descriptor = frame.get();
      boolean single = (descriptor & 0x20) != 0;
      int sizeFlag = descriptor >> 6 & 3;
      int sizeBytes = sizeFlag == 0 && !single ? 0 : 1 << sizeFlag;
      int more = (single ? 0 : 1) + DICTIONARY_ID_BYTES[descriptor & 3] + sizeBytes;
      frame.position(frame.position() + more);
      boolean last = false;
      while (!last) {
        int header = Short.toUnsignedInt(frame.getShort()) | (frame.get() & 0xff) << 16;
        last = (header & 1) != 0;
        int length = (header & 6) == RUN_LENGTH ? 1 : header >>> 3;
        frame.position(frame.position() + length);
      }
      frame.position(frame.position() + ((descriptor & CHECKSUM) == 0 ? 0 : 4));
      return frame.position() - from;
    } catch (BufferUnderflowException | IllegalArgumentException e) {
      throw new DataFormatException("a frame that does not end");
    }
  }
}
