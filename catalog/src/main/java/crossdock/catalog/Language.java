package crossdock.catalog;

import crossdock.contracts.Refused;
import dev.cel.bundle.Cel;
import dev.cel.bundle.CelFactory;
import dev.cel.common.CelAbstractSyntaxTree;
import dev.cel.common.CelFunctionDecl;
import dev.cel.common.CelOverloadDecl;
import dev.cel.common.CelValidationException;
import dev.cel.common.ast.CelConstant;
import dev.cel.common.ast.CelExpr;
import dev.cel.common.ast.CelExpr.ExprKind;
import dev.cel.common.navigation.CelNavigableAst;
import dev.cel.common.navigation.CelNavigableExpr;
import dev.cel.common.types.CelType;
import dev.cel.common.types.ListType;
import dev.cel.common.types.MapType;
import dev.cel.common.types.SimpleType;
import dev.cel.extensions.CelExtensions;
import dev.cel.extensions.CelStringExtensions;
import dev.cel.parser.CelStandardMacro;
import dev.cel.runtime.CelEvaluationException;
import dev.cel.runtime.CelFunctionBinding;
import dev.cel.runtime.CelRuntime;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What conditions are written in: CEL (the Common Expression Language) over {@code machine}, {@code
 * source} and {@code target}, as their JSON has them, and {@code mode}, with a few functions.
 *
 * <ul>
 *   <li>{@code known(of, name)}: whether a machine or a listing says anything of a trait or limit
 *   <li>{@code trait(machine, name)}: its value, "" if nobody knows it
 *   <li>{@code values(of, name)}: the trait's values, of a machine what stands between commas
 *   <li>{@code words(of, name)}: the same as a text
 *   <li>{@code offers(listing, name, value)}: false only where a listing names other values
 *   <li>{@code limit(listing, name)}: the largest number where a listing does not say
 *   <li>{@code sum(numbers)}
 * </ul>
 *
 * Thread-safe.
 */
final class Language {
  private static final Set<String> VARIABLES = Set.of("machine", "source", "target", "mode");
  private static final Set<String> OF_NAMES =
      Set.of("known", "trait", "values", "words", "offers", "limit");

  private static final CelType FORM = MapType.create(SimpleType.STRING, SimpleType.DYN);
  private static final CelType STRINGS = ListType.create(SimpleType.STRING);
  private static final Cel CEL =
      CelFactory.standardCelBuilder()
          .setStandardMacros(CelStandardMacro.STANDARD_MACROS)
          .addCompilerLibraries(
              CelExtensions.bindings(), CelExtensions.strings(CelStringExtensions.Function.JOIN))
          .addRuntimeLibraries(CelExtensions.strings(CelStringExtensions.Function.JOIN))
          .addVar("machine", FORM)
          .addVar("source", FORM)
          .addVar("target", FORM)
          .addVar("mode", SimpleType.STRING)
          .addFunctionDeclarations(
              function("known", SimpleType.BOOL, FORM, SimpleType.STRING),
              function("trait", SimpleType.STRING, FORM, SimpleType.STRING),
              function("values", STRINGS, FORM, SimpleType.STRING),
              function("words", SimpleType.STRING, FORM, SimpleType.STRING),
              function("offers", SimpleType.BOOL, FORM, SimpleType.STRING, SimpleType.STRING),
              function("limit", SimpleType.INT, FORM, SimpleType.STRING),
              function("sum", SimpleType.INT, ListType.create(SimpleType.DYN)))
          .addFunctionBindings(
              CelFunctionBinding.from("known", Map.class, String.class, Language::known),
              CelFunctionBinding.from("trait", Map.class, String.class, Language::trait),
              CelFunctionBinding.from("values", Map.class, String.class, Language::values),
              CelFunctionBinding.from(
                  "words",
                  Map.class,
                  String.class,
                  (of, name) -> String.join(", ", values(of, name))),
              CelFunctionBinding.from(
                  "offers",
                  List.of(Map.class, String.class, String.class),
                  of -> offers((Map<?, ?>) of[0], (String) of[1], (String) of[2])),
              CelFunctionBinding.from("limit", Map.class, String.class, Language::limit),
              CelFunctionBinding.from("sum", Collection.class, Language::sum))
          .build();

  private Language() {}

  /**
   * @param variables that it asks for, of those that it is given
   * @param ofMachine what of the machine: a field, a trait or limit after {@code traits} or {@code
   *     limits}, or all
   * @param ofTarget the same of the target
   * @param names of the traits and limits that it asks for, by function
   */
  record Expression(
      CelRuntime.Program program,
      Set<String> variables,
      Set<List<String>> ofMachine,
      Set<List<String>> ofTarget,
      Set<Asked> names) {

    /** Whether it asks for nothing but the machine. */
    boolean settled() {
      return Set.of("machine").containsAll(variables);
    }

    /** Whether it asks for nothing of the source, and of a machine for nothing but traits. */
    boolean repeats() {
      return !variables.contains("source") && ofMachine.stream().allMatch(path -> path.size() > 1);
    }

    /**
     * @param variables by name, all that it asks for
     * @throws CelEvaluationException if they give no value
     */
    Object value(Map<String, ?> variables) throws CelEvaluationException {
      return program.eval(variables);
    }
  }

  /** A function that is asked for a trait or a limit. */
  record Asked(String function, String name) {}

  /**
   * @throws Refused if it is no condition, or the name of a trait or limit is not written out in it
   */
  static Expression condition(String text) {
    return compiled(text, SimpleType.BOOL);
  }

  /**
   * @throws Refused if it is no text, or the name of a trait or limit is not written out in it
   */
  static Expression text(String text) {
    return compiled(text, SimpleType.STRING);
  }

  private static Expression compiled(String text, CelType type) {
    try {
      CelAbstractSyntaxTree tree = CEL.compile(text).getAst();
      if (!tree.getResultType().equals(type)) {
        throw new Refused("not a " + type.name() + ": " + text);
      }
      List<CelNavigableExpr> all = CelNavigableAst.fromAst(tree).getRoot().allNodes().toList();
      return new Expression(
          CEL.createProgram(tree),
          all.stream()
              .filter(one -> one.getKind() == ExprKind.Kind.IDENT)
              .map(one -> one.expr().ident().name())
              .filter(VARIABLES::contains)
              .collect(Collectors.toUnmodifiableSet()),
          asked("machine", all),
          asked("target", all),
          all.stream()
              .filter(one -> one.getKind() == ExprKind.Kind.CALL)
              .map(one -> one.expr().call())
              .filter(call -> OF_NAMES.contains(call.function()))
              .map(call -> new Asked(call.function(), written(call.args().get(1))))
              .collect(Collectors.toUnmodifiableSet()));
    } catch (CelValidationException | CelEvaluationException e) {
      throw new Refused("no expression: " + e.getMessage(), e);
    }
  }

  private static Set<List<String>> asked(String variable, List<CelNavigableExpr> of) {
    return of.stream()
        .filter(one -> one.getKind() == ExprKind.Kind.IDENT)
        .filter(one -> one.expr().ident().name().equals(variable))
        .flatMap(Language::paths)
        .collect(Collectors.toUnmodifiableSet());
  }

  /** All of it, where what surrounds it does not say that less would do. */
  private static Stream<List<String>> paths(CelNavigableExpr variable) {
    CelExpr around = variable.parent().map(CelNavigableExpr::expr).orElseGet(variable::expr);
    return switch (around.getKind()) {
      case SELECT -> Stream.of(List.of(around.select().field()));
      case CALL -> {
        if (!OF_NAMES.contains(around.call().function())) {
          yield Stream.of(List.of());
        }
        String name = written(around.call().args().get(1));
        yield Stream.of(List.of("traits", name), List.of("limits", name));
      }
      default -> Stream.of(List.of());
    };
  }

  private static String written(CelExpr name) {
    if (name.getKind() != ExprKind.Kind.CONSTANT
        || name.constant().getKind() != CelConstant.Kind.STRING_VALUE) {
      throw new Refused("the name of a trait or limit is written out");
    }
    return name.constant().stringValue();
  }

  private static CelFunctionDecl function(String name, CelType result, CelType... arguments) {
    return CelFunctionDecl.newFunctionDeclaration(
        name, CelOverloadDecl.newGlobalOverload(name, result, arguments));
  }

  private static boolean known(Map<?, ?> of, String name) {
    return !values(of, name).isEmpty() || in(of, "limits", name) != null;
  }

  private static String trait(Map<?, ?> of, String name) {
    return in(of, "traits", name) instanceof String value ? value : "";
  }

  private static List<String> values(Map<?, ?> of, String name) {
    return switch (in(of, "traits", name)) {
      case String value ->
          Arrays.stream(value.split(",", -1))
              .map(String::strip)
              .filter(one -> !one.isEmpty())
              .toList();
      case List<?> values -> values.stream().map(String::valueOf).toList();
      case null, default -> List.of();
    };
  }

  private static boolean offers(Map<?, ?> of, String name, String value) {
    List<String> values = values(of, name);
    return values.isEmpty() || values.contains(value);
  }

  private static long limit(Map<?, ?> of, String name) {
    return in(of, "limits", name) instanceof Long limit ? limit : Long.MAX_VALUE;
  }

  private static long sum(Collection<?> numbers) {
    return numbers.stream().mapToLong(one -> (Long) one).reduce(0, Math::addExact);
  }

  private static @Nullable Object in(Map<?, ?> of, String part, String name) {
    return of.get(part) instanceof Map<?, ?> named ? named.get(name) : null;
  }
}
