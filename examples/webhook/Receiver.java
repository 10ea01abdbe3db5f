import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A receiver of PayWarden's webhooks with the JDK alone: what to check, and in which order.
 *
 * <p>Run it: {@code java Receiver.java SECRET_FILE [PORT]} prints its address, then key and type of each message, once.
 */
public final class Receiver {
  private static final long OLDEST_S = 300; // a signed message that somebody recorded is worth nothing later
  private static final int LARGEST = 1_000_000;

  private final byte[] secret;
  private final Set<String> seen = ConcurrentHashMap.newKeySet(); // keep the keys in your database, with what you do

  private Receiver(byte[] secret) {
    this.secret = secret;
  }

  /** Whether the body was signed with our secret within the last five minutes; while it is replaced there are two v1. */
  boolean isGenuine(String header, byte[] body, long nowS) throws GeneralSecurityException {
    String time = null;
    for (String part : header.split(",")) {
      if (part.startsWith("t=")) {
        if (time != null) {
          return false;
        }
        time = part.substring(2);
      }
    }
    if (time == null || !time.matches("[0-9]{1,15}") || Math.abs(nowS - Long.parseLong(time)) > OLDEST_S) {
      return false;
    }
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(secret, "HmacSHA256"));
    mac.update((time + ".").getBytes(StandardCharsets.US_ASCII));
    byte[] wanted = HexFormat.of().formatHex(mac.doFinal(body)).getBytes(StandardCharsets.US_ASCII);
    boolean found = false;
    for (String part : header.split(",")) {
      // In constant time: an answer that comes sooner would tell how much of a guess is right.
      found |= part.startsWith("v1=") && MessageDigest.isEqual(wanted, part.substring(3).getBytes(StandardCharsets.UTF_8));
    }
    return found;
  }

  private int take(HttpExchange exchange) throws IOException, GeneralSecurityException {
    byte[] body = exchange.getRequestBody().readNBytes(LARGEST + 1);
    if (body.length > LARGEST) {
      return 413;
    }
    String signature = exchange.getRequestHeaders().getFirst("PayWarden-Signature");
    if (signature == null || !isGenuine(signature, body, System.currentTimeMillis() / 1000)) {
      return 401;
    }
    String key = exchange.getRequestHeaders().getFirst("Idempotency-Key");
    if (!seen.contains(key)) {
      // What you do with the body, a record of docs/contracts.md, stands here. If it throws, the message comes again.
      System.out.println(key + " " + exchange.getRequestHeaders().getFirst("PayWarden-Type"));
      seen.add(key);
    }
    return 204;
  }

  private void answer(HttpExchange exchange) throws IOException {
    int status = 500;
    try {
      status = take(exchange);
    } catch (GeneralSecurityException error) {
      System.err.println("this JDK has no HmacSHA256: " + error.getMessage());
    } finally {
      exchange.sendResponseHeaders(status, -1);
      exchange.close();
    }
  }

  public static void main(String[] args) throws IOException {
    // The first line is the newest of the secrets.
    String secret = Files.readString(Path.of(args[0])).lines().findFirst().orElseThrow().strip();
    Receiver receiver = new Receiver(secret.getBytes(StandardCharsets.UTF_8));
    int port = args.length > 1 ? Integer.parseInt(args[1]) : 8_099;
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.createContext("/", receiver::answer);
    server.start();
    System.out.println("http://127.0.0.1:" + server.getAddress().getPort() + "/");
  }
}
