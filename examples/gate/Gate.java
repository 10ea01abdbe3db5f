import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A gate: publish a payment, wait for PayWarden's decision about it, and never for longer than you can afford.
 *
 * <p>Reference client for the JVM; needs kafka-clients and a JSON library (here Jackson). It promises what gate.py
 * promises: an answer within the deadline of the payment's method, by the decision or by your default; only committed
 * decisions; in mode observe the answer is allow.
 *
 * <p>Run it: {@code java -cp 'libs/*' Gate.java BOOTSTRAP PREFIX AMOUNT_MINOR...} asks about one payment per amount and
 * prints one JSON line per answer.
 */
public final class Gate implements AutoCloseable {
  /** What a payment becomes when no decision came in time. */
  public record Default(String outcome, Duration deadline) {}

  /** What to do with a payment; by is decision, observed or default. */
  public record Answer(String outcome, String by, String decisionId) {}

  private static final int REMEMBERED = 10_000;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Map<String, Default> defaults;
  private final String payments;
  private final String decisions;
  private final String locksTopic;
  private final KafkaProducer<String, byte[]> producer;
  private final KafkaConsumer<String, byte[]> consumer;
  private final Map<String, CompletableFuture<JsonNode>> waiting = new ConcurrentHashMap<>();
  private final Map<String, JsonNode> locks = new ConcurrentHashMap<>();
  // Decisions that were made before somebody asked again.
  private final Map<String, JsonNode> decided =
      Collections.synchronizedMap(
          new LinkedHashMap<>() {
            @Override
            protected boolean removeEldestEntry(Map.Entry<String, JsonNode> eldest) {
              return size() > REMEMBERED;
            }
          });
  private final Thread reading;
  private volatile boolean open = true;

  /** Ready when all locks are known and no decision can be missed. */
  public Gate(Properties kafka, String prefix, Map<String, Default> defaults) {
    if (!defaults.containsKey("*")) {
      throw new IllegalArgumentException("defaults: say under \"*\" what happens to every other method");
    }
    this.defaults = defaults;
    payments = prefix + "payments.transactions";
    decisions = prefix + "fraud.decisions";
    locksTopic = prefix + "account.locks";
    Properties writes = new Properties();
    writes.putAll(kafka);
    writes.put("enable.idempotence", "true");
    writes.put("linger.ms", "0");
    // The default partitioner of the Java client is the one that PayWarden expects: murmur2 of the key.
    producer = new KafkaProducer<>(writes, new StringSerializer(), new ByteArraySerializer());
    Properties reads = new Properties();
    reads.putAll(kafka);
    reads.put("isolation.level", "read_committed");
    reads.put("enable.auto.commit", "false");
    reads.put("fetch.max.wait.ms", "10");
    consumer = new KafkaConsumer<>(reads, new StringDeserializer(), new ByteArrayDeserializer());
    List<TopicPartition> told = partitionsOf(decisions);
    List<TopicPartition> locked = partitionsOf(locksTopic);
    List<TopicPartition> both = new ArrayList<>(told);
    both.addAll(locked);
    consumer.assign(both);
    // Positions are fixed before the first payment is published: its decision lies behind them.
    consumer.endOffsets(told).forEach(consumer::seek);
    consumer.seekToBeginning(locked);
    Map<TopicPartition, Long> ends = consumer.endOffsets(locked);
    while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
      consumer.poll(Duration.ofMillis(100)).forEach(this::take);
    }
    reading = new Thread(this::read, "gate-decisions");
    reading.setDaemon(true);
    reading.start();
  }

  /** Publish a payment and wait for its decision; completes within the deadline, never with an exception. */
  public CompletableFuture<Answer> ask(ObjectNode payment) {
    Default otherwise = defaults.getOrDefault(payment.path("method").asText(), defaults.get("*"));
    String paymentId = payment.get("payment_id").asText();
    JsonNode known = decided.get(paymentId);
    if (known != null) {
      return CompletableFuture.completedFuture(answer(known));
    }
    CompletableFuture<JsonNode> decision = waiting.computeIfAbsent(paymentId, id -> new CompletableFuture<>());
    // send() may block for metadata up to max.block.ms: not on the caller's thread, which has a deadline.
    CompletableFuture.runAsync(() -> publish(payment))
        .exceptionally(
            error -> {
              decision.completeExceptionally(error);
              return null;
            });
    return decision
        .copy()
        .orTimeout(otherwise.deadline().toMillis(), TimeUnit.MILLISECONDS)
        .handle(
            (said, error) -> {
              waiting.remove(paymentId, decision);
              return error == null ? answer(said) : new Answer(otherwise.outcome(), "default", null);
            });
  }

  /** The newest state of an account's locks, or null. */
  public JsonNode locks(String accountId) {
    return locks.get(accountId);
  }

  @Override
  public void close() throws InterruptedException {
    open = false;
    consumer.wakeup();
    reading.join();
    consumer.close();
    producer.close();
  }

  private void publish(ObjectNode event) {
    long atMs = Instant.parse(event.get("occurred_at").asText()).toEpochMilli();
    byte[] value = event.toString().getBytes(StandardCharsets.UTF_8);
    producer.send(new ProducerRecord<>(payments, null, atMs, event.get("account_id").asText(), value));
  }

  private List<TopicPartition> partitionsOf(String topic) {
    return consumer.partitionsFor(topic).stream().map(each -> new TopicPartition(topic, each.partition())).toList();
  }

  private void read() {
    while (open) {
      try {
        consumer.poll(Duration.ofMillis(200)).forEach(this::take);
      } catch (WakeupException closing) {
        return;
      }
    }
  }

  private void take(ConsumerRecord<String, byte[]> record) {
    try {
      if (record.topic().equals(locksTopic)) {
        takeLocks(record);
        return;
      }
      JsonNode said = JSON.readTree(record.value());
      if (!said.get("type").asText().equals("decision.made.v1")) {
        return; // amendments of holds and shadow models are other types on the same topic
      }
      String paymentId = said.get("subject_id").asText();
      decided.put(paymentId, said);
      CompletableFuture<JsonNode> decision = waiting.remove(paymentId);
      if (decision != null) {
        decision.complete(said);
      }
    } catch (java.io.IOException error) {
      System.err.println("not JSON at " + record.topic() + " " + record.offset() + ": " + error.getMessage());
    }
  }

  private void takeLocks(ConsumerRecord<String, byte[]> record) throws java.io.IOException {
    if (record.value() == null) {
      locks.remove(record.key());
      return;
    }
    JsonNode said = JSON.readTree(record.value());
    locks.merge(record.key(), said, (old, now) -> now.get("version").asLong() >= old.get("version").asLong() ? now : old);
  }

  private static Answer answer(JsonNode said) {
    String id = said.get("decision_id").asText();
    boolean observes = said.path("shadow").asBoolean(false);
    return observes ? new Answer("allow", "observed", id) : new Answer(said.get("outcome").asText(), "decision", id);
  }

  public static void main(String[] args) throws Exception {
    Properties kafka = new Properties();
    kafka.put("bootstrap.servers", args[0]);
    Map<String, Default> defaults =
        Map.of("card", new Default("allow", Duration.ofSeconds(30)), "*", new Default("hold", Duration.ofSeconds(2)));
    try (Gate gate = new Gate(kafka, args[1], defaults)) {
      for (String amount : List.of(args).subList(2, args.length)) {
        String name = "jvm-" + amount + "-" + Instant.now().toEpochMilli();
        ObjectNode payment =
            JSON.createObjectNode()
                .put("type", "payment.requested.v1")
                .put("event_id", name + "-requested")
                .put("source", "gate-example")
                .put("occurred_at", Instant.now().toString())
                .put("account_id", "jvm-customer")
                .put("payment_id", name)
                .put("amount_minor", Long.parseLong(amount))
                .put("currency", "EUR")
                .put("method", "card");
        Answer answer = gate.ask(payment).get();
        JsonNode locked = gate.locks("jvm-customer");
        ObjectNode line = JSON.createObjectNode();
        line.put("payment_id", name).put("outcome", answer.outcome()).put("by", answer.by());
        line.put("decision_id", answer.decisionId()).put("locks", locked == null ? 0 : locked.path("locks").size());
        System.out.println(line);
      }
    }
  }
}
