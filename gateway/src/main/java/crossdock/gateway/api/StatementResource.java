package crossdock.gateway.api;

import crossdock.contracts.Bill;
import crossdock.contracts.MigrationId;
import crossdock.contracts.Money;
import crossdock.contracts.Party;
import crossdock.contracts.Sha256;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a migration has cost.
 *
 * @param net what each party earns by it
 */
record StatementResource(
    MigrationId migration,
    Sha256 plan,
    List<Bill.Line> lines,
    Money total,
    Map<String, Money> net) {

  static StatementResource of(MigrationId id, Bill bill) {
    Map<String, Money> net = new TreeMap<>();
    for (Bill.Line line : bill.lines()) {
      Party payee = line.payee();
      net.put(payee.urn(), bill.of(payee));
    }
    return new StatementResource(id, bill.plan(), bill.lines(), bill.total(), net);
  }
}
