package shop;

import java.util.List;
import java.util.StringJoiner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** As much JSON as the shop needs: flat objects of strings come in, strings and lists of them go out. */
final class Json {
  private Json() {}

  /** A string, or null. */
  static String quote(String text) {
    if (text == null) return "null";
    StringBuilder json = new StringBuilder("\"");
    for (char each : text.toCharArray()) {
      if (each == '"' || each == '\\') json.append('\\').append(each);
      else if (each < ' ') json.append(String.format("\\u%04x", (int) each));
      else json.append(each);
    }
    return json.append('"').toString();
  }

  static String list(List<String> texts) {
    StringJoiner json = new StringJoiner(",", "[", "]");
    for (String text : texts) json.add(quote(text));
    return json.toString();
  }

  /** The field of an object if it is a string, else null. */
  static String field(String json, String name) {
    Matcher field = Pattern.compile("\"" + Pattern.quote(name) + "\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
    return field.find() ? unescaped(field.group(1)) : null;
  }

  private static String unescaped(String text) {
    Matcher escape = Pattern.compile("\\\\(?:u([0-9a-fA-F]{4})|(.))").matcher(text);
    StringBuilder plain = new StringBuilder();
    while (escape.find()) {
      String code = escape.group(1);
      char meant = code == null ? named(escape.group(2).charAt(0)) : (char) Integer.parseInt(code, 16);
      escape.appendReplacement(plain, Matcher.quoteReplacement(String.valueOf(meant)));
    }
    return escape.appendTail(plain).toString();
  }

  private static char named(char letter) {
    int index = "bfnrt".indexOf(letter);
    return index < 0 ? letter : "\b\f\n\r\t".charAt(index);
  }
}
