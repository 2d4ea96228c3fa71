package crossdock.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class InOrderTest {
  @Test
  void resultsComeInTheOrderOfTheWork() throws IOException {
    List<Integer> taken = new ArrayList<>();
    AtomicInteger underWay = new AtomicInteger();
    try (InOrder<Integer> numbers =
        new InOrder<>(
            "test",
            number -> {
              underWay.decrementAndGet();
              taken.add(number);
            })) {
      for (int i = 0; i < 500; i++) {
        int number = i;
        assertThat(underWay.incrementAndGet()).isLessThanOrEqualTo(InOrder.IN_FLIGHT);
        if (i % 7 == 0) {
          numbers.known(number);
        } else {
          numbers.submit(
              () -> {
                Thread.sleep(number % 3);
                return number;
              });
        }
      }
      numbers.finish();
    }
    assertThat(taken).isEqualTo(IntStream.range(0, 500).boxed().toList());
  }

  @Test
  void aFailureIsThrownInItsPlace() {
    List<Integer> taken = new ArrayList<>();
    try (InOrder<Integer> numbers = new InOrder<>("test", taken::add)) {
      assertThatThrownBy(
              () -> {
                numbers.known(1);
                numbers.submit(
                    () -> {
                      throw new EOFException("here");
                    });
                numbers.known(3);
                numbers.finish();
              })
          .isInstanceOf(EOFException.class)
          .hasMessage("here");
    }
    assertThat(taken).containsExactly(1);
  }

  @Test
  void anInterruptEndsTheWaitButNotWhatIsRunning() {
    CountDownLatch running = new CountDownLatch(1);
    AtomicBoolean interrupted = new AtomicBoolean();
    AtomicBoolean ended = new AtomicBoolean();
    try (InOrder<Integer> numbers = new InOrder<>("test", number -> {})) {
      Thread waiting = Thread.currentThread();
      assertThatThrownBy(
              () -> {
                numbers.submit(
                    () -> {
                      running.countDown();
                      for (long end = System.nanoTime() + 200_000_000; System.nanoTime() < end; ) {
                        interrupted.compareAndSet(false, Thread.currentThread().isInterrupted());
                      }
                      ended.set(true);
                      return 1;
                    });
                running.await();
                waiting.interrupt();
                numbers.finish();
              })
          .isInstanceOf(IOException.class)
          .hasMessageContaining("interrupted");
    }
    assertThat(Thread.interrupted()).isTrue();
    assertThat(ended).isTrue();
    assertThat(interrupted).isFalse();
  }
}
