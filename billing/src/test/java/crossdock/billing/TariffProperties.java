package crossdock.billing;

import static org.assertj.core.api.Assertions.assertThat;

import crossdock.contracts.Bill;
import crossdock.contracts.Machine;
import crossdock.contracts.Money;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.BigRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Scale;
import net.jqwik.api.constraints.Size;

class TariffProperties {
  private static final List<String> FORMATS = List.of("raw", "qcow2", "vmdk", "vhd");
  private static final String CURRENCY = "EUR";

  @Property
  void theLinesAddUpAndEveryByteIsQuotedOnce(
      @ForAll @Size(min = 1, max = 6) List<@LongRange(min = 1, max = 64L << 40) Long> disks,
      @ForAll @BigRange(min = "0", max = "1000") @Scale(10) BigDecimal price) {
    Bill quote = quote(disks, price);
    assertThat(sum(quote)).isEqualByComparingTo(quote.total().amount());
    long all = disks.stream().mapToLong(Long::longValue).sum();
    BigDecimal gib = new BigDecimal(all).divide(new BigDecimal(1L << 30), 6, RoundingMode.HALF_UP);
    assertThat(quote.lines().getFirst().quantity()).isEqualByComparingTo(gib);
    assertThat(quote.lines().stream().filter(line -> line.meter().equals("conversion.gib")))
        .allMatch(line -> line.quantity().compareTo(gib.add(BigDecimal.ONE)) <= 0);
  }

  @Property
  void aStatementIsNeverAboveItsQuoteInAnyLineNorAboveWhatWasCounted(
      @ForAll @Size(min = 1, max = 6) List<@LongRange(min = 1, max = 64L << 40) Long> disks,
      @ForAll @BigRange(min = "0", max = "1000") @Scale(10) BigDecimal price,
      @ForAll @BigRange(min = "0", max = "1000000000000000") @Scale(3) BigDecimal exported,
      @ForAll @BigRange(min = "0", max = "1000000000000000") @Scale(3) BigDecimal imported,
      @ForAll boolean completed) {
    Bill quote = quote(disks, price);
    Bill statement =
        Tariff.settle(
            quote, completed, (_, reading) -> reading.equals("export.bytes") ? exported : imported);
    assertThat(sum(statement)).isEqualByComparingTo(statement.total().amount());
    assertThat(statement.total().exceeds(quote.total())).isFalse();
    assertThat(statement.lines()).hasSameSizeAs(quote.lines());
    for (int i = 0; i < quote.lines().size(); i++) {
      assertThat(statement.lines().get(i).amount().exceeds(quote.lines().get(i).amount()))
          .isFalse();
      assertThat(statement.lines().get(i).price()).isEqualTo(quote.lines().get(i).price());
    }
    Map<String, BigDecimal> charged =
        statement.lines().stream()
            .collect(Collectors.toMap(Bill.Line::meter, Bill.Line::quantity, BigDecimal::add));
    assertThat(charged.get("export.gib")).isLessThanOrEqualTo(Meter.gib(exported));
    assertThat(charged.get("import.gib")).isLessThanOrEqualTo(Meter.gib(imported));
    assertThat(charged.getOrDefault("conversion.gib", BigDecimal.ZERO))
        .isLessThanOrEqualTo(Meter.gib(imported));
    assertThat(charged.get("migration.fee"))
        .isEqualByComparingTo(completed ? BigDecimal.ONE : BigDecimal.ZERO);
  }

  private static Bill quote(List<Long> sizes, BigDecimal price) {
    List<Machine.Disk> disks = new ArrayList<>();
    for (int i = 0; i < sizes.size(); i++) {
      disks.add(
          new Machine.Disk(
              "disk-" + i, FORMATS.get((int) (sizes.get(i) % FORMATS.size())), sizes.get(i)));
    }
    Machine machine = Sample.machine(2, disks);
    return Tariff.quote(
        Sample.plan(machine).digest(),
        Sample.plan(machine).format(),
        machine,
        Sample.NORTH,
        Sample.SOUTH,
        Sample.BILLING,
        CURRENCY,
        (_, _, _) -> new Money(price, CURRENCY));
  }

  private static BigDecimal sum(Bill bill) {
    return bill.lines().stream()
        .map(line -> line.amount().amount())
        .reduce(BigDecimal.ZERO, BigDecimal::add);
  }
}
