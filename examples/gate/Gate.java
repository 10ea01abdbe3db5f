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
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
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
 * decisions; in mode observe the answer is allow, and observed says what would have been.
 *
 * <p>Run it: {@code java -cp 'libs/*' Gate.java BOOTSTRAP PREFIX METHOD:AMOUNT_MINOR...} asks about one payment after the
 * other and prints one JSON line per answer.
 */
public final class Gate implements AutoCloseable {
  /** What a payment becomes when no decision came in time. */
  public record Default(String outcome, Duration deadline) {}

  /**
   * What to do with a payment.
   *
   * @param by decision, observed or default
   * @param decisionId null by default
   * @param observed in mode observe the outcome that would have been, else null
   * @param expiresAt of a hold or step-up, else null
   * @param expiryOutcome what that becomes then
   */
  public record Answer(
      String outcome, String by, String decisionId, String observed, String expiresAt, String expiryOutcome) {}

  private static final int REMEMBERED = 10_000;
  private static final Set<String> IN_FORCE = Set.of("commanded", "unconfirmed", "effective");
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
  private final Map<String, JsonNode> decided = newest();
  private final Set<String> givenUp = Collections.newSetFromMap(newest());
  private int late;
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
              if (error == null) {
                return answer(said);
              }
              giveUp(paymentId, decision);
              return new Answer(otherwise.outcome(), "default", null, null, null, null);
            });
  }

  /** The locks of an account that are in force or commanded, as of the newest record; empty for none. */
  public List<JsonNode> locks(String accountId) {
    JsonNode state = locks.get(accountId);
    if (state == null) {
      return List.of();
    }
    Instant now = Instant.now();
    return StreamSupport.stream(state.path("locks").spliterator(), false)
        .filter(lock -> IN_FORCE.contains(lock.get("status").asText()))
        .filter(lock -> !lock.hasNonNull("expires_at") || Instant.parse(lock.get("expires_at").asText()).isAfter(now))
        .toList();
  }

  /** Decisions that came when nobody waited any more. */
  public synchronized int late() {
    return late;
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
      settle(said.get("subject_id").asText(), said);
    } catch (java.io.IOException error) {
      System.err.println("not JSON at " + record.topic() + " " + record.offset() + ": " + error.getMessage());
    }
  }

  private synchronized void settle(String paymentId, JsonNode said) {
    decided.put(paymentId, said);
    CompletableFuture<JsonNode> decision = waiting.remove(paymentId);
    if (decision != null) {
      decision.complete(said);
    } else if (givenUp.remove(paymentId)) {
      late++;
    }
  }

  private synchronized void giveUp(String paymentId, CompletableFuture<JsonNode> decision) {
    waiting.remove(paymentId, decision);
    if (decided.containsKey(paymentId)) {
      late++; // it came between the deadline and here
    } else {
      givenUp.add(paymentId);
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
    String outcome = said.get("outcome").asText();
    if (said.path("shadow").asBoolean(false)) {
      return new Answer("allow", "observed", id, outcome, null, null);
    }
    return new Answer(outcome, "decision", id, null, text(said, "expires_at"), text(said, "expiry_outcome"));
  }

  private static String text(JsonNode said, String field) {
    return said.hasNonNull(field) ? said.get(field).asText() : null;
  }

  /** A map of the newest entries, bounded. */
  private static <V> Map<String, V> newest() {
    return Collections.synchronizedMap(
        new LinkedHashMap<>() {
          @Override
          protected boolean removeEldestEntry(Map.Entry<String, V> eldest) {
            return size() > REMEMBERED;
          }
        });
  }

  public static void main(String[] args) throws Exception {
    Properties kafka = new Properties();
    kafka.put("bootstrap.servers", args[0]);
    Map<String, Default> defaults =
        Map.of("card", new Default("allow", Duration.ofSeconds(60)), "*", new Default("hold", Duration.ofSeconds(2)));
    try (Gate gate = new Gate(kafka, args[1], defaults)) {
      for (String asked : List.of(args).subList(2, args.length)) {
        String[] of = asked.split(":");
        String name = "jvm-" + of[0] + "-" + of[1] + "-" + Instant.now().toEpochMilli();
        ObjectNode payment =
            JSON.createObjectNode()
                .put("type", "payment.requested.v1")
                .put("event_id", name + "-requested")
                .put("source", "gate-example")
                .put("occurred_at", Instant.now().toString())
                .put("account_id", "jvm-customer")
                .put("payment_id", name)
                .put("amount_minor", Long.parseLong(of[1]))
                .put("currency", "EUR")
                .put("method", of[0]);
        Answer answer = gate.ask(payment).get();
        ObjectNode line = JSON.createObjectNode();
        line.put("payment_id", name).put("outcome", answer.outcome()).put("by", answer.by());
        line.put("decision_id", answer.decisionId()).put("observed", answer.observed());
        line.put("expires_at", answer.expiresAt()).put("expiry_outcome", answer.expiryOutcome());
        gate.locks("jvm-customer").forEach(line.withArray("locks")::add);
        line.put("late", gate.late());
        System.out.println(line);
      }
    }
  }
}
