package crossdock.conversion;

import crossdock.site.SiteApplication;

/** Starts the conversion-service. */
public final class Application {
  private Application() {}

  /** Starts it. */
  public static void main(String[] args) {
    SiteApplication.start(Application.class, "dock", args);
  }
}
