package baton.tomcat;

import java.io.ObjectInputFilter;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/** A filter, Tomcat's own pattern for names of classes on top of it, and somebody who is told what was refused. */
final class ReportingFilter implements ObjectInputFilter {
  private final ObjectInputFilter filter;
  private final Pattern names;
  private final Consumer<Class<?>> onRefused;

  /** {@code names}: null for any. */
  ReportingFilter(ObjectInputFilter filter, Pattern names, Consumer<Class<?>> onRefused) {
    this.filter = filter;
    this.names = names;
    this.onRefused = onRefused;
  }

  @Override
  public Status checkInput(FilterInfo info) {
    Class<?> type = info.serialClass();
    Status status = isNamed(type) ? filter.checkInput(info) : Status.REJECTED;
    if (status == Status.REJECTED && type != null) onRefused.accept(type);
    return status;
  }

  private boolean isNamed(Class<?> type) {
    return type == null || names == null || type.isArray() || names.matcher(type.getName()).matches();
  }
}
