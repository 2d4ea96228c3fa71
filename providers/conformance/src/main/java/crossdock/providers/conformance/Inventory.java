package crossdock.providers.conformance;

import crossdock.contracts.Sha256;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.TreeMap;

/** Everything that lies in a site's directory, for comparing before and after. */
public final class Inventory {
  private Inventory() {}

  /** The digest of every file, by its path; directories count only for what is in them. */
  public static Map<String, String> of(Fixture fixture) throws IOException {
    Path root = fixture.root();
    Map<String, String> files = new TreeMap<>();
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
            return ignored(directory) ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            if (!ignored(file)) {
              files.put(
                  root.relativize(file).toString(),
                  attributes.isRegularFile()
                      ? Sha256.of(Files.readAllBytes(file)).hex()
                      : "no file");
            }
            return FileVisitResult.CONTINUE;
          }

          private boolean ignored(Path path) {
            return fixture.remembered().stream().anyMatch(root.relativize(path)::startsWith);
          }
        });
    return files;
  }
}
