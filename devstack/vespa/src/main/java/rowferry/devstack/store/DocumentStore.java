package rowferry.devstack.store;

import com.yahoo.document.BucketId;
import com.yahoo.document.BucketIdFactory;
import com.yahoo.document.DocumentId;

import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * All documents, in 256 buckets as Vespa's bucket algorithm divides them, backed by a {@link DocumentLog}.
 *
 * <p>Rule 1: changes to one document happen one after the other ({@link #change} holds its key).
 * Rule 2: a change is in the log before it is visible.
 * Rule 3: timestamps only grow, over restarts too.
 * It knows nothing of fields, conditions or expiry: that is {@link Operations}.
 */
public final class DocumentStore implements Closeable {

    public static final int BUCKET_BITS = 8;
    private static final int BUCKETS = 1 << BUCKET_BITS;
    private static final long COMPACT_MIN_BYTES = 4 << 20;

    private final List<ConcurrentHashMap<String, StoredDocument>> buckets = new ArrayList<>(BUCKETS);
    private final BucketIdFactory bucketIds = new BucketIdFactory();
    private final AtomicLong lastTimestampUs = new AtomicLong();
    private final DocumentLog log;

    private DocumentStore(Path directory) throws IOException {
        for (int i = 0; i < BUCKETS; i++) buckets.add(new ConcurrentHashMap<>());
        Files.createDirectories(directory);
        log = DocumentLog.open(directory.resolve("documents.log"), this::replay);
        compact();
    }

    /** Opens the store in the directory, with all that was written there before. */
    public static DocumentStore open(Path directory) throws IOException {
        return new DocumentStore(directory);
    }

    public StoredDocument get(DocumentId id) {
        return bucket(id).get(id.toString());
    }

    /**
     * Runs {@code change} on the present version of the document (null when there is none), alone on its id.
     * It returns the new version, the very same object for "leave it", or null for "remove it".
     */
    public void change(DocumentId id, Function<StoredDocument, StoredDocument> change) {
        String key = id.toString();
        bucket(id).compute(key, (k, before) -> {
            StoredDocument after = change.apply(before);
            if (after != before) append(key, after);
            return after;
        });
    }

    /** A new version of a document, for {@link #change}. */
    StoredDocument version(DocumentId id, byte[] body) {
        return new StoredDocument(id.toString(), id.getDocType(), nextTimestampUs(), body);
    }

    public Collection<StoredDocument> bucket(int index) {
        return buckets.get(index).values();
    }

    /** The documents of a bucket of a visitor, which may be finer or coarser than ours. */
    public void forEachIn(BucketId superbucket, Consumer<StoredDocument> action) {
        if (superbucket.getUsedBits() == BUCKET_BITS) {
            bucket(indexOf(superbucket)).forEach(action);
            return;
        }
        for (Map<String, StoredDocument> bucket : buckets) {
            bucket.values().stream()
                  .filter(document -> superbucket.contains(bucketIds.getBucketId(new DocumentId(document.id()))))
                  .forEach(action);
        }
    }

    public void forEach(Consumer<StoredDocument> action) {
        for (Map<String, StoredDocument> bucket : buckets) bucket.values().forEach(action);
    }

    /** How many documents there are of each type. */
    public Map<String, Long> counts() {
        Map<String, Long> counts = new TreeMap<>();
        forEach(document -> counts.merge(document.type(), 1L, Long::sum));
        return counts;
    }

    @Override
    public void close() throws IOException {
        log.close();
    }

    private Map<String, StoredDocument> bucketOf(String id) {
        return bucket(new DocumentId(id));
    }

    private ConcurrentHashMap<String, StoredDocument> bucket(DocumentId id) {
        return buckets.get(indexOf(bucketIds.getBucketId(id)));
    }

    private static int indexOf(BucketId bucket) {
        return (int) (bucket.getId() & (BUCKETS - 1));
    }

    private void append(String id, StoredDocument after) {
        try {
            if (after == null) log.append(id, nextTimestampUs(), null);
            else log.append(id, after.timestampUs(), after.body());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the document log: " + e.getMessage(), e);
        }
    }

    private void replay(String id, long timestampUs, byte[] body) {
        lastTimestampUs.accumulateAndGet(timestampUs, Math::max);
        if (body == null) bucketOf(id).remove(id);
        else bucketOf(id).put(id, new StoredDocument(id, timestampUs, body));
    }

    /** Rewrites the log when more than half of it is history. */
    private void compact() throws IOException {
        List<StoredDocument> live = new ArrayList<>();
        long[] liveBytes = {0};
        forEach(document -> {
            live.add(document);
            liveBytes[0] += document.body().length + document.id().length();
        });
        if (log.sizeBytes() > COMPACT_MIN_BYTES && log.sizeBytes() > 2 * liveBytes[0]) log.rewrite(live);
    }

    private long nextTimestampUs() {
        long now = System.currentTimeMillis() * 1000;
        return lastTimestampUs.updateAndGet(last -> Math.max(last + 1, now));
    }
}
