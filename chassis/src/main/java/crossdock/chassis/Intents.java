package crossdock.chassis;

import jakarta.inject.Singleton;
import java.sql.PreparedStatement;
import java.sql.ResultSet;

/**
 * What is about to be done to the cloud, committed before it is done. Whoever takes over after a
 * crash calls again under the same tag, and the adapter finds what the earlier call made.
 */
@Singleton
public final class Intents {
  private static final String BEGIN =
      """
      INSERT INTO intent (tag, call, fence) VALUES (?, ?, ?)
      ON CONFLICT (tag, call) DO UPDATE SET fence = excluded.fence, ended_at = NULL
      WHERE intent.fence <= excluded.fence
      """;
  private static final String END =
      """
      UPDATE intent SET ended_at = now()
      WHERE tag = ? AND ended_at IS NULL AND (fence < ? OR (call = ? AND fence = ?))
      """;
  private static final String BESIDES =
      "SELECT EXISTS (SELECT 1 FROM intent WHERE tag = ? AND call <> ?)";

  /**
   * A call to the cloud.
   *
   * @param <T> what it answers
   */
  @FunctionalInterface
  public interface Call<T> {
    /** Makes it. */
    T make() throws Exception;
  }

  private final Database database;

  Intents(Database database) {
    this.database = database;
  }

  /**
   * Commits the intent, checks the lease, makes the call, and notes its end. It ends the failed
   * calls of earlier fences with it: the adapter refuses those now, and what they left is found
   * under the same tag.
   *
   * @param tag what the objects made carry
   * @param fence larger than in every turn before, as {@link Jobs.Job#fence()} is
   */
  public <T> T call(Held held, String tag, long fence, String name, Call<T> call) throws Exception {
    database.change(
        tx -> {
          try (PreparedStatement begin = tx.prepareStatement(BEGIN)) {
            begin.setString(1, tag);
            begin.setString(2, name);
            begin.setLong(3, fence);
            if (begin.executeUpdate() == 0) {
              throw new IllegalStateException("the lease is lost: a later turn has begun " + name);
            }
          }
        });
    held.check();
    T answer = call.make();
    database.change(
        tx -> {
          try (PreparedStatement end = tx.prepareStatement(END)) {
            end.setString(1, tag);
            end.setLong(2, fence);
            end.setString(3, name);
            end.setLong(4, fence);
            end.executeUpdate();
          }
        });
    return answer;
  }

  /** Whether anything else than {@code name} was ever about to be done under {@code tag}. */
  public boolean besides(String tag, String name) {
    return database.transaction(
        tx -> {
          try (PreparedStatement besides = tx.prepareStatement(BESIDES)) {
            besides.setString(1, tag);
            besides.setString(2, name);
            try (ResultSet found = besides.executeQuery()) {
              found.next();
              return found.getBoolean(1);
            }
          }
        });
  }
}
