package crossdock.disk;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;
import java.util.zip.CRC32C;

/** The smallest images that pass the gate, made by hand so that tests can spoil them. */
final class Images {
  static final int SIZE = 1 << 20;

  private Images() {}

  static ByteBuffer of(DiskFormat format) {
    return switch (format) {
      case RAW -> ByteBuffer.allocate(SIZE);
      case QCOW2 -> qcow2();
      case VMDK -> vmdk("monolithicSparse", "");
      case VHD -> vhd();
      case VHDX -> vhdx();
      case VDI -> vdi();
    };
  }

  /** All of an image. */
  static byte[] bytes(ByteBuffer image) {
    byte[] bytes = new byte[image.capacity()];
    image.get(0, bytes);
    return bytes;
  }

  /** Makes the checksums right again after a change. */
  static void seal(DiskFormat format, ByteBuffer image) {
    if (format == DiskFormat.VHD) {
      vhdChecksum(image, image.capacity() - 512, 512, 64);
      image.put(0, image, image.capacity() - 512, 512);
      vhdChecksum(image, 512, 1024, 36);
    } else if (format == DiskFormat.VHDX) {
      crc(image, 64 << 10, 4096);
      crc(image, 192 << 10, 64 << 10);
      image.put(256 << 10, image, 192 << 10, 64 << 10);
    }
  }

  private static ByteBuffer qcow2() {
    ByteBuffer image = ByteBuffer.allocate(70 * 512);
    image.put(0, "QFI\u00fb".getBytes(ISO_8859_1)).putInt(4, 3).putInt(20, 9).putLong(24, SIZE);
    image.putInt(36, 32).putLong(40, 512);
    image.putLong(48, 1024).putInt(56, 1);
    return image.putInt(96, 4).putInt(100, 112);
  }

  static ByteBuffer vmdk(String type, String more) {
    ByteBuffer image = ByteBuffer.allocate(64 * 512).order(ByteOrder.LITTLE_ENDIAN);
    image.put(0, "KDMV".getBytes(ISO_8859_1)).putInt(4, 1).putInt(8, 3);
    image.putLong(12, SIZE / 512).putLong(20, 128).putLong(28, 1).putLong(36, 20);
    image.putInt(44, 512).putLong(48, 30).putLong(56, 40).putLong(64, 64);
    image.put(73, "\n \r\n".getBytes(ISO_8859_1));
    String descriptor =
        "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\""
            + type
            + "\"\n\nRW 2048 SPARSE \"a.vmdk\"\n\nddb.adapterType = \"ide\"\n"
            + more;
    return image.put(512, descriptor.getBytes(ISO_8859_1));
  }

  private static ByteBuffer vhd() {
    ByteBuffer image = ByteBuffer.allocate(512 + 1024 + 512 + 512);
    int footer = image.capacity() - 512;
    image.put(footer, "conectix".getBytes(ISO_8859_1)).putInt(footer + 12, 0x10000);
    image.putLong(footer + 16, 512).putLong(footer + 40, SIZE).putLong(footer + 48, SIZE);
    image.putInt(footer + 60, 3);
    image.put(512, "cxsparse".getBytes(ISO_8859_1)).putLong(520, -1).putLong(528, 1536);
    image.putInt(536, 0x10000).putInt(540, 1).putInt(544, 2 << 20);
    seal(DiskFormat.VHD, image);
    return image;
  }

  private static ByteBuffer vhdx() {
    ByteBuffer image = ByteBuffer.allocate(3 << 20).order(ByteOrder.LITTLE_ENDIAN);
    image.put(0, "vhdxfile".getBytes(ISO_8859_1));
    int header = 64 << 10;
    image.put(header, "head".getBytes(ISO_8859_1)).putLong(header + 8, 1);
    image.putShort(header + 66, (short) 1);
    int regions = 192 << 10;
    image.put(regions, "regi".getBytes(ISO_8859_1)).putInt(regions + 8, 2);
    guid(image, regions + 16, "2dc27766-f623-4200-9d64-115e9bfd4a08");
    image.putLong(regions + 32, 2 << 20).putInt(regions + 40, 1 << 20).putInt(regions + 44, 1);
    guid(image, regions + 48, "8b7ca206-4790-4b9a-b8fe-575f050f886e");
    image.putLong(regions + 64, 1 << 20).putInt(regions + 72, 1 << 20).putInt(regions + 76, 1);
    int metadata = 1 << 20;
    image.put(metadata, "metadata".getBytes(ISO_8859_1)).putShort(metadata + 10, (short) 3);
    item(image, 0, "caa16737-fa36-4d43-b3b6-33f0aa44e76b", 8, 2 << 20);
    item(image, 1, "2fa54224-cd1b-4876-b211-5dbed83bf4b8", 8, SIZE);
    item(image, 2, "8141bf1d-a96f-4709-ba47-f233a8faab5f", 4, 512);
    seal(DiskFormat.VHDX, image);
    return image;
  }

  static void item(ByteBuffer image, int index, String guid, int length, int value) {
    int metadata = 1 << 20;
    int offset = (64 << 10) + 8 * index;
    int entry = metadata + 32 + 32 * index;
    guid(image, entry, guid);
    image.putInt(entry + 16, offset).putInt(entry + 20, length).putInt(entry + 24, 4);
    image.putInt(metadata + offset, value);
  }

  private static void guid(ByteBuffer image, int at, String text) {
    UUID guid = UUID.fromString(text);
    long high = guid.getMostSignificantBits();
    image.putInt(at, (int) (high >>> 32)).putShort(at + 4, (short) (high >>> 16));
    image.putShort(at + 6, (short) high);
    image.putLong(at + 8, Long.reverseBytes(guid.getLeastSignificantBits()));
  }

  private static ByteBuffer vdi() {
    ByteBuffer image = ByteBuffer.allocate(1024).order(ByteOrder.LITTLE_ENDIAN);
    image.put(0, "<<< Oracle VM VirtualBox Disk Image >>>\n".getBytes(ISO_8859_1));
    image.putInt(64, 0xbeda107f).putInt(68, 0x10001).putInt(72, 0x190).putInt(76, 1);
    image.putInt(340, 512).putInt(344, 1024).putInt(360, 512).putLong(368, SIZE);
    return image.putInt(376, 1 << 20).putInt(384, 1).putInt(512, -1);
  }

  private static void vhdChecksum(ByteBuffer image, int from, int length, int field) {
    image.putInt(from + field, 0);
    int sum = 0;
    for (int i = from; i < from + length; i++) {
      sum += image.get(i) & 0xff;
    }
    image.putInt(from + field, ~sum);
  }

  private static void crc(ByteBuffer image, int from, int length) {
    image.putInt(from + 4, 0);
    CRC32C crc = new CRC32C();
    crc.update(image.slice(from, length));
    image.putInt(from + 4, (int) crc.getValue());
  }
}
