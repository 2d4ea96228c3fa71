package crossdock.export;

import crossdock.site.SiteApplication;

/** Starts the export-service. */
public final class Application {
  private Application() {}

  /** Starts it. */
  public static void main(String[] args) {
    SiteApplication.start(Application.class, "source", args);
  }
}
