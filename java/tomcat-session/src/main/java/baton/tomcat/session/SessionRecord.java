package baton.tomcat.session;

import baton.tomcat.format.SessionException;
import baton.tomcat.format.StoredPrincipal;
import baton.tomcat.store.Wanted;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * One session in this JVM, shared by all requests that use it at the same time. Attributes are decoded when first read;
 * raw bytes of all others are kept. Nothing is written before {@link #commit()}, {@link #login} or {@link #renewId}, but by
 * {@link #update} and {@link #consume}. Safe for use by many threads; steps that talk to the store take turns, reads never
 * wait for them. Methods that talk to the store throw {@link baton.tomcat.store.SessionStoreException} if it cannot say.
 */
public interface SessionRecord {
  /** Whether the store has it. */
  enum Life {
    /** Not in the store: the first commit that has something to write, or {@link #login}, begins it. */
    NEW,
    ALIVE,
    /** It has ended, here or elsewhere: nothing is written any more, and no cookie is to be set for it. */
    DEAD
  }

  /** The id in the cookie, without a route. Never to be logged. */
  String id();

  /** The hash that stands for the id in the store; its first 8 characters may be logged. */
  String key();

  Life life();

  /**
   * Of one that was DEAD when it was loaded: whether it has been given a new id so short a time ago that the answer with that
   * one may still be on its way to the client.
   */
  boolean wasReplacedLately();

  /** Whether this JVM began it and no request has come with its id since. */
  boolean isNew();

  /** Milliseconds since 1970. */
  long createdAtMs();

  /**
   * When it was used last, as far as its time to live tells: milliseconds since 1970 by this machine's clock, too early
   * by up to 5 % of the interval, as touches are throttled.
   */
  long lastUsedAtMs();

  /** How long it lives without a request, in milliseconds. */
  long maxInactiveMs();

  /** Written with the next commit; begins no session. Rounded up to whole seconds; at least one. */
  void setMaxInactiveMs(long maxInactiveMs);

  /** The latest version of which every attribute is known here. */
  long version();

  /** The version that this JVM has written last: what the client is to see from now on. Empty: it wrote nothing. */
  OptionalLong writtenVersion();

  /** Who is logged in. */
  Optional<StoredPrincipal> principal();

  boolean has(String name);

  /** All names of attributes, of those that cannot be read too. */
  Set<String> names();

  /**
   * null: there is none, or it is JSON's null. Throws {@link SessionException} {@code FORMAT} for a value that cannot be
   * read here: it is there, and is kept as it is. A mutable value is the session's own: changes in place are seen.
   */
  Object get(String name);

  /** Throws {@link SessionException} {@code VALUE} only at the commit, for what cannot be stored. */
  void set(String name, Object value);

  void remove(String name);

  /** A note of the container ({@code @j.<name>}); null: none. Not encrypted, not seen by applications. */
  byte[] note(String name);

  /** {@code value}: null removes it. Written with the next commit; begins no session. */
  void setNote(String name, byte[] value);

  /** Whether a commit would write something. Looks at all values that were handed out and are mutable. */
  boolean isChanged();

  /** Forgets what was assigned, removed or changed in place since the last commit. */
  void forgetChanges();

  /**
   * Loads the session again for another request, one round trip: what others wrote is seen, what this JVM has changed and
   * not written stays. Gives whether it is alive.
   */
  boolean refresh(Wanted wanted);

  /**
   * Writes what changed, and nothing else: no round trip if nothing did. Begins the session if it is NEW and has attributes or
   * notes. If it turns out to have ended meanwhile, the change is dropped and reported, and the session is DEAD. Prolongs its
   * life, without waiting, if that is due.
   */
  void commit();

  /** Begins a session that is NEW, whatever is in it; otherwise as {@link #commit()}. */
  void begin();

  /**
   * Logs somebody in, under {@code newId}, with what was changed and not committed; one round trip. Attributes and notes stay
   * behind if somebody else was logged in. A session that is NEW, or had ended, begins with it. Throws {@code GONE} if the
   * user was logged out everywhere at the same time.
   */
  void login(StoredPrincipal principal, String newId);

  /**
   * The same for one of several who use this record: gives the record that goes on under the new id, with what was changed and
   * not committed, but with none of the objects that were handed out or assigned. This record stays with the others, DEAD. One
   * that is NEW is known to nobody else, and goes on itself.
   */
  SessionRecord loginApart(StoredPrincipal principal, String newId);

  /**
   * Nobody is logged in any more, and everything else stays, the id too; one round trip, with what was changed and not
   * committed.
   */
  void logout();

  /** A new id, everything else kept. Throws {@code GONE} if the session has ended. */
  void renewId(String newId);

  /** As {@link #loginApart}. */
  SessionRecord renewIdApart(String newId);

  /** What was changed and not committed is reported, and never written. It can still be read here. */
  void drop();

  /** Ends the session everywhere. false: it was not alive. */
  boolean destroy();

  /**
   * Replaces one attribute by {@code change} of its present value, atomically across requests and nodes; {@code change} may
   * run several times, and removes the attribute by giving null. Gives the new value. Throws {@code GONE}, {@code CONFLICT}.
   */
  Object update(String name, UnaryOperator<Object> change);

  /** Takes an attribute away and gives it to exactly one of all who ask; null: there is none. */
  Object consume(String name);

  /**
   * Takes the session's lock for {@code leaseMs}, waiting up to {@code waitMs}, and brings the session up to date. Throws
   * {@code LOCKED} or {@code GONE}. What is committed afterwards is refused ({@code CONFLICT}) once the lease is over.
   */
  void lock(long leaseMs, long waitMs);

  /** Gives the lock back, if it was taken. */
  void unlock();
}
