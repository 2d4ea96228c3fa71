package crossdock.disk.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a command has to say: a line for each name, or one JSON object. */
final class Answer {
  private final Map<String, Object> said = new LinkedHashMap<>();

  /** Nothing, if the value is empty. */
  Answer say(String name, Optional<?> value) {
    value.ifPresent(v -> said.put(name, v));
    return this;
  }

  /** A number, a boolean or anything that has a text. */
  Answer say(String name, Object value) {
    said.put(name, value);
    return this;
  }

  void print(boolean json) throws IOException {
    if (!json) {
      said.forEach((name, value) -> System.out.printf("%-16s %s%n", name, text(value)));
      return;
    }
    StringWriter text = new StringWriter();
    try (JsonGenerator out = new JsonFactory().createGenerator(text)) {
      out.useDefaultPrettyPrinter().writeStartObject();
      for (Map.Entry<String, Object> entry : said.entrySet()) {
        out.writeFieldName(entry.getKey());
        switch (entry.getValue()) {
          case Long number -> out.writeNumber(number);
          case Integer number -> out.writeNumber(number);
          case Boolean bool -> out.writeBoolean(bool);
          case List<?> list -> {
            out.writeStartArray();
            for (Object one : list) {
              out.writeString(one.toString());
            }
            out.writeEndArray();
          }
          case Object other -> out.writeString(other.toString());
        }
      }
      out.writeEndObject();
    }
    System.out.println(text);
  }

  private static String text(Object value) {
    return printable(
        value instanceof List<?> list
            ? String.join("; ", list.stream().map(Object::toString).toList())
            : value.toString());
  }

  /** On one line, and without what a terminal would obey: much of it is a stranger's. */
  static String printable(String text) {
    return text.replaceAll("[\\p{Cntrl}\\p{Cf}\\u0080-\\u009f\\u2028\\u2029]", "?");
  }
}
