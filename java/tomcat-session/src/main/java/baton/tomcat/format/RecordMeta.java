package baton.tomcat.format;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the meta fields of a record mean. */
public final class RecordMeta {
  /** Whether there is a session. */
  public enum State {
    /** Nothing there that ever was a whole session. */
    ABSENT,
    /** Destroyed, moved, or past its absolute deadline. */
    DEAD,
    ALIVE
  }

  /** What a session has of who is logged in. */
  public static final Set<String> LOGIN_FIELDS = Set.of("@p", "@r", "@t", "@e");

  /** This code writes format 1, and reads every record whose lowest reader is at most 1. */
  private static final int FORMAT = 1;

  private static final long DEFAULT_INTERVAL_SECONDS = 1800;
  /** As nearly every record has it. */
  private static final byte[] USUAL_FORMAT = {'1', '.', '1'};
  private static final Pattern FORMAT_FIELD = Pattern.compile("\\d+\\.(\\d{1,9})");

  private final State state;
  private final long createdAtMs;
  private final long maxInactiveMs;
  private final OptionalLong deadlineMs;
  private final long version;
  private final StoredPrincipal principal;

  private RecordMeta(
      State state, long createdAtMs, long maxInactiveMs, OptionalLong deadlineMs, long version, StoredPrincipal principal) {
    this.state = state;
    this.createdAtMs = createdAtMs;
    this.maxInactiveMs = maxInactiveMs;
    this.deadlineMs = deadlineMs;
    this.version = version;
    this.principal = principal;
  }

  /**
   * Its absolute deadline, if it has one, is for {@link #at} to see. Throws {@link SessionException} {@code FORMAT} for a record
   * that a newer, incompatible version wrote.
   */
  public static RecordMeta read(Map<String, byte[]> fields) {
    if (fields.containsKey("@x")) return without(State.DEAD);
    OptionalLong created = whole(fields.get("@c"));
    if (created.isEmpty()) return without(State.ABSENT);
    refuseNewer(fields.get("@f"));
    OptionalLong deadline = whole(fields.get("@A"));
    long seconds = whole(fields.get("@m")).orElse(0);
    long intervalMs = 1000 * (seconds == 0 ? DEFAULT_INTERVAL_SECONDS : seconds);
    StoredPrincipal principal = principalOf(fields);
    return new RecordMeta(State.ALIVE, created.getAsLong(), intervalMs, deadline, versionOf(fields), principal);
  }

  /** What it means then, in milliseconds since 1970. */
  public RecordMeta at(long nowMs) {
    return deadlineMs.isPresent() && deadlineMs.getAsLong() <= nowMs ? without(State.DEAD) : this;
  }

  /** Whether another id has taken the place of this one. */
  public static boolean isReplaced(Map<String, byte[]> fields) {
    byte[] end = fields.get("@x");
    return end != null && end.length > 0 && end[0] == 'r';
  }

  /** The meta fields of a session that begins. {@code absoluteMs}: how long it lives at most; 0 for no limit. */
  public static Map<String, byte[]> begin(long createdAtMs, long maxInactiveMs, long absoluteMs) {
    Map<String, byte[]> fields = new LinkedHashMap<>();
    fields.put("@c", digits(createdAtMs));
    fields.put("@f", text(FORMAT + "." + FORMAT));
    fields.put("@v", digits(1));
    fields.put("@m", interval(maxInactiveMs));
    if (absoluteMs > 0) fields.put("@A", digits(createdAtMs + absoluteMs));
    return fields;
  }

  /** The value of {@code @m}. */
  public static byte[] interval(long maxInactiveMs) {
    return digits(Math.max(1, (maxInactiveMs + 999) / 1000));
  }

  public static byte[] digits(long number) {
    return text(Long.toString(number));
  }

  public static byte[] text(String text) {
    return Utf8.bytes(text);
  }

  public static long versionOf(Map<String, byte[]> fields) {
    return whole(fields.get("@v")).orElse(0);
  }

  /** {@code @p}, {@code @r}, and {@code @t} if there is one. */
  public static Map<String, byte[]> fieldsOf(StoredPrincipal principal) {
    Map<String, byte[]> fields = new LinkedHashMap<>();
    fields.put("@p", text(principal.name()));
    fields.put("@r", JsonWriter.write(principal.roles()));
    if (principal.authType() != null) fields.put("@t", text(principal.authType()));
    return fields;
  }

  private static StoredPrincipal principalOf(Map<String, byte[]> fields) {
    byte[] name = fields.get("@p");
    if (name == null) return null;
    byte[] authType = fields.get("@t");
    return new StoredPrincipal(loose(name), roles(fields.get("@r")), authType == null ? null : loose(authType));
  }

  public State state() {
    return state;
  }

  /** Milliseconds since 1970; 0 or empty unless alive, as all that follows. */
  public long createdAtMs() {
    return createdAtMs;
  }

  /** How long it lives without a request. */
  public long maxInactiveMs() {
    return maxInactiveMs;
  }

  /** From then on it is dead, milliseconds since 1970. */
  public OptionalLong deadlineMs() {
    return deadlineMs;
  }

  public long version() {
    return version;
  }

  /** Who is logged in. */
  public Optional<StoredPrincipal> principal() {
    return Optional.ofNullable(principal);
  }

  private static RecordMeta without(State state) {
    return new RecordMeta(state, 0, 0, OptionalLong.empty(), 0, null);
  }

  private static void refuseNewer(byte[] format) {
    if (Arrays.equals(format, USUAL_FORMAT)) return;
    Matcher matcher = FORMAT_FIELD.matcher(format == null ? "" : loose(format));
    String lowest = matcher.matches() ? matcher.group(1) : null;
    if (lowest != null && Integer.parseInt(lowest) <= FORMAT) return;
    throw new SessionException(
        SessionException.Code.FORMAT,
        "a session is in a format that needs reader "
            + (lowest == null ? "unknown" : lowest)
            + ", and this is reader "
            + FORMAT
            + ": install the version that the other nodes run");
  }

  /** Roles that cannot be read are no roles: never more rights than were written. */
  private static List<String> roles(byte[] bytes) {
    List<String> roles = new ArrayList<>();
    try {
      Object read = bytes == null ? null : JsonReader.read(loose(bytes));
      if (!(read instanceof List)) return roles;
      for (Object role : (List<?>) read) if (role instanceof String) roles.add((String) role);
      return roles;
    } catch (IOException damaged) {
      return List.of();
    }
  }

  /** Decimal digits, at most 15. */
  private static OptionalLong whole(byte[] bytes) {
    if (bytes == null || bytes.length == 0 || bytes.length > 15) return OptionalLong.empty();
    long number = 0;
    for (byte b : bytes) {
      if (b < '0' || b > '9') return OptionalLong.empty();
      number = number * 10 + (b - '0');
    }
    return OptionalLong.of(number);
  }

  private static String loose(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
