package baton.tomcat.session;

import baton.tomcat.format.JsonTree;
import baton.tomcat.format.Plain;
import baton.tomcat.format.SessionException;
import baton.tomcat.format.ValueCipher;
import baton.tomcat.format.ValueCodec;
import baton.tomcat.store.Change;
import baton.tomcat.store.ParsedRecord;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.ConcurrentModificationException;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * The attributes and container notes of one session: decoded when first read, and compared when asked for changes, which
 * sees assignments, removals and objects that were changed in place. What is not touched costs nothing, and keeps its bytes.
 * Not safe for use by many threads: {@link SessionState} is.
 */
final class Attributes {
  private static final String NOTE = "@j.";
  /** An object may be changed by another thread while it is encoded: so long it is tried again, at first without a pause. */
  private static final long BUSY_NS = TimeUnit.MILLISECONDS.toNanos(250);
  private static final int ENCODINGS = 3;

  private final ValueCodec codec;
  private final ValueCipher cipher;
  /** The whole record, meta fields too, as the store had it when last heard of; never altered. */
  private Map<String, byte[]> base = Map.of();
  /** Of {@link #base}; null: nobody shares it. */
  private ParsedRecord parsed;
  /** To which encrypted values are bound. */
  private String key;
  private final Map<String, Held> held = new LinkedHashMap<>();
  private final Set<String> removed = new LinkedHashSet<>();
  /** By field; null removes. */
  private final Map<String, byte[]> notes = new HashMap<>();

  Attributes(ValueCodec codec, ValueCipher cipher, String key) {
    this.codec = codec;
    this.cipher = cipher;
    this.key = key;
  }

  /** Others of the same session, with these changes and all notes, and no object that these have. */
  Attributes copy(List<AttributeChange> changes) {
    Attributes copy = new Attributes(codec, cipher, key);
    copy.base = base;
    copy.notes.putAll(notes);
    for (AttributeChange change : changes) {
      if (change.plain == null) copy.removed.add(change.name);
      else copy.held.put(change.name, Held.assigned(copyOf(change)));
    }
    return copy;
  }

  private Object copyOf(AttributeChange change) {
    try {
      return codec.decode(change.name, change.plain);
    } catch (SessionException unreadable) {
      // What no node will read is still to be written.
      return change.held.value;
    }
  }

  Map<String, byte[]> base() {
    return base;
  }

  boolean has(String name) {
    return held.containsKey(name) || (stored(name) != null && !removed.contains(name));
  }

  Set<String> names() {
    Set<String> names = new LinkedHashSet<>();
    for (String field : base.keySet()) if (field.startsWith(".")) names.add(field.substring(1));
    names.removeAll(removed);
    names.addAll(held.keySet());
    return names;
  }

  Object get(String name) {
    Held known = held.get(name);
    if (known != null) return known.value;
    if (removed.contains(name)) return null;
    Held found = handedOut(name);
    if (found == null) return null;
    held.put(name, found);
    return found.value;
  }

  /** null: the store has none. */
  private Held handedOut(String name) {
    // What was encrypted is not kept open in memory.
    ParsedRecord shared = cipher.isEncrypting() ? null : parsed;
    Object known = shared == null ? null : shared.get(name);
    if (known == null) {
      byte[] bytes = stored(name);
      if (bytes == null) return null;
      known = decoded(name, bytes);
      boolean isShared = shared != null && bytes.length > 0 && bytes[0] == 'j' && isTree(known);
      if (!isShared) return Held.handedOut(known);
      shared.keep(name, known, bytes.length);
    }
    return Held.copied(JsonTree.copy(known), known);
  }

  private static boolean isTree(Object value) {
    return value instanceof Map || value instanceof List;
  }

  /** What the store has, as an object that nobody else holds. */
  Object copy(String name) {
    byte[] bytes = stored(name);
    return bytes == null ? null : decoded(name, bytes);
  }

  private Object decoded(String name, byte[] bytes) {
    Plain plain = opened(name, bytes);
    if (plain == null) throw ValueCodec.unreadable(name, bytes.length == 0 ? "" : String.valueOf((char) bytes[0]), null);
    return codec.decode(name, plain);
  }

  void set(String name, Object value) {
    removed.remove(name);
    held.put(name, Held.assigned(value));
  }

  void remove(String name) {
    held.remove(name);
    removed.add(name);
  }

  byte[] note(String name) {
    String field = NOTE + name;
    return notes.containsKey(field) ? notes.get(field) : base.get(field);
  }

  void setNote(String name, byte[] value) {
    notes.put(NOTE + name, value);
  }

  /** Bytes as the store had them when last heard of; null: none. */
  byte[] stored(String name) {
    return base.get("." + name);
  }

  /** Throws {@link SessionException} {@code VALUE} for what cannot be stored. */
  List<AttributeChange> changes() {
    if (removed.isEmpty() && !mayAnyDiffer()) return List.of();
    List<AttributeChange> changes = new ArrayList<>();
    for (String name : removed) if (stored(name) != null) changes.add(new AttributeChange(name, null, null));
    // A copy: an object that is serialised may ask its session for another.
    for (Map.Entry<String, Held> entry : new ArrayList<>(held.entrySet())) {
      Held value = entry.getValue();
      if (!value.mayDiffer()) continue;
      Plain plain = encoded(entry.getKey(), value.value);
      if (!isStored(entry.getKey(), plain)) changes.add(new AttributeChange(entry.getKey(), plain, value));
    }
    return changes;
  }

  private boolean mayAnyDiffer() {
    if (held.isEmpty()) return false;
    for (Held value : held.values()) if (value.mayDiffer()) return true;
    return false;
  }

  boolean isNoted() {
    if (notes.isEmpty()) return false;
    for (Map.Entry<String, byte[]> note : notes.entrySet()) {
      if (!Arrays.equals(note.getValue(), base.get(note.getKey()))) return true;
    }
    return false;
  }

  /** The changes and notes as the store takes them, for a session under {@code key}: its own, or the one it is to have. */
  Change sealed(List<AttributeChange> changes, String key, Map<String, byte[]> meta) {
    Map<String, byte[]> set = new LinkedHashMap<>();
    Set<String> remove = new LinkedHashSet<>();
    for (AttributeChange change : changes) {
      String field = "." + change.name;
      if (change.plain == null) remove.add(field);
      else set.put(field, cipher.seal(key, field, change.plain));
    }
    notes.forEach(
        (field, value) -> {
          if (Arrays.equals(value, base.get(field))) return;
          if (value == null) remove.add(field);
          else set.put(field, value);
        });
    set.putAll(meta);
    return new Change(set, remove);
  }

  /** The stored bytes for a new value of one attribute. */
  byte[] sealedValue(String name, Object value) {
    return cipher.seal(key, "." + name, encoded(name, value));
  }

  /**
   * The store has taken these. What was changed since stays a change. {@code isLatest}: false if something newer has been
   * heard of the store since.
   */
  void settle(List<AttributeChange> changes, Change change, boolean isLatest) {
    for (AttributeChange taken : changes) {
      if (taken.held == null) removed.remove(taken.name);
      else taken.held.settle();
    }
    change.set().forEach((field, value) -> notes.remove(field, value));
    change.remove().forEach(field -> notes.remove(field, null));
    if (!isLatest) return;
    parsed = null;
    Map<String, byte[]> next = new LinkedHashMap<>(base);
    next.putAll(change.set());
    next.keySet().removeAll(change.remove());
    base = next;
  }

  /** One field turned out to have this in the store; null: nothing. */
  void refresh(String name, byte[] bytes) {
    held.remove(name);
    removed.remove(name);
    parsed = null;
    Map<String, byte[]> next = new LinkedHashMap<>(base);
    if (bytes == null) next.remove("." + name);
    else next.put("." + name, bytes);
    base = next;
  }

  /**
   * The store holds exactly this now. Objects that were handed out stay the session's own where their meaning did not
   * change; what was assigned or changed in place, and not written, stays as well. {@code nextParsed}: of {@code next}, or
   * null.
   */
  void rebase(Map<String, byte[]> next, String nextKey, ParsedRecord nextParsed) {
    for (Iterator<Map.Entry<String, Held>> entries = held.entrySet().iterator(); entries.hasNext(); ) {
      Map.Entry<String, Held> entry = entries.next();
      Held value = entry.getValue();
      if (value.isAssigned() || isSameIn(next, nextKey, entry.getKey())) continue;
      if (value.mayDiffer() && isChangedInPlace(entry.getKey(), value)) value.assign();
      else entries.remove();
    }
    base = next;
    key = nextKey;
    parsed = nextParsed;
  }

  /** A session that has ended gives nothing to the one that is begun in its place, but what it never had. */
  void leaveBehind(String nextKey) {
    held.entrySet().removeIf(entry -> !entry.getValue().isAssigned() || stored(entry.getKey()) != null);
    removed.clear();
    notes.clear();
    base = Map.of();
    key = nextKey;
    parsed = null;
  }

  /** The store holds exactly this now, and what was held or changed is forgotten. */
  void reset(Map<String, byte[]> next, String nextKey) {
    forgetChanges();
    base = next;
    key = nextKey;
    parsed = null;
  }

  void forgetChanges() {
    held.clear();
    removed.clear();
    notes.clear();
  }

  /** Every value that can be read here, sealed for another key: encrypted ones are bound to it. */
  Map<String, byte[]> resealed(Map<String, byte[]> fields, String to) {
    Map<String, byte[]> resealed = new HashMap<>();
    fields.forEach(
        (field, bytes) -> {
          Plain plain = field.startsWith(".") ? cipher.open(key, field, bytes) : null;
          if (plain != null) resealed.put(field, cipher.seal(to, field, plain));
        });
    return resealed;
  }

  private Plain opened(String name, byte[] bytes) {
    return cipher.open(key, "." + name, bytes);
  }

  private Plain encoded(String name, Object value) {
    long beganNs = System.nanoTime();
    for (int tries = 1; ; tries += 1) {
      try {
        return codec.encode(name, value);
      } catch (ConcurrentModificationException busy) {
        if (System.nanoTime() - beganNs > BUSY_NS) {
          throw new SessionException(
              SessionException.Code.CONFLICT, "\"" + name + "\" is changed by another request all the time; try again", busy);
        }
        if (tries >= ENCODINGS) Pause.ms(1);
      }
    }
  }

  /** Whether it means what the store has: another spelling of the same JSON, or of the same object, is no change. */
  private boolean isStored(String name, Plain plain) {
    byte[] bytes = stored(name);
    Plain was = bytes == null ? null : opened(name, bytes);
    if (was == null) return false;
    if (plain.isSame(was)) return true;
    if (was.tag() != 'j' && was.tag() != 'J') return false;
    try {
      return plain.isSame(codec.encode(name, codec.decode(name, was)));
    } catch (SessionException unreadable) {
      return false;
    }
  }

  private boolean isChangedInPlace(String name, Held value) {
    try {
      return !isStored(name, encoded(name, value.value));
    } catch (SessionException unfit) {
      // Nobody is to lose it silently: the commit says what is wrong with it.
      return true;
    }
  }

  private boolean isSameIn(Map<String, byte[]> next, String nextKey, String name) {
    String field = "." + name;
    byte[] before = base.get(field);
    byte[] after = next.get(field);
    if (before == null || after == null) return before == after;
    if (Arrays.equals(before, after)) return true;
    Plain was = opened(name, before);
    return was != null && was.isSame(cipher.open(nextKey, field, after));
  }
}
