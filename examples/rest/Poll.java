import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A service that asks the interface what changed, for the JVM: page by page, and no faster than it may.
 *
 * <p>Run it: {@code java -cp 'libs/*' Poll.java https://console.example/api/v1 TOKEN_FILE [SINCE]} prints one JSON line
 * per case, then the instant to go on from. The only library is Jackson, which lies beside Kafka's clients.
 */
public final class Poll {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LATE = Duration.ofMinutes(15); // records come up to that much later than they happened
  private static final int TRIES = 5;

  private final HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
  private final String address;
  private final String token;

  private Poll(String address, String token) {
    this.address = address;
    this.token = token;
  }

  /** The answer as JSON. Waits as long as the interface says where it asks to be asked later. */
  JsonNode ask(String path) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(address + path))
            .header("Authorization", "Bearer " + token)
            .timeout(Duration.ofSeconds(30))
            .build();
    for (int turn = 1; ; turn++) {
      HttpResponse<byte[]> answer = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
      if (answer.statusCode() == 200) {
        return JSON.readTree(answer.body());
      }
      boolean later = answer.statusCode() == 429 || answer.statusCode() == 503;
      if (!later || turn == TRIES) {
        // A problem document (RFC 9457) says what is wrong in a sentence.
        throw new IOException(answer.statusCode() + ": " + JSON.readTree(answer.body()).path("detail").asText());
      }
      Thread.sleep(Duration.ofSeconds(answer.headers().firstValueAsLong("Retry-After").orElse(5)).toMillis());
    }
  }

  /** Every case that changed since then in its newest version; what changes meanwhile comes again, and counts. */
  Map<String, JsonNode> changedSince(String since) throws IOException, InterruptedException {
    Map<String, JsonNode> found = new LinkedHashMap<>();
    String cursor = "";
    do {
      JsonNode page = ask("/cases?limit=200" + parameter("updated_since", since) + parameter("cursor", cursor));
      for (JsonNode each : page.get("items")) {
        found.merge(
            each.get("case_id").asText(),
            each,
            (known, said) -> said.get("version").asLong() > known.get("version").asLong() ? said : known);
      }
      cursor = page.get("next_cursor").asText("");
    } while (!cursor.isEmpty());
    return found;
  }

  private static String parameter(String name, String value) {
    return value.isEmpty() ? "" : "&" + name + "=" + URLEncoder.encode(value, StandardCharsets.UTF_8);
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    Poll poll = new Poll(args[0], Files.readString(Path.of(args[1])).strip()); // an argument would show in `ps`
    String since = args.length > 2 ? args[2] : "";
    Instant newest = since.isEmpty() ? Instant.EPOCH : Instant.parse(since).plus(LATE);
    for (JsonNode each : poll.changedSince(since).values()) {
      Instant at = Instant.parse(each.get("occurred_at").asText());
      newest = at.isAfter(newest) ? at : newest;
      System.out.println(
          JSON.createObjectNode()
              .put("case_id", each.get("case_id").asText())
              .put("version", each.get("version").asLong())
              .put("status", each.path("status").asText("classified"))
              .put("queue", each.get("queue").asText()));
    }
    System.out.println(JSON.createObjectNode().put("next_since", newest.minus(LATE).toString()));
  }
}
