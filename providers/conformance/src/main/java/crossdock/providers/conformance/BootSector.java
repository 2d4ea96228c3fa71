package crossdock.providers.conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * The smallest guest: one sector that counts in the next one and says so on the serial port, every
 * 220 ms, {@code CROSSDOCK-GUEST sector counter=<n>}, until the power button is pressed: {@code
 * CROSSDOCK-GUEST sector last=<n>}, and off. It is up 0.2 s after QEMU's start.
 */
public final class BootSector {
  /** Bytes of its disk. */
  public static final int DISK_BYTES = 1 << 20;

  /*
   * The listing, for GNU as (--32) and ld (-m elf_i386 -Ttext 0x7c00 --oformat binary):
   *
   * _start:
   *   jmp 0:start            # known cs
   * start:
   *   xor ax, ax
   *   mov ds, ax
   *   mov es, ax
   *   mov ss, ax
   *   mov sp, 0x7c00
   *   mov [drive], dl
   *   sti
   *   mov dx, 0x602          # ACPI PM1 enable: the power button
   *   mov ax, 0x100
   *   out dx, ax
   *   mov ax, 0x0201         # read 1 sector
   *   call disk
   * count:
   *   inc dword ptr [0x7e00]
   *   mov ax, 0x0301         # write 1 sector
   *   call disk
   *   mov si, offset counter
   *   call line
   *   mov cx, 4              # 4 ticks = 220 ms
   * wait:
   *   hlt
   *   mov dx, 0x600          # ACPI PM1 status
   *   in ax, dx
   *   test ah, 1
   *   jnz off
   *   loop wait
   *   jmp count
   * off:
   *   mov si, offset last
   *   call line
   *   mov dx, 0x604          # ACPI PM1 control: sleep type 0 is S5 in QEMU
   *   mov ax, 0x2000
   *   out dx, ax
   * dead:
   *   hlt
   *   jmp dead
   *
   * disk:                    # ax = command and count; sector 2 of track 0 (LBA 1) at 0x7e00
   *   mov bx, 0x7e00
   *   mov cx, 2
   *   mov dh, 0
   *   mov dl, [drive]
   *   int 0x13
   *   jnc done
   *   mov si, offset error
   *   call print
   *   jmp dead
   *
   * line:                    # "CROSSDOCK-GUEST sector " + si + counter + newline
   *   push si
   *   mov si, offset who
   *   call print
   *   pop si
   *   call print
   *   mov eax, [0x7e00]
   *   mov ebx, 10
   *   mov di, offset digits + 10
   * digit:
   *   xor edx, edx
   *   div ebx
   *   add dl, '0'
   *   dec di
   *   mov [di], dl
   *   test eax, eax
   *   jnz digit
   *   mov si, di
   * print:                   # si = text, ends with 0
   *   lodsb
   *   test al, al
   *   jz done
   *   mov ah, al
   *   mov dx, 0x3fd
   * ready:
   *   in al, dx
   *   test al, 0x20
   *   jz ready
   *   mov al, ah
   *   mov dx, 0x3f8
   *   out dx, al
   *   jmp print
   * done:
   *   ret
   *
   * who:     .asciz "CROSSDOCK-GUEST sector "
   * counter: .asciz "counter="
   * last:    .asciz "last="
   * error:   .asciz "CROSSDOCK-GUEST sector error=disk\n"
   * digits:  .ascii "0000000000\n"
   *          .byte 0
   * drive:   .byte 0
   *   .org 510
   *   .byte 0x55, 0xaa
   */
  private static final String CODE =
      """
      ea057c000031c08ed88ec08ed0bc007c8816057dfbba0206b80001efb80102e8
      320066ff06007eb80103e82700bec77ce83900b90400f4ba0006edf6c4017504
      e2f4ebdebed07ce82200ba0406b80020eff4ebfdbb007eb90200b6008a16057d
      cd13734abed67ce82d00ebe556beaf7ce824005ee8200066a1007e66bb0a0000
      00bf037d6631d266f7f380c2304f88156685c075ef89feac84c0741288c4bafd
      03eca82074fb88e0baf803eeebe9c343524f5353444f434b2d47554553542073
      6563746f722000636f756e7465723d006c6173743d0043524f5353444f434b2d
      475545535420736563746f72206572726f723d6469736b0a0030303030303030
      3030300a00
      """;

  private BootSector() {}

  /** A whole raw disk of 1 MiB; the counter is the little-endian word at byte 512. */
  public static byte[] disk() {
    byte[] code = HexFormat.of().parseHex(CODE.replace("\n", ""));
    byte[] disk = Arrays.copyOf(code, DISK_BYTES);
    disk[510] = 0x55;
    disk[511] = (byte) 0xaa;
    return disk;
  }

  /** The same, but counting in memory only: nothing is written to the disk. */
  public static byte[] still() {
    byte[] disk = disk();
    byte[] write = HexFormat.of().parseHex("b80103e82700");
    for (int at = 0; ; at++) {
      if (Arrays.equals(disk, at, at + write.length, write, 0, write.length)) {
        Arrays.fill(disk, at, at + write.length, (byte) 0x90); // nop
        return disk;
      }
    }
  }

  /** Writes it to a file. */
  public static Path disk(Path file) throws IOException {
    return Files.write(file, disk());
  }
}
