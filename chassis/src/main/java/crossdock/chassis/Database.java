package crossdock.chassis;

import io.micronaut.context.annotation.Value;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;

/** The service's own PostgreSQL database. All SQL runs inside {@link #transaction}. Thread-safe. */
@Singleton
public final class Database {
  private static final int TRIES = 5;

  /** Not serializable, a deadlock, or a row that somebody else added meanwhile. */
  private static final Set<String> RACES = Set.of("40001", "40P01", "23505");

  /**
   * Classes of SQLState that speak of the data: no such value, a broken constraint, longer than an
   * index takes.
   */
  private static final Set<String> DATA = Set.of("22", "23", "54");

  private final DataSource source;
  private final Duration poll;
  private final Object committing = new Object();
  private long commits;

  /** Wraps a pool whose connections belong to this service's role. */
  public Database(DataSource source) {
    this(source, Duration.ofMillis(500));
  }

  /**
   * The same.
   *
   * @param poll how long who waits for something to do waits at most
   */
  @Inject
  Database(DataSource source, @Value("${crossdock.poll:500ms}") Duration poll) {
    this.source = source;
    this.poll = poll;
  }

  /**
   * What is done in one transaction; it may be done again, so it must change nothing but the
   * database.
   */
  @FunctionalInterface
  public interface Work<T> {
    /** Runs once per try. */
    T in(Connection tx) throws SQLException;
  }

  /** What is done in one transaction, with no result. */
  @FunctionalInterface
  public interface Change {
    /** Runs once per try. */
    void in(Connection tx) throws SQLException;
  }

  /** Like {@link #transaction}, for work that returns nothing. */
  public void change(Change change) {
    boolean _ =
        transaction(
            tx -> {
              change.in(tx);
              return true;
            });
  }

  /**
   * Runs {@code work} and commits, or rolls back and throws. A lost race is tried again.
   *
   * @throws DatabaseException if the database refuses or is not there
   */
  public <T> T transaction(Work<T> work) {
    T result = look(work);
    synchronized (committing) {
      commits++;
      committing.notifyAll();
    }
    return result;
  }

  /** How often this process has committed what others may be waiting for. */
  long commits() {
    synchronized (committing) {
      return commits;
    }
  }

  /**
   * Waits until this process has committed more often than {@code seen}, so that what it adds is
   * found at once; and not for long, since other processes and time add things, too.
   */
  void awaitCommit(long seen) throws InterruptedException {
    long deadline = System.nanoTime() + poll.toNanos();
    synchronized (committing) {
      for (long left = poll.toNanos(); commits == seen && left > 0; ) {
        TimeUnit.NANOSECONDS.timedWait(committing, left);
        left = deadline - System.nanoTime();
      }
    }
  }

  /** Like {@link #transaction}, for who looks for something to do: it wakes nobody. */
  <T> T look(Work<T> work) {
    for (int tries = 1; ; tries++) {
      try (Connection tx = source.getConnection()) {
        tx.setAutoCommit(false);
        try {
          T result = work.in(tx);
          tx.commit();
          return result;
        } catch (SQLException | RuntimeException e) {
          tx.rollback();
          throw e;
        }
      } catch (SQLException e) {
        if (!RACES.contains(String.valueOf(e.getSQLState())) || tries == TRIES) {
          throw new DatabaseException(e);
        }
      }
    }
  }

  /** The database refused or is not there. */
  public static final class DatabaseException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean data;

    DatabaseException(SQLException cause) {
      super(cause.getMessage(), cause);
      this.data = DATA.stream().anyMatch(String.valueOf(cause.getSQLState())::startsWith);
    }

    /** Whether it refused what it was given, and would refuse it again; otherwise it is away. */
    boolean refusedTheData() {
      return data;
    }
  }
}
