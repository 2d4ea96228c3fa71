package crossdock.launcher;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What one program's JVM may skip at its next start: its classes, loaded and linked, and the
 * profiles of its methods (JEP 483, 514, 515), kept from a run that the build made for it. It is of
 * use only with the very jars and the very Java it was made with; without one, or with a stale one,
 * the program starts the longer way.
 *
 * @param file where it is kept
 * @param classPath jars alone, in their order: no cache can hold a directory of classes
 */
record AotCache(Path file, List<Path> classPath) {
  AotCache {
    classPath = List.copyOf(classPath);
  }

  /** Of a module whose build wrote its jar and the list of the others. */
  static AotCache of(Path target) {
    if (!Files.exists(target.resolve("classpath"))) {
      throw new Refusal(
          Refusal.CANNOT_START, target + " is not built: run ./mvnw -DskipTests package.");
    }
    List<Path> jars = new ArrayList<>();
    try (Stream<Path> files = Files.list(target)) {
      files.filter(f -> f.toString().endsWith("-SNAPSHOT.jar")).forEach(jars::add);
      Stream.of(Files.readString(target.resolve("classpath")).strip().split(File.pathSeparator, -1))
          .map(Path::of)
          .forEach(jars::add);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new AotCache(target.resolve("app.aot"), jars);
  }

  /** As {@code -cp} wants it. */
  String jars() {
    return classPath.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
  }

  /** Whether it was made after every one of its jars. */
  boolean fresh() {
    try {
      if (!Files.exists(file)) {
        return false;
      }
      for (Path jar : classPath) {
        if (Files.getLastModifiedTime(jar).compareTo(Files.getLastModifiedTime(file)) > 0) {
          return false;
        }
      }
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** What to say to the JVM, so that it reads it or, in training, writes it when it ends. */
  List<String> options(Scope scope) {
    if (fresh()) {
      return List.of("-XX:AOTCache=" + file);
    }
    return scope == Scope.TRAINING ? List.of("-XX:AOTCacheOutput=" + unfinished()) : List.of();
  }

  /** Gives what a training run has written to its end the name by which it is found. */
  void keep() throws IOException {
    if (Files.exists(unfinished())) {
      // Others may run what we have built.
      Files.setPosixFilePermissions(unfinished(), PosixFilePermissions.fromString("rw-r--r--"));
      Files.move(
          unfinished(), file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private Path unfinished() {
    return file.resolveSibling("app.aot.new");
  }
}
