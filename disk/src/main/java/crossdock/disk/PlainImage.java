package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;

/** A raw disk that is not a file here: nothing is known of its holes. */
record PlainImage(ImageBytes image) implements ImageDisk {
  @Override
  public About about() {
    return new About("plain", 1, "none", List.of());
  }

  @Override
  public long size() {
    return image.size();
  }

  @Override
  public Extent extentAt(long offset, long atMost) {
    long most = image.size() - Objects.checkIndex(offset, image.size());
    return new Extent(offset, Math.min(atMost, most), Extent.Kind.DATA);
  }

  @Override
  public void read(long offset, ByteBuffer into) throws IOException {
    Objects.checkFromIndexSize(offset, into.remaining(), image.size());
    image.read(offset, into);
  }

  @Override
  public void close() throws IOException {
    image.close();
  }
}
