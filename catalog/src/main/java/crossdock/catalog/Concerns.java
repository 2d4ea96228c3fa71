package crossdock.catalog;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.google.common.collect.Interner;
import com.google.common.collect.Interners;
import com.google.common.collect.MapMaker;
import crossdock.catalog.Language.Expression;
import crossdock.contracts.Adaptation;
import crossdock.contracts.Fact;
import crossdock.contracts.Json;
import crossdock.contracts.Listing;
import crossdock.contracts.Machine;
import crossdock.contracts.Plan;
import crossdock.contracts.Plan.Severity;
import crossdock.contracts.Refused;
import dev.cel.runtime.CelEvaluationException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What may go wrong with a machine at a target, as the files of one folder know it. What is found
 * out of a machine or a listing is kept for as long as that very object is: to plan many machines
 * against many sites, pass the same objects. Thread-safe.
 */
final class Concerns {
  /** A text with all the names of a machine in it may be long. */
  private static final int LONGEST_TEXT = 512;

  private static final String VOCABULARY = "vocabulary.json";
  private static final Comparator<Plan.Concern> WORST_FIRST =
      Comparator.comparing(Plan.Concern::severity).thenComparing(Plan.Concern::code);

  private final Vocabulary vocabulary;
  private final List<Known> all;
  private final ConcurrentMap<Machine, Seen> machines = new MapMaker().weakKeys().makeMap();
  private final ConcurrentMap<Listing, Site> listings = new MapMaker().weakKeys().makeMap();
  private final Interner<Question> questions = Interners.newWeakInterner();

  /**
   * A rule, compiled.
   *
   * @param adapts when an adaptation ends it
   * @param repeats whether many machines ask the same: of values, of which there are few
   * @param ofSource whether its conditions ask for something of the source
   */
  private record Known(
      Rule rule,
      List<Expression> when,
      Expression evidence,
      List<Expression> adapts,
      boolean repeats,
      boolean ofSource) {
    static Known of(Rule rule) {
      List<Expression> when = rule.when().stream().map(Language::condition).toList();
      Expression evidence = Language.text(rule.evidence());
      return new Known(
          rule,
          when,
          evidence,
          rule.adaptation().stream()
              .flatMap(adaptation -> adaptation.when().stream())
              .map(Language::condition)
              .toList(),
          Stream.concat(when.stream(), Stream.of(evidence)).allMatch(Expression::repeats),
          when.stream().anyMatch(condition -> condition.variables().contains("source")));
    }

    /** Whether it certainly is no concern, by what is known so far. */
    boolean fails(Map<String, Object> variables) {
      return when.stream()
          .filter(condition -> variables.keySet().containsAll(condition.variables()))
          .anyMatch(condition -> fails(condition, variables));
    }

    private static boolean fails(Expression condition, Map<String, Object> variables) {
      try {
        return condition.value(variables).equals(false);
      } catch (CelEvaluationException | RuntimeException _) {
        return false;
      }
    }

    Stream<Expression> expressions() {
      return Stream.concat(when.stream(), Stream.of(evidence));
    }

    Question ofMachine(Map<String, Object> machine) {
      return question(machine, expressions().flatMap(one -> one.ofMachine().stream()));
    }

    /** What its conditions ask. */
    Question ofTarget(Map<String, Object> target) {
      return question(target, when.stream().flatMap(one -> one.ofTarget().stream()));
    }

    private Question question(Map<String, Object> form, Stream<List<String>> paths) {
      List<Object> values = paths.distinct().map(path -> at(form, path)).toList();
      return new Question(Objects.hash(rule.code(), values), this, values);
    }

    private static Object at(Object of, List<String> path) {
      Object at = of;
      for (String name : path) {
        Object value = at instanceof Map<?, ?> map ? map.get(name) : null;
        at = value == null ? "" : value;
      }
      return at;
    }
  }

  private record Found(Plan.Concern concern, Known known) {}

  /**
   * What there is to say, and what the target's dock does about it.
   *
   * @param concerns the worst first, then by code
   * @param adaptations by kind, each once
   */
  record Findings(List<Plan.Concern> concerns, List<Adaptation> adaptations) {}

  /**
   * @param settled what is so whatever the target
   * @param open what depends on the target too
   */
  private record Seen(
      Map<String, Object> form,
      List<Found> settled,
      List<Question> open,
      ConcurrentMap<Case, Verdict> verdicts) {}

  /**
   * A rule, and all that it asks of a machine or of a target: many give the same, and one answer
   * does.
   *
   * @param hash of the others, which may be long
   */
  private record Question(int hash, Known known, List<Object> values) {
    @Override
    public int hashCode() {
      return hash;
    }
  }

  private record Case(Question question, Fact.Mode mode) {}

  /** Whether a rule's conditions hold, or why that cannot be said. */
  private record Verdict(boolean holds, Optional<String> error) {}

  /**
   * @param open what some machine may give, by code, and what that asks of the site
   */
  private record Site(
      Map<String, Object> form,
      Map<String, Question> open,
      ConcurrentMap<Case, List<Found>> answers) {}

  /**
   * @param files by name, one of them the vocabulary
   * @throws Refused if one is no concern, has another code than its name, or asks for what is not
   *     in the vocabulary
   */
  Concerns(SortedMap<String, byte[]> files) {
    SortedMap<String, byte[]> rules = new TreeMap<>(files);
    byte[] words = rules.remove(VOCABULARY);
    if (words == null || rules.isEmpty()) {
      throw new Refused("there are no concerns, or no " + VOCABULARY);
    }
    vocabulary = read(VOCABULARY, words, Vocabulary.class);
    all = rules.entrySet().stream().map(file -> known(file.getKey(), file.getValue())).toList();
  }

  /** Those that come with this version. */
  static Concerns shipped() {
    URL words = Objects.requireNonNull(Concerns.class.getResource("concerns/" + VOCABULARY));
    try {
      if (!(words.openConnection() instanceof JarURLConnection jar)) {
        return new Concerns(beside(Path.of(words.toURI())));
      }
      try (FileSystem opened =
          FileSystems.newFileSystem(Path.of(jar.getJarFileURL().toURI()), Map.of())) {
        return new Concerns(beside(opened.getPath("/" + jar.getEntryName())));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read what is beside " + words, e);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  List<Rule> rules() {
    return all.stream().map(Known::rule).toList();
  }

  Vocabulary vocabulary() {
    return vocabulary;
  }

  /** What they ask for of traits and limits. */
  Set<Language.Asked> asked() {
    return all.stream()
        .flatMap(one -> Stream.concat(one.expressions(), one.adapts.stream()))
        .flatMap(expression -> expression.names().stream())
        .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * What there is to say, the worst first, then by code. A condition that cannot be evaluated for
   * this machine counts as one that holds, and the text says so.
   *
   * @param waived codes of concerns that the customer takes the risk of: those of them that may be
   *     waived no longer block, and no guest is adapted for them
   */
  Findings about(
      Machine machine, Listing source, Listing target, Fact.Mode mode, Collection<String> waived) {
    Seen seen = machines.computeIfAbsent(machine, this::see);
    Site there = listings.computeIfAbsent(target, this::see);
    Map<String, Object> variables =
        Map.of(
            "machine", seen.form,
            "source", listings.computeIfAbsent(source, this::see).form,
            "target", there.form,
            "mode", mode.name());
    List<Adaptation> adaptations = new ArrayList<>();
    List<Plan.Concern> concerns =
        Stream.concat(
                seen.settled.stream(),
                seen.open.stream()
                    .filter(question -> there.open.containsKey(question.known.rule.code()))
                    .flatMap(question -> answer(question, mode, seen, there, variables).stream()))
            .map(
                found ->
                    waived.contains(found.concern.code())
                        ? found.known.rule.waivable() ? waived(found.concern) : found.concern
                        : adapted(found, target, variables, adaptations))
            .sorted(WORST_FIRST)
            .toList();
    adaptations.sort(Comparator.comparing(Adaptation::kind));
    return new Findings(concerns, List.copyOf(adaptations));
  }

  /** What it is still, if the target's dock ends it. */
  private static Plan.Concern adapted(
      Found found, Listing target, Map<String, Object> variables, List<Adaptation> adaptations) {
    Plan.Concern concern = found.concern;
    Optional<Rule.Adapting> by =
        found
            .known
            .rule
            .adaptation()
            .filter(
                one ->
                    target
                        .traits()
                        .getOrDefault(Adaptation.TRAIT, List.of())
                        .contains(one.kind().wire()))
            .filter(_ -> found.known.adapts.stream().allMatch(one -> holds(one, variables)));
    if (by.isEmpty()) {
      return concern;
    }
    List<String> to =
        by.get().to().stream()
            .flatMap(trait -> target.traits().getOrDefault(trait, List.of()).stream())
            .filter(Adaptation::fits)
            .limit(Adaptation.MOST)
            .toList();
    adaptations.add(new Adaptation(by.get().kind(), to, concern.code()));
    return new Plan.Concern(
        concern.code(),
        Severity.INFORMATION,
        concern.text(),
        concern.remedy(),
        concern.consequence(),
        Optional.of(by.get().fix()));
  }

  private static boolean holds(Expression condition, Map<String, Object> variables) {
    try {
      return condition.value(variables).equals(true);
    } catch (CelEvaluationException | RuntimeException _) {
      return false;
    }
  }

  private static List<Found> answer(
      Question question, Fact.Mode mode, Seen seen, Site there, Map<String, Object> variables) {
    Known known = question.known;
    if (known.repeats) {
      return there.answers.computeIfAbsent(new Case(question, mode), _ -> found(known, variables));
    }
    if (known.ofSource) {
      return found(known, variables);
    }
    Question asked = Objects.requireNonNull(there.open.get(known.rule.code()));
    return found(
        known,
        seen.verdicts.computeIfAbsent(new Case(asked, mode), _ -> verdict(known, variables)),
        variables);
  }

  private Site see(Listing listing) {
    Map<String, Object> form = form(listing);
    Map<String, Object> variables = Map.of("target", form);
    return new Site(
        form,
        all.stream()
            .filter(one -> !one.fails(variables))
            .collect(
                Collectors.toUnmodifiableMap(
                    one -> one.rule.code(), one -> questions.intern(one.ofTarget(form)))),
        new ConcurrentHashMap<>());
  }

  private Seen see(Machine machine) {
    Map<String, Object> form = form(machine);
    Map<String, Object> variables = Map.of("machine", form);
    List<Found> settled = new ArrayList<>();
    List<Question> open = new ArrayList<>();
    for (Known one : all) {
      if (one.expressions().allMatch(Expression::settled)) {
        settled.addAll(found(one, variables));
      } else if (!one.fails(variables)) {
        open.add(questions.intern(one.ofMachine(form)));
      }
    }
    return new Seen(form, List.copyOf(settled), List.copyOf(open), new ConcurrentHashMap<>());
  }

  private static List<Found> found(Known one, Map<String, Object> variables) {
    return found(one, verdict(one, variables), variables);
  }

  private static Verdict verdict(Known one, Map<String, Object> variables) {
    try {
      for (Expression condition : one.when) {
        if (condition.value(variables).equals(false)) {
          return new Verdict(false, Optional.empty());
        }
      }
      return new Verdict(true, Optional.empty());
    } catch (CelEvaluationException | RuntimeException e) {
      return new Verdict(true, Optional.of(String.valueOf(e.getMessage())));
    }
  }

  private static List<Found> found(Known one, Verdict verdict, Map<String, Object> variables) {
    if (!verdict.holds) {
      return List.of();
    }
    String text;
    try {
      text =
          verdict.error.isPresent()
              ? unknown(verdict.error.get())
              : (String) one.evidence.value(variables);
    } catch (CelEvaluationException | RuntimeException e) {
      text = unknown(String.valueOf(e.getMessage()));
    }
    Rule rule = one.rule;
    return List.of(
        new Found(
            new Plan.Concern(
                rule.code(),
                rule.severity(),
                text.length() > LONGEST_TEXT ? text.substring(0, LONGEST_TEXT - 1) + "…" : text,
                rule.remedy(),
                Optional.of(rule.consequence()),
                rule.fix()),
            one));
  }

  private static String unknown(String why) {
    return "It could not be evaluated for this machine: " + why;
  }

  private static Plan.Concern waived(Plan.Concern concern) {
    return new Plan.Concern(
        concern.code(),
        Severity.WARNING,
        concern.text() + " The customer takes the risk.",
        concern.remedy(),
        concern.consequence(),
        concern.fix());
  }

  private Known known(String file, byte[] json) {
    Rule rule = read(file, json, Rule.class);
    if (!file.equals(rule.code() + ".json")) {
      throw new Refused(file + " has the code " + rule.code());
    }
    Known known;
    try {
      known = Known.of(rule);
    } catch (Refused e) {
      throw new Refused(file + ": " + e.getMessage(), e);
    }
    Stream.concat(known.expressions(), known.adapts.stream())
        .flatMap(expression -> expression.names().stream())
        .filter(asked -> !vocabulary.has(asked))
        .findFirst()
        .ifPresent(
            asked -> {
              throw new Refused(file + " asks for " + asked.name() + ", which no word is");
            });
    return known;
  }

  /** An unknown field is refused: it may be a misspelt one. */
  private static <T> T read(String file, byte[] json, Class<T> type) {
    try {
      return Json.mapper()
          .readerFor(type)
          .with(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .readValue(json);
    } catch (IOException e) {
      throw new Refused(file + ": " + e.getMessage(), e);
    }
  }

  private static SortedMap<String, byte[]> beside(Path file) throws IOException {
    SortedMap<String, byte[]> files = new TreeMap<>();
    try (Stream<Path> paths = Files.list(Objects.requireNonNull(file.getParent()))) {
      for (Path path : paths.toList()) {
        files.put(String.valueOf(path.getFileName()), Files.readAllBytes(path));
      }
    }
    return files;
  }

  /** As its JSON has it, with whole numbers as the language has them. */
  private static Map<String, Object> form(Object value) {
    try {
      return Json.mapper()
          .readerFor(new TypeReference<Map<String, Object>>() {})
          .with(DeserializationFeature.USE_LONG_FOR_INTS)
          .readValue(Json.bytes(value));
    } catch (IOException e) {
      throw new IllegalStateException("not to be read again", e);
    }
  }
}
