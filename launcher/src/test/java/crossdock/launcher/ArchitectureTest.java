package crossdock.launcher;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.junit.LocationProvider;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What may know what, in all modules. This one is built last and sees the classes of the rest. */
@AnalyzeClasses(locations = ArchitectureTest.Modules.class)
class ArchitectureTest {
  private static final Set<String> SERVICES =
      Set.of("identity", "catalog", "billing", "gateway", "export", "imports", "conversion");

  /** The classes of every module that has any; a module that is not built fails the test. */
  static final class Modules implements LocationProvider {
    private static final Pattern MODULE = Pattern.compile("<module>([^<]+)</module>");

    @Override
    public Set<Location> get(Class<?> test) {
      Path home = Path.of("..");
      Set<Location> all = new HashSet<>();
      try {
        Matcher module = MODULE.matcher(Files.readString(home.resolve("pom.xml")));
        while (module.find()) {
          Path directory = home.resolve(module.group(1));
          if (Files.exists(directory.resolve("src/main/java"))) {
            Path classes = directory.resolve("target/classes");
            assertThat(classes.resolve("crossdock"))
                .as("build all modules before this one: ./mvnw verify, without -pl")
                .isDirectory();
            all.add(Location.of(classes));
          }
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return all;
    }
  }

  @ArchTest
  static void everyServiceIsLookedAt(JavaClasses classes) {
    for (String service : SERVICES) {
      assertThat(classes.containPackage("crossdock." + service))
          .as("crossdock." + service + " has moved: name it here as it is called now")
          .isTrue();
    }
  }

  @ArchTest
  static final ArchRule WITHOUT_FRAMEWORK =
      noClasses()
          .that()
          .resideInAnyPackage("crossdock.contracts..", "crossdock.disk..", "crossdock.providers..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.micronaut..", "jakarta..")
          .because(
              "contracts, disks and adapters are used without a server too: take what you need as a"
                  + " constructor's argument and make the bean in the service");

  @ArchTest
  static final ArchRule DISK_STANDS_ALONE =
      noClasses()
          .that()
          .resideInAPackage("crossdock.disk..")
          .and()
          .resideOutsideOfPackage("crossdock.disk.cli..")
          .should()
          .dependOnClassesThat(
              resideInAPackage("crossdock..").and(resideOutsideOfPackage("crossdock.disk..")))
          .because(
              "disk is a library on its own: translate between its types and the contracts' in"
                  + " conversion-service");

  @ArchTest
  static final ArchRule THE_LOG_KNOWS_NO_HTTP =
      noClasses()
          .that()
          .resideInAPackage("crossdock.gateway.log..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("io.micronaut.http..")
          .because(
              "what writes migrations orders reports and nothing else: put what answers requests in"
                  + " another package of the gateway and call the log from there");

  @ArchTest
  static final ArchRule SERVICES_ARE_APART =
      slices()
          .assignedFrom(services())
          .should()
          .notDependOnEachOther()
          .because(
              "services meet in events only: state a fact in contracts, or move what both need to"
                  + " chassis or site");

  private static SliceAssignment services() {
    return new SliceAssignment() {
      @Override
      public SliceIdentifier getIdentifierOf(JavaClass type) {
        return SERVICES.stream()
            .filter(
                service -> (type.getPackageName() + ".").startsWith("crossdock." + service + "."))
            .findFirst()
            .map(SliceIdentifier::of)
            .orElseGet(SliceIdentifier::ignore);
      }

      @Override
      public String getDescription() {
        return "services";
      }
    };
  }

  @ArchTest
  static void theDockHoldsNeitherKeyNorCredentials(JavaClasses classes) {
    // By get, which fails if one of them has been renamed.
    JavaClass key = classes.get("crossdock.contracts.SigningKey");
    JavaClass cloud = classes.get("crossdock.providers.Cloud");
    noClasses()
        .that()
        .resideInAPackage("crossdock.conversion..")
        .should()
        .dependOnClassesThat(
            describe("sign or call the cloud", type -> type.equals(key) || type.equals(cloud)))
        .because(
            "what parses hostile images must hold nothing worth stealing: hand the root to export-"
                + " or import-service, which signs it and calls the cloud")
        .check(classes);
  }

  @ArchTest
  static final ArchRule NAMES_SAY_WHAT_IT_DOES =
      noClasses()
          .should()
          .haveNameMatching(".*(Impl|Utils?|Manager|Helper)")
          .orShould()
          .haveNameMatching(".*[.$]Abstract[^.$]*")
          .because(
              "name a class by what it does or how (OutboxRelay, CatalogHttp), and share by"
                  + " composition");

  @ArchTest
  static final ArchRule ONE_LOGGER =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAPackage("java.util.logging..")
          .because("there is one log: use org.slf4j");

  @ArchTest
  static final ArchRule ONLY_COMMAND_LINES_PRINT =
      noClasses()
          .that()
          .resideOutsideOfPackages("crossdock.launcher..", "crossdock.disk.cli..")
          .should(ACCESS_STANDARD_STREAMS)
          .because("what a service says goes to its log: use org.slf4j");

  @ArchTest
  static final ArchRule PACKAGES_WITHOUT_CYCLES =
      slices()
          .matching("crossdock.(**)")
          .should()
          .beFreeOfCycles()
          .because(
              "packages that need each other are one: move what both need to the lower one, or join"
                  + " them");
}
