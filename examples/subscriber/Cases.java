import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A subscriber of support cases for the JVM: a local table that is complete when it begins and stays right.
 *
 * <p>See cases.py for the reasons. Run it: {@code java -cp 'libs/*' Cases.java BOOTSTRAP PREFIX} prints the whole table,
 * one JSON line per case, as of when it started.
 */
public final class Cases {
  private static final ObjectMapper JSON = new ObjectMapper();
  private final Map<String, JsonNode> byId = new HashMap<>();
  private int skipped;

  /** Applies one record of support.cases or support.cases.snapshot, in any order; true if it said something new. */
  boolean take(ConsumerRecord<String, byte[]> record) throws IOException {
    if (record.value() == null) {
      return byId.remove(record.key()) != null; // no longer of interest
    }
    JsonNode said = JSON.readTree(record.value());
    if (!said.get("type").asText().equals("case.version.v1")) {
      return false; // a reader leaves alone what it does not know
    }
    JsonNode known = byId.get(record.key());
    if (known != null && said.get("version").asLong() <= known.get("version").asLong()) {
      skipped++; // read again, or older: each version is the whole case, so a gap needs no care
      return false;
    }
    byId.put(record.key(), said);
    return true;
  }

  public static void main(String[] args) throws IOException {
    Properties kafka = new Properties();
    kafka.put("bootstrap.servers", args[0]);
    kafka.put("isolation.level", "read_committed"); // anything else may show a case that never was
    kafka.put("enable.auto.commit", "false");
    String topic = (args.length > 1 ? args[1] : "") + "support.cases.snapshot"; // a prefix, where topics have one
    Cases cases = new Cases();
    try (KafkaConsumer<String, byte[]> consumer =
        new KafkaConsumer<>(kafka, new StringDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> all =
          consumer.partitionsFor(topic).stream().map(each -> new TopicPartition(topic, each.partition())).toList();
      consumer.assign(all);
      consumer.seekToBeginning(all);
      Map<TopicPartition, Long> ends = consumer.endOffsets(all);
      while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        for (ConsumerRecord<String, byte[]> record : consumer.poll(Duration.ofMillis(200))) {
          cases.take(record);
        }
      }
    }
    for (JsonNode each : cases.byId.values()) {
      System.out.println(
          JSON.createObjectNode()
              .put("case_id", each.get("case_id").asText())
              .put("version", each.get("version").asLong())
              .put("status", each.path("status").asText("classified"))
              .put("queue", each.get("queue").asText()));
    }
    System.err.println(cases.byId.size() + " cases, " + cases.skipped + " records said nothing new");
  }
}
