package app;

import java.io.Serializable;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;

/** What only Java can read. */
final class Parcel implements Serializable {
  private static final long serialVersionUID = 1L;

  private final String what;
  private final BigDecimal weight;
  private final List<Date> days = new ArrayList<>(List.of(new Date(0)));

  Parcel(String what, int weight) {
    this.what = what;
    this.weight = new BigDecimal(weight).movePointLeft(1);
  }

  @Override
  public String toString() {
    return what + " of " + weight + " kg, " + days.size() + " day";
  }
}
