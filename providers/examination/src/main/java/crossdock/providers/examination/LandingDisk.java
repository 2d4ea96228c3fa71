package crossdock.providers.examination;

import static java.nio.charset.StandardCharsets.US_ASCII;

import crossdock.contracts.Machine;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;

/**
 * The disk of a guest that says on the serial port, once, by what it was started: {@code
 * CROSSDOCK-GUEST landed by BIOS} or {@code … UEFI}. An MBR whose code is the guest of BIOS, and a
 * FAT12 system partition (UEFI specification 2.10, section 13.3) with the guest of UEFI at the
 * fallback path {@code \EFI\BOOT\BOOTX64.EFI}. It writes nothing.
 */
final class LandingDisk {
  /** Of the whole disk. */
  static final int BYTES = 4 << 20;

  private static final int SECTOR = 512;
  private static final int BEGINS = 64; // the partition, in sectors
  private static final int SECTORS = BYTES / SECTOR - BEGINS;
  private static final int PER_CLUSTER = 4;
  private static final int PER_FAT = 6; // holds 12 bits for each of some 2000 clusters
  private static final int ROOT_ENTRIES = 64;
  private static final int ENTRY = 32;
  private static final int ROOT = 1 + 2 * PER_FAT;
  private static final int DATA = ROOT + ROOT_ENTRIES * ENTRY / SECTOR;
  private static final int DIRECTORY = 0x10;
  private static final int FILE = 0x20;

  /*
   * start:              # BIOS: after a far jump to 0:5, ds = 0, si = the text at 0x7c28;
   *   cld               # UEFI: lea rsi, [rip + text], then the same in 64 bits
   * next:
   *   lodsb
   *   test al, al
   *   jz dead
   *   mov ah, al
   *   mov dx, 0x3fd     # line status of the first serial port
   * ready:
   *   in al, dx
   *   test al, 0x20     # room for a byte
   *   jz ready
   *   mov al, ah
   *   mov dx, 0x3f8
   *   out dx, al
   *   jmp next
   * dead:
   *   hlt               # BIOS: after sti
   *   jmp dead
   */
  private static final byte[] BIOS =
      HexFormat.of()
          .parseHex(
              "ea057c000031c08ed8be287cfcac84c0741288c4bafd03eca82074fb88e0baf803eeebe9fbf4ebfc");
  private static final byte[] UEFI =
      HexFormat.of()
          .parseHex("488d351d000000fcac84c0741488c466bafd03eca82074fb88e066baf803eeebe7f4ebfd");

  private LandingDisk() {}

  /** What the guest writes, in a line of its own. */
  static String says(Machine.Firmware firmware) {
    return "CROSSDOCK-GUEST landed by " + firmware;
  }

  /** All of it. */
  static byte[] bytes() {
    ByteBuffer disk = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    disk.put(0, BIOS).put(BIOS.length, text(Machine.Firmware.BIOS));
    disk.put(446 + 4, (byte) 0xef).putInt(446 + 8, BEGINS).putInt(446 + 12, SECTORS);
    disk.putShort(510, (short) 0xaa55);
    fat(disk.slice(BEGINS * SECTOR, SECTORS * SECTOR).order(ByteOrder.LITTLE_ENDIAN));
    return disk.array();
  }

  private static byte[] text(Machine.Firmware firmware) {
    return ("\r\n" + says(firmware) + "\r\n\0").getBytes(US_ASCII);
  }

  /** Clusters 2 and 3 are directories, 4 is the program. */
  private static void fat(ByteBuffer fat) {
    byte[] program = program();
    fat.put(0, new byte[] {(byte) 0xeb, 0x3c, (byte) 0x90}).put(3, "CRSSDOCK".getBytes(US_ASCII));
    fat.putShort(11, (short) SECTOR).put(13, (byte) PER_CLUSTER).putShort(14, (short) 1);
    fat.put(16, (byte) 2).putShort(17, (short) ROOT_ENTRIES).putShort(19, (short) SECTORS);
    fat.put(21, (byte) 0xf8).putShort(22, (short) PER_FAT).putShort(24, (short) 32);
    fat.putShort(26, (short) 2).putInt(28, BEGINS).put(36, (byte) 0x80).put(38, (byte) 0x29);
    fat.put(43, "LANDING    FAT12   ".getBytes(US_ASCII)).putShort(510, (short) 0xaa55);
    // Entries 0 and 1 are the medium's, and each of the three clusters is the end of its chain.
    byte[] chains = HexFormat.of().parseHex("f8ffffffffffff0f");
    fat.put(SECTOR, chains).put((1 + PER_FAT) * SECTOR, chains);
    entry(fat, ROOT * SECTOR, "EFI        ", DIRECTORY, 2, 0);
    entry(fat, cluster(2), ".          ", DIRECTORY, 2, 0);
    entry(fat, cluster(2) + ENTRY, "..         ", DIRECTORY, 0, 0);
    entry(fat, cluster(2) + 2 * ENTRY, "BOOT       ", DIRECTORY, 3, 0);
    entry(fat, cluster(3), ".          ", DIRECTORY, 3, 0);
    entry(fat, cluster(3) + ENTRY, "..         ", DIRECTORY, 2, 0);
    entry(fat, cluster(3) + 2 * ENTRY, "BOOTX64 EFI", FILE, 4, program.length);
    fat.put(cluster(4), program);
  }

  private static int cluster(int number) {
    return (DATA + (number - 2) * PER_CLUSTER) * SECTOR;
  }

  private static void entry(
      ByteBuffer fat, int at, String name, int attributes, int cluster, int bytes) {
    fat.put(at, name.getBytes(US_ASCII)).put(at + 11, (byte) attributes);
    fat.putShort(at + 26, (short) cluster).putInt(at + 28, bytes);
  }

  /** PE32+ (Microsoft's PE format) of one section that runs wherever it is loaded. */
  private static byte[] program() {
    int code = 0x1000;
    ByteBuffer pe = ByteBuffer.allocate(2 * SECTOR).order(ByteOrder.LITTLE_ENDIAN);
    pe.put(0, "MZ".getBytes(US_ASCII)).putInt(0x3c, 0x40).put(0x40, "PE".getBytes(US_ASCII));
    pe.putShort(0x44, (short) 0x8664).putShort(0x46, (short) 1); // x86-64, one section
    pe.putShort(0x54, (short) 0xf0).putShort(0x56, (short) 0x22); // executable, large addresses
    int optional = 0x58;
    pe.putShort(optional, (short) 0x20b).putInt(optional + 4, SECTOR);
    pe.putInt(optional + 16, code).putInt(optional + 20, code);
    pe.putInt(optional + 32, code).putInt(optional + 36, SECTOR); // alignment in memory, in file
    pe.putInt(optional + 56, 2 * code).putInt(optional + 60, SECTOR); // image, headers
    pe.putShort(optional + 68, (short) 10).putInt(optional + 108, 16); // a UEFI application
    int section = optional + 0xf0;
    pe.put(section, ".text".getBytes(US_ASCII)).putInt(section + 8, SECTOR);
    pe.putInt(section + 12, code).putInt(section + 16, SECTOR).putInt(section + 20, SECTOR);
    pe.putInt(section + 36, 0x60000020); // code, readable, executable
    pe.put(SECTOR, UEFI).put(SECTOR + UEFI.length, text(Machine.Firmware.UEFI));
    return pe.array();
  }
}
