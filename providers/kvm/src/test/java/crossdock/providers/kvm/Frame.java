package crossdock.providers.kvm;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.HexFormat;

/** Packets on a wire, with checksums, since the kernel follows no conversation without. */
final class Frame {
  /** An address of a card. */
  record End(String mac, String address) {
    byte[] hardware() {
      return HexFormat.ofDelimiter(":").parseHex(mac);
    }

    byte[] bytes() {
      return InetAddress.ofLiteral(address).getAddress();
    }

    boolean isV6() {
      return address.contains(":");
    }
  }

  private Frame() {}

  /**
   * @param selector destination port; 256 × type + code of ICMP
   * @param id of the conversation: source port, or an echo's identifier
   * @param mark its last four bytes
   */
  static byte[] of(End from, End to, int protocol, int selector, int id, int mark) {
    return ethernet(from, to, ip(from, to, protocol, content(protocol, selector, id, mark)));
  }

  /** The mark of a frame. */
  static int mark(byte[] frame) {
    return ByteBuffer.wrap(frame).getInt(frame.length - 4);
  }

  static byte[] ethernet(End from, End to, byte[] packet) {
    return ByteBuffer.allocate(14 + packet.length)
        .put(to.hardware())
        .put(from.hardware())
        .putShort((short) (from.isV6() ? 0x86dd : 0x0800))
        .put(packet)
        .array();
  }

  private static byte[] content(int protocol, int selector, int id, int mark) {
    ByteBuffer bytes = ByteBuffer.allocate(48);
    switch (protocol) {
      case 1, 58 -> bytes.putShort((short) selector).putShort(4, (short) id);
      case 6 -> {
        bytes.putShort((short) id).putShort((short) selector).putInt(mark);
        bytes.putShort(12, (short) 0x5002).putShort(14, (short) 0xffff); // SYN
      }
      case 17 -> bytes.putShort((short) id).putShort((short) selector).putShort((short) 48);
      case 132 -> bytes.putShort((short) id).putShort((short) selector);
      default -> {} // none that has ports
    }
    return bytes.putInt(44, mark).array();
  }

  static byte[] ip(End from, End to, int protocol, byte[] content) {
    int at =
        switch (protocol) {
          case 1, 58 -> 2;
          case 6 -> 16;
          case 17 -> 6;
          default -> -1;
        };
    if (at >= 0) {
      ByteBuffer sum = ByteBuffer.allocate(36 + content.length);
      if (protocol != 1) {
        sum.put(from.bytes()).put(to.bytes()).putShort((short) content.length);
        sum.putShort((short) protocol);
      }
      sum.put(content);
      ByteBuffer.wrap(content).putShort(at, checksum(sum.array()));
    }
    ByteBuffer packet;
    if (from.isV6()) {
      packet = ByteBuffer.allocate(40 + content.length).putInt(6 << 28);
      packet.putShort((short) content.length).put((byte) protocol).put((byte) 255);
    } else {
      packet = ByteBuffer.allocate(20 + content.length).putShort((short) 0x4500);
      packet.putShort((short) (20 + content.length)).putInt(0);
      packet.put((byte) 64).put((byte) protocol).putShort((short) 0);
    }
    packet.put(from.bytes()).put(to.bytes());
    if (!from.isV6()) {
      packet.putShort(10, checksum(java.util.Arrays.copyOf(packet.array(), 20)));
    }
    return packet.put(content).array();
  }

  /** RFC 1071; of an even number of bytes. */
  private static short checksum(byte[] bytes) {
    int sum = 0;
    ByteBuffer words = ByteBuffer.wrap(bytes);
    while (words.hasRemaining()) {
      sum += words.getShort() & 0xffff;
    }
    while (sum >> 16 != 0) {
      sum = (sum & 0xffff) + (sum >> 16);
    }
    return (short) ~sum;
  }
}
