package crossdock.imports;

import crossdock.site.SiteApplication;

/** Starts the import-service. */
public final class Application {
  private Application() {}

  /** Starts it. */
  public static void main(String[] args) {
    SiteApplication.start(Application.class, "target", args);
  }
}
