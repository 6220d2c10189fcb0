package baton.tomcat.store;

import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A command with its arguments, as bytes. */
final class RedisCommand {
  private final CommandType type;
  private final List<byte[]> arguments = new ArrayList<>();
  private final RedisScript script;

  private RedisCommand(CommandType type, RedisScript script) {
    this.type = type;
    this.script = script;
  }

  static RedisCommand of(CommandType type, String... arguments) {
    RedisCommand command = new RedisCommand(type, null);
    for (String argument : arguments) command.add(argument);
    return command;
  }

  /** By its hash: whoever sends it knows what to do about NOSCRIPT. */
  static RedisCommand evaluate(RedisScript script, String... keys) {
    RedisCommand command = new RedisCommand(CommandType.EVALSHA, script);
    command.add(script.sha1()).add(Integer.toString(keys.length));
    for (String key : keys) command.add(key);
    return command;
  }

  RedisCommand add(String argument) {
    return add(argument.getBytes(StandardCharsets.UTF_8));
  }

  RedisCommand add(long argument) {
    return add(Long.toString(argument));
  }

  RedisCommand add(byte[] argument) {
    arguments.add(argument);
    return this;
  }

  RedisCommand addFields(java.util.Map<String, byte[]> fields) {
    fields.forEach((name, value) -> add(name).add(value));
    return this;
  }

  /** The same with the whole script; only for one that evaluates. */
  RedisCommand whole() {
    RedisCommand command = new RedisCommand(CommandType.EVAL, null);
    command.add(script.lua());
    command.arguments.addAll(arguments.subList(1, arguments.size()));
    return command;
  }

  boolean isScript() {
    return script != null;
  }

  CommandType type() {
    return type;
  }

  List<byte[]> arguments() {
    return arguments;
  }
}
