package rowferry.devstack.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The faults that are set now, in the order they were set; the first that matches strikes. */
public final class Faults {

    /** A fault and how often it struck. */
    public record Struck(Fault fault, long hits) {}

    private static final class Armed {
        final Fault fault;
        long hits;

        Armed(Fault fault) {
            this.fault = fault;
        }

        boolean spent() {
            return fault.count() > 0 && hits >= fault.count();
        }
    }

    private final List<Armed> armed = new ArrayList<>();
    private volatile boolean any;

    public synchronized void add(Fault fault) {
        armed.add(new Armed(fault));
        any = true;
    }

    public synchronized void clear() {
        armed.clear();
        any = false;
    }

    public synchronized List<Struck> list() {
        return armed.stream().map(each -> new Struck(each.fault, each.hits)).toList();
    }

    /** The fault that strikes this operation in the store, if any. */
    public Optional<Fault> inStore(String method, String documentId) {
        return any ? take(method, documentId, "", true) : Optional.empty();
    }

    /** The fault that strikes this request before the container sees it, if any; the id is empty when it has none. */
    public Optional<Fault> inFront(String method, String documentId, String path) {
        return any ? take(method, documentId, path, false) : Optional.empty();
    }

    private synchronized Optional<Fault> take(String method, String documentId, String path, boolean ofTheStore) {
        for (Armed each : armed) {
            Fault fault = each.fault;
            if (each.spent() || fault.isOfTheStore() != ofTheStore) continue;
            if (!fault.method().isEmpty() && !fault.method().equalsIgnoreCase(method)) continue;
            if (!matches(fault.match(), documentId, path)) continue;
            each.hits++;
            return Optional.of(fault);
        }
        return Optional.empty();
    }

    private static boolean matches(String match, String documentId, String path) {
        return match.startsWith("/") ? path.startsWith(match) : !documentId.isEmpty() && documentId.startsWith(match);
    }
}
