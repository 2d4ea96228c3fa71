package crossdock.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Small parts of a file that are asked for again and again, at most 8 MiB of them. Any thread may
 * ask, none waits for another: two may read the same page at once, and either stays.
 */
final class PageCache {
  private static final int MOST_BYTES = 8 << 20;
  private static final int MOST_PAGES = 4096;

  private record Page(long offset, ByteBuffer bytes) {}

  private final ImageBytes image;
  private final int pageBytes;
  private final ByteOrder order;
  private final AtomicReferenceArray<@Nullable Page> pages;

  PageCache(ImageBytes image, int pageBytes, ByteOrder order) {
    this.image = image;
    this.pageBytes = pageBytes;
    this.order = order;
    this.pages = new AtomicReferenceArray<>(Math.min(MOST_PAGES, MOST_BYTES / pageBytes));
  }

  /** What the file has there; read by absolute index only, for others read it too. */
  ByteBuffer page(long offset, int length) throws IOException {
    int slot = (int) (offset / pageBytes % pages.length());
    Page page = pages.get(slot);
    if (page == null || page.offset() != offset) {
      page = new Page(offset, image.read(offset, length, order));
      pages.set(slot, page);
    }
    return page.bytes();
  }
}
