package crossdock.launcher;

import crossdock.contracts.PublishedListing;
import crossdock.contracts.SiteId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/**
 * The whole of who may say and hear what: topics, ACLs (topics by their whole names), quotas. What
 * the broker has beyond this table is taken away.
 */
final class KafkaTopics {
  static final String MIGRATIONS = "migrations";
  static final String TRUST = "trust";
  static final List<String> CORE = List.of("gateway", "catalog", "identity-federation", "billing");
  private static final double SITE_BYTES_PER_SECOND = 2 << 20;

  private final Properties client;
  private final List<SiteId> sites;

  /**
   * @param sites that take part
   */
  KafkaTopics(String bootstrap, Properties client, List<SiteId> sites) {
    this.sites = List.copyOf(sites);
    this.client = new Properties();
    this.client.putAll(client);
    this.client.setProperty("bootstrap.servers", bootstrap);
    this.client.setProperty("request.timeout.ms", "5000");
    this.client.setProperty("default.api.timeout.ms", "15000");
    this.client.setProperty("reconnect.backoff.max.ms", "200");
  }

  /** Brings the broker to this table; true when it is there. Done again it changes nothing. */
  boolean settled() throws ExecutionException, InterruptedException {
    try (Admin admin = Admin.create(client)) {
      Set<String> known = admin.listTopics().names().get();
      admin
          .createTopics(topics(sites).stream().filter(t -> !known.contains(t.name())).toList())
          .all()
          .get();
      Set<AclBinding> wanted = acls(sites);
      Set<AclBinding> present =
          new HashSet<>(admin.describeAcls(AclBindingFilter.ANY).values().get());
      List<AclBindingFilter> stray =
          present.stream().filter(a -> !wanted.contains(a)).map(AclBinding::toFilter).toList();
      if (!stray.isEmpty()) {
        admin.deleteAcls(stray).all().get();
      }
      admin.createAcls(wanted.stream().filter(a -> !present.contains(a)).toList()).all().get();
      admin.alterClientQuotas(quotas()).all().get();
      return true;
    }
  }

  /** Deletes what a site wrote and read that takes no part any more. */
  void forget(SiteId site) throws ExecutionException, InterruptedException {
    try (Admin admin = Admin.create(client)) {
      Set<String> known = admin.listTopics().names().get();
      String prefix = Party.site(site).principal() + ".";
      admin
          .deleteTopics(known.stream().filter(topic -> topic.startsWith(prefix)).toList())
          .all()
          .get();
    }
  }

  static List<NewTopic> topics(List<SiteId> sites) {
    List<NewTopic> topics = new ArrayList<>();
    topics.add(topic(MIGRATIONS, 48, true));
    topics.add(new NewTopic(TRUST, 1, (short) 1).configs(Map.of("cleanup.policy", "compact")));
    for (String service : CORE) {
      topics.add(topic("core." + service + ".reports", 8, true));
    }
    for (SiteId site : sites) {
      String name = Party.site(site).principal();
      topics.add(topic(name + ".tasks", 8, true));
      topics.add(topic(name + ".reports", 8, true));
      topics.add(topic(name + ".dock", 8, true));
      topics.add(topic(name + ".progress", 2, false));
      topics.add(
          new NewTopic(name + ".listing", 1, (short) 1)
              .configs(
                  Map.of(
                      "cleanup.policy",
                      "compact",
                      "max.message.bytes",
                      Integer.toString(2 * PublishedListing.LONGEST))));
    }
    return topics;
  }

  private static NewTopic topic(String name, int partitions, boolean kept) {
    Map<String, String> configuration = new HashMap<>();
    configuration.put("retention.ms", kept ? "-1" : "86400000");
    configuration.put("max.message.bytes", Integer.toString(4 << 20));
    return new NewTopic(name, partitions, (short) 1).configs(configuration);
  }

  static Set<AclBinding> acls(List<SiteId> sites) {
    Set<AclBinding> acls = new HashSet<>();
    for (String service : CORE) {
      String principal = Party.core(service).principal();
      reads(acls, principal, MIGRATIONS);
      reads(acls, principal, TRUST);
      writes(acls, principal, "core." + service + ".reports");
      reads(acls, "core.gateway", "core." + service + ".reports");
      groups(acls, principal);
    }
    writes(acls, "core.gateway", MIGRATIONS);
    writes(acls, "core.gateway", TRUST);
    for (SiteId site : sites) {
      String party = Party.site(site).principal();
      String dock = Party.dock(site).principal();
      writes(acls, "core.gateway", party + ".tasks");
      reads(acls, party, party + ".tasks");
      for (String said : List.of(party + ".reports", party + ".progress")) {
        writes(acls, party, said);
        reads(acls, "core.gateway", said);
      }
      writes(acls, party, party + ".listing");
      reads(acls, "core.catalog", party + ".listing");
      for (String own : List.of(party, dock)) {
        reads(acls, own, TRUST);
        reads(acls, own, party + ".dock");
        writes(acls, own, party + ".dock");
      }
      groups(acls, party);
      // What it reads the dock's topic as; a prefix would give it the other services' groups.
      group(acls, dock, party + ".conversion");
    }
    return acls;
  }

  private static void reads(Set<AclBinding> acls, String principal, String topic) {
    acls.add(acl(principal, ResourceType.TOPIC, topic, AclOperation.READ));
    acls.add(acl(principal, ResourceType.TOPIC, topic, AclOperation.DESCRIBE));
  }

  private static void writes(Set<AclBinding> acls, String principal, String topic) {
    acls.add(acl(principal, ResourceType.TOPIC, topic, AclOperation.WRITE));
    acls.add(acl(principal, ResourceType.TOPIC, topic, AclOperation.DESCRIBE));
    acls.add(acl(principal, ResourceType.CLUSTER, "kafka-cluster", AclOperation.IDEMPOTENT_WRITE));
  }

  /** Every {@code <principal>.<reader>}: the dot keeps others' names out. */
  private static void groups(Set<AclBinding> acls, String principal) {
    for (AclOperation operation : List.of(AclOperation.READ, AclOperation.DESCRIBE)) {
      acls.add(
          new AclBinding(
              new ResourcePattern(ResourceType.GROUP, principal + ".", PatternType.PREFIXED),
              acl(principal, ResourceType.GROUP, principal, operation).entry()));
    }
  }

  private static void group(Set<AclBinding> acls, String principal, String group) {
    acls.add(acl(principal, ResourceType.GROUP, group, AclOperation.READ));
    acls.add(acl(principal, ResourceType.GROUP, group, AclOperation.DESCRIBE));
  }

  private static AclBinding acl(
      String principal, ResourceType type, String name, AclOperation operation) {
    return new AclBinding(
        new ResourcePattern(type, name, PatternType.LITERAL),
        new AccessControlEntry("User:" + principal, "*", operation, AclPermissionType.ALLOW));
  }

  private List<ClientQuotaAlteration> quotas() {
    List<ClientQuotaAlteration> quotas = new ArrayList<>();
    for (SiteId site : sites) {
      for (Party party : List.of(Party.site(site), Party.dock(site))) {
        quotas.add(
            new ClientQuotaAlteration(
                new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, party.principal())),
                List.of(
                    new ClientQuotaAlteration.Op("producer_byte_rate", SITE_BYTES_PER_SECOND),
                    new ClientQuotaAlteration.Op("consumer_byte_rate", 2 * SITE_BYTES_PER_SECOND),
                    new ClientQuotaAlteration.Op("request_percentage", 100.0))));
      }
    }
    return quotas;
  }
}
