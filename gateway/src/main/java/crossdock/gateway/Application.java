package crossdock.gateway;

import io.micronaut.runtime.Micronaut;

/** Starts the gateway. Its configuration is in the file named by {@code micronaut.config.files}. */
public final class Application {
  private Application() {}

  /** Runs until it is ended. */
  public static void main(String[] args) {
    Micronaut.run(Application.class, args);
  }
}
