package baton.tomcat.session;

import baton.tomcat.format.Plain;

/** One attribute that differs from what the store has. */
final class AttributeChange {
  final String name;
  /** What to store; null removes the attribute. */
  final Plain plain;
  /** What it was taken from; null for a removal. */
  final Held held;

  AttributeChange(String name, Plain plain, Held held) {
    this.name = name;
    this.plain = plain;
    this.held = held;
  }
}
