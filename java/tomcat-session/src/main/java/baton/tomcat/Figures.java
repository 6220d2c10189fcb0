package baton.tomcat;

import java.util.concurrent.atomic.LongAdder;

/** What is counted, since the start. */
final class Figures {
  final LongAdder loads = new LongAdder();
  final LongAdder refused = new LongAdder();
  final LongAdder dropped = new LongAdder();
}
