package rowferry.devstack.server;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;

import java.util.Set;

/**
 * What is to go wrong, as the body of {@code PUT /rowferry/faults} says it.
 *
 * @param status    the answer: 429, 500, 504 and 507 come from the real handler, which is told so by the store; 503
 *                  (and any other) is answered before the container sees the request; 0 leaves the answer alone
 * @param count     how many requests it strikes; 0 means all until the faults are cleared
 * @param match     start of a document id ({@code id:ns:type::...}) or of a raw path ({@code /search/}); empty: every
 *                  operation on a single document
 * @param method    only requests of this HTTP method; empty: any
 * @param delayMs   wait so long before the request is handled
 * @param loseReply handle the request, then close its connection without an answer
 * @param applied   with 500, 504 and 507: carry the operation out, and only then answer so
 * @param blocked   with 429: refuse to take the operation, so that the handler queues it and answers 429 by itself
 *                  when its queue is full (256 operations or 3 s)
 */
public record Fault(int status, int count, String match, String method, long delayMs,
                    boolean loseReply, boolean applied, boolean blocked) {

    private static final Set<Integer> OF_THE_STORE = Set.of(429, 500, 504, 507);

    @JsonCreator
    public Fault(@JsonProperty("status") int status, @JsonProperty("count") int count,
                 @JsonProperty("match") String match, @JsonProperty("method") String method,
                 @JsonProperty("delay_ms") long delayMs, @JsonProperty("lose_reply") boolean loseReply,
                 @JsonProperty("applied") boolean applied, @JsonProperty("blocked") boolean blocked) {
        this.status = status;
        this.count = count;
        this.match = match == null ? "" : match;
        this.method = method == null ? "" : method;
        this.delayMs = delayMs;
        this.loseReply = loseReply;
        this.applied = applied;
        this.blocked = blocked;
        if (status != 0 && (status < 400 || status > 599)) throw new IllegalArgumentException("expected a status of 400 to 599, or 0, got " + status);
        if (count < 0 || delayMs < 0) throw new IllegalArgumentException("expected count and delay_ms not below 0");
        if (status != 0 && loseReply) throw new IllegalArgumentException("expected either status or lose_reply, got both");
    }

    /** Whether the store makes it happen, through the real handler. */
    boolean isOfTheStore() {
        return OF_THE_STORE.contains(status);
    }
}
