package crossdock.export;

import crossdock.chassis.Database;
import crossdock.contracts.Json;
import crossdock.contracts.Machine;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What the dock found in guests when it looked last, until their machines are gone. Thread-safe.
 */
@Singleton
final class Guests {
  private static final String KNOW =
      """
      INSERT INTO guest (owner, machine, traits) VALUES (?, ?, ?)
      ON CONFLICT (owner, machine) DO UPDATE SET traits = excluded.traits
      """;
  private static final String FIND = "SELECT traits FROM guest WHERE owner = ? AND machine = ?";
  private static final String FORGET = "DELETE FROM guest WHERE owner = ? AND machine = ?";

  private static final int MOST = 64; // traits of a machine

  private final Database database;

  Guests(Database database) {
    this.database = database;
  }

  /** Keeps what was found, instead of what was found before. */
  void know(String owner, String machine, SortedMap<String, String> traits) {
    database.change(
        tx -> {
          try (PreparedStatement know = tx.prepareStatement(KNOW)) {
            know.setString(1, owner);
            know.setString(2, machine);
            know.setString(3, Json.text(traits));
            know.executeUpdate();
          }
        });
  }

  /** The machine with what was found in its guest, which its cloud cannot know better. */
  Machine known(String owner, Machine machine) {
    Optional<String> found = database.transaction(tx -> find(tx, owner, machine.id()));
    SortedMap<String, String> traits = new TreeMap<>(machine.traits());
    found.ifPresent(
        text ->
            Json.read(text, Traits.class)
                .forEach(
                    (trait, value) -> {
                      if (traits.size() < MOST || traits.containsKey(trait)) {
                        traits.put(trait, value);
                      }
                    }));
    return found.isPresent() ? machine.with(traits) : machine;
  }

  private static final class Traits extends TreeMap<String, String> {
    private static final long serialVersionUID = 1L;
  }

  private static Optional<String> find(Connection tx, String owner, String machine)
      throws SQLException {
    try (PreparedStatement find = tx.prepareStatement(FIND)) {
      find.setString(1, owner);
      find.setString(2, machine);
      try (ResultSet found = find.executeQuery()) {
        return found.next() ? Optional.of(found.getString(1)) : Optional.empty();
      }
    }
  }

  /** Of a machine that has gone, so that another one of its name is not taken for it. */
  void forget(String owner, String machine) {
    database.change(
        tx -> {
          try (PreparedStatement forget = tx.prepareStatement(FORGET)) {
            forget.setString(1, owner);
            forget.setString(2, machine);
            forget.executeUpdate();
          }
        });
  }
}
