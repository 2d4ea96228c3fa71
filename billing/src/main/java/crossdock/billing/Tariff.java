package crossdock.billing;

import crossdock.contracts.Bill;
import crossdock.contracts.Machine;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import crossdock.contracts.Sha256;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** How bytes become money: the rules alone, no prices of their own. Pure. */
final class Tariff {
  private Tariff() {}

  /** Where a price comes from. */
  @FunctionalInterface
  interface Prices {
    /** The price of one unit; throws if there is none. */
    Money of(Party party, Meter meter, String formats);
  }

  /** What a payee has counted. */
  @FunctionalInterface
  interface Readings {
    /** The newest cumulative reading in bytes; zero where there is none. */
    BigDecimal of(Party party, String reading);
  }

  /**
   * The quote: the exporter for every GiB read, the importer for every GiB written and for every
   * GiB of a disk that changes its format, the core once. Counted from the guest-visible bytes.
   *
   * @param plan digest of what it is for
   * @param format that every disk has at the target
   */
  static Bill quote(
      Sha256 plan,
      String format,
      Machine machine,
      Party source,
      Party target,
      Party core,
      String currency,
      Prices prices) {
    BigDecimal all = bytes(machine.disks());
    List<Bill.Line> lines = new ArrayList<>();
    lines.add(line(source, Meter.EXPORT, Meter.gib(all), PriceBook.ALL, prices));
    lines.add(line(target, Meter.IMPORT, Meter.gib(all), PriceBook.ALL, prices));
    Map<String, List<Machine.Disk>> converted = new TreeMap<>();
    for (Machine.Disk disk : machine.disks()) {
      if (!disk.format().equals(format)) {
        converted.computeIfAbsent(disk.format(), _ -> new ArrayList<>()).add(disk);
      }
    }
    converted.forEach(
        (before, disks) ->
            lines.add(
                line(
                    target,
                    Meter.CONVERSION,
                    Meter.gib(bytes(disks)),
                    before + ">" + format,
                    prices)));
    lines.add(line(core, Meter.FEE, BigDecimal.ONE, PriceBook.ALL, prices));
    return Bill.of(plan, lines, currency);
  }

  /**
   * The statement under a quote that binds: what was counted at the quoted prices, and no line
   * above the quoted one. Lines of one payee and meter share its reading, in their order. Who
   * counted nothing earns nothing.
   *
   * @param completed whether the migration was: otherwise there is no fee
   */
  static Bill settle(Bill quote, boolean completed, Readings readings) {
    Map<Counted, BigDecimal> left = new HashMap<>();
    List<Bill.Line> lines = new ArrayList<>();
    for (Bill.Line line : quote.lines()) {
      Counted counted = new Counted(line.payee(), Meter.parse(line.meter()));
      BigDecimal used =
          left.computeIfAbsent(
              counted,
              of ->
                  of.meter == Meter.FEE
                      ? completed ? BigDecimal.ONE : BigDecimal.ZERO
                      : Meter.gib(readings.of(of.payee, of.meter.reading())));
      BigDecimal charged = used.min(line.quantity());
      left.put(counted, used.subtract(charged));
      lines.add(Bill.Line.of(line.payee(), line.meter(), charged, line.unit(), line.price()));
    }
    return Bill.of(quote.plan(), lines, quote.total().currency());
  }

  private record Counted(Party payee, Meter meter) {}

  private static Bill.Line line(
      Party payee, Meter meter, BigDecimal quantity, String formats, Prices prices) {
    return Bill.Line.of(
        payee, meter.wire(), quantity, meter.unit(), prices.of(payee, meter, formats));
  }

  private static BigDecimal bytes(List<Machine.Disk> disks) {
    return BigDecimal.valueOf(disks.stream().mapToLong(Machine.Disk::virtualBytes).sum());
  }
}
