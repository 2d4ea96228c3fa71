package crossdock.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import crossdock.contracts.SiteId;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.security.ssl.SslPrincipalMapper;
import org.junit.jupiter.api.Test;

class KafkaTopicsTest {
  private static final List<SiteId> SITES = Site.ALL.stream().map(Site::name).toList();

  @Test
  void theSubjectsOnlyCommonNameIsThePrincipal() throws Exception {
    SslPrincipalMapper mapper = SslPrincipalMapper.fromRules(Kafka.PRINCIPALS);
    assertThat(mapper.getName("CN=core.gateway")).isEqualTo("core.gateway");
    assertThat(mapper.getName("CN=site.north.oslo.dock")).isEqualTo("site.north.oslo.dock");
  }

  @Test
  void aSubjectThatSaysMoreThanACommonNameIsNobody() throws Exception {
    SslPrincipalMapper mapper = SslPrincipalMapper.fromRules(Kafka.PRINCIPALS);
    for (String subject :
        new String[] {
          "CN=core.gateway,OU=x", "OU=x,CN=core.gateway", "CN=Core Gateway", "O=admin"
        }) {
      assertThatThrownBy(() -> mapper.getName(subject)).hasMessageContaining("No rules apply");
    }
  }

  @Test
  void onlyTheGatewayWritesTheLogAndOnlyTheCoreReadsIt() {
    assertThat(who(AclOperation.WRITE, "migrations")).containsExactly("User:core.gateway");
    assertThat(who(AclOperation.READ, "migrations"))
        .containsExactlyInAnyOrder(
            "User:core.gateway",
            "User:core.catalog",
            "User:core.identity-federation",
            "User:core.billing");
  }

  @Test
  void everybodyReadsWhatTheMembersSignedAndOnlyTheGatewayPublishesIt() {
    assertThat(who(AclOperation.WRITE, "trust")).containsExactly("User:core.gateway");
    assertThat(who(AclOperation.READ, "trust"))
        .hasSize(KafkaTopics.CORE.size() + 2 * SITES.size())
        .contains("User:site.north.oslo.dock");
  }

  @Test
  void aSiteSeesItsOwnBusinessAndTheDockEvenLess() {
    assertThat(who(AclOperation.READ, "site.north.oslo.tasks"))
        .containsExactly("User:site.north.oslo");
    assertThat(who(AclOperation.WRITE, "site.north.oslo.tasks"))
        .containsExactly("User:core.gateway");
    assertThat(who(AclOperation.WRITE, "site.north.oslo.reports"))
        .containsExactly("User:site.north.oslo");
    assertThat(who(AclOperation.READ, "site.north.oslo.reports"))
        .containsExactly("User:core.gateway");
    assertThat(who(AclOperation.WRITE, "site.north.oslo.listing"))
        .containsExactly("User:site.north.oslo");
    assertThat(who(AclOperation.READ, "site.north.oslo.listing"))
        .containsExactly("User:core.catalog");
    assertThat(who(AclOperation.READ, "site.north.oslo.dock"))
        .containsExactlyInAnyOrder("User:site.north.oslo", "User:site.north.oslo.dock");
    assertThat(KafkaTopics.acls(SITES))
        .filteredOn(a -> a.pattern().name().startsWith("site.north"))
        .noneMatch(a -> a.entry().principal().contains("south"));
  }

  @Test
  void everyRuleOfATopicIsLiteralAndTheTopicExists() {
    assertThat(KafkaTopics.acls(SITES))
        .filteredOn(a -> a.pattern().resourceType() != ResourceType.GROUP)
        .allMatch(a -> a.pattern().patternType() == PatternType.LITERAL)
        .noneMatch(a -> a.entry().principal().contains("*"));
    assertThat(KafkaTopics.topics(SITES).stream().map(t -> t.name()).toList())
        .containsAll(
            KafkaTopics.acls(SITES).stream()
                .filter(a -> a.pattern().resourceType() == ResourceType.TOPIC)
                .map(a -> a.pattern().name())
                .toList())
        .doesNotHaveDuplicates();
    assertThat(KafkaTopics.topics(SITES))
        .filteredOn(t -> t.name().equals("migrations"))
        .allMatch(t -> t.numPartitions() == 48)
        .hasSize(1);
  }

  @Test
  void aGroupOfReadersIsItsPrincipalsAndTheDockCannotMoveWhatTheOthersHaveRead() {
    assertThat(KafkaTopics.acls(SITES))
        .filteredOn(a -> a.pattern().resourceType() == ResourceType.GROUP)
        .allSatisfy(
            a -> {
              String principal = a.entry().principal().substring("User:".length());
              if (principal.endsWith(".dock")) {
                assertThat(a.pattern().patternType()).isEqualTo(PatternType.LITERAL);
                assertThat(a.pattern().name()).isEqualTo(principal.replace(".dock", ".conversion"));
              } else {
                assertThat(a.pattern().name()).isEqualTo(principal + ".");
              }
            });
  }

  private static Set<String> who(AclOperation operation, String topic) {
    return KafkaTopics.acls(SITES).stream()
        .filter(a -> a.pattern().resourceType() == ResourceType.TOPIC)
        .filter(a -> a.pattern().name().equals(topic) && a.entry().operation() == operation)
        .map(a -> a.entry().principal())
        .collect(Collectors.toSet());
  }
}
