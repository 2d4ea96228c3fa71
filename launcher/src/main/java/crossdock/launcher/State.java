package crossdock.launcher;

import crossdock.contracts.Json;
import crossdock.contracts.Policy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;

/** The one directory below which everything lives. What is written here is the owner's alone. */
record State(Path root) {
  State {
    root = root.toAbsolutePath().normalize();
  }

  /** The directory of one process: its pid, its log, its keys, its data. */
  Path run(String name) {
    return directory(root.resolve("run").resolve(name));
  }

  Path log(String name) {
    return run(name).resolve("log");
  }

  Path pidFile(String name) {
    return run(name).resolve("pid");
  }

  /** The option that keeps a Java out of the temporary directory that all users share. Emptied. */
  String temporary(String name) throws IOException {
    Path temporary = run(name).resolve("tmp");
    Deletion.tree(temporary);
    return "-Djava.io.tmpdir=" + directory(temporary);
  }

  Path pki(String authority) {
    return directory(root.resolve("pki").resolve(authority));
  }

  Path site(String provider) {
    return directory(root.resolve("sites").resolve(provider));
  }

  /** Where a provider puts its policy, if it has one of its own. */
  Path policy(String provider) {
    return directory(root.resolve("policies")).resolve(provider + ".json");
  }

  /** Where a provider puts what its site offers, if it is not what is shipped. */
  Path listing(String provider) {
    return directory(root.resolve("listings")).resolve(provider + ".json");
  }

  /** Where a provider puts what its adapter's user is, if its cloud has users. */
  Path account(String provider) {
    return directory(root.resolve("accounts")).resolve(provider + ".json");
  }

  /** What it has put there. */
  byte[] accountOf(String provider) {
    try {
      return Files.readAllBytes(account(provider));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * By what a provider certifies and takes in.
   *
   * @throws crossdock.contracts.Refused if what it has put there is no policy
   */
  Policy policyOf(String provider) {
    Path file = policy(provider);
    try {
      return Files.exists(file)
          ? Json.read(Files.readAllBytes(file), Policy.class)
          : Policy.STANDARD;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Path trust() {
    return directory(root.resolve("trust"));
  }

  Path customers() {
    return directory(root.resolve("demo")).resolve("customers.json");
  }

  Path supervisorPid() {
    return root.resolve("supervisor.pid");
  }

  Path supervisorLog() {
    return root.resolve("supervisor.log");
  }

  Path reaperPid() {
    return root.resolve("reaper.pid");
  }

  Path status() {
    return root.resolve("status.json");
  }

  /**
   * A random word of 32 letters and digits, made at the first asking and kept. Whoever asks first
   * at the same time, in this process or another: all get the same.
   */
  String secret(String name) {
    Path file = directory(root.resolve("secrets")).resolve(name);
    try {
      if (!Files.exists(file)) {
        byte[] random = new byte[24];
        new SecureRandom().nextBytes(random);
        String word = Base64.getUrlEncoder().withoutPadding().encodeToString(random);
        // The owner's alone, as temporary files are.
        Path fresh = Files.createTempFile(file.getParent(), name, ".new");
        try {
          Files.writeString(fresh, word.replace('-', 'a').replace('_', 'b'));
          // Unlike a move, it never replaces what somebody has read already.
          Files.createLink(file, fresh);
        } catch (FileAlreadyExistsException e) {
          // Another was sooner.
        } finally {
          Files.delete(fresh);
        }
      }
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Path directory(Path path) {
    try {
      return Files.isDirectory(path)
          ? path
          : Files.createDirectories(
              path,
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void write(Path file, String text) {
    write(file, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Replaces the file as a whole: a reader sees the old bytes or the new ones. Mode 0600. */
  static void write(Path file, byte[] bytes) {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    try {
      Files.deleteIfExists(fresh);
      Files.createFile(
          fresh,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.write(fresh, bytes, StandardOpenOption.TRUNCATE_EXISTING);
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
