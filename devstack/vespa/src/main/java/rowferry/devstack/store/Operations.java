package rowferry.devstack.store;

import com.yahoo.document.Document;
import com.yahoo.document.DocumentId;
import com.yahoo.document.DocumentPut;
import com.yahoo.document.DocumentRemove;
import com.yahoo.document.DocumentUpdate;
import com.yahoo.document.TestAndSetCondition;
import com.yahoo.document.select.DocumentSelector;
import com.yahoo.document.select.Result;
import com.yahoo.document.select.parser.ParseException;
import com.yahoo.documentapi.Response.Outcome;

import java.util.function.BiConsumer;

/**
 * What the operations of /document/v1 do to the store: conditions, {@code create}, expiry.
 *
 * <p>The rules are those of Vespa's content layer: a condition is tested on the stored version; a missing
 * document takes a conditional write only with {@code create}; an update of a missing document without it
 * does nothing and succeeds; a write that the selection of services.xml rejects is ignored.
 */
public final class Operations {

    /** How an operation ended, and the text for it when it failed. */
    public record Done(Outcome outcome, String message) {
        static final Done SUCCESS = new Done(Outcome.SUCCESS, null);
        static final Done IGNORED = new Done(Outcome.IGNORED, null);
        static final Done CONDITION_FAILED =
                new Done(Outcome.CONDITION_FAILED, "ReturnCode(TEST_AND_SET_CONDITION_FAILED, Condition did not match document)");
        static final Done MISSING =
                new Done(Outcome.CONDITION_FAILED, "ReturnCode(TEST_AND_SET_CONDITION_FAILED, Document does not exist)");

        static Done rejected(String message) {
            return new Done(Outcome.REJECTED, message);
        }
    }

    private final DocumentStore store;
    private final Documents documents;
    private final ClusterSelection selection;
    private volatile BiConsumer<StoredDocument, Document> onWrite = (stored, document) -> { };

    public Operations(DocumentStore store, Documents documents, ClusterSelection selection) {
        this.store = store;
        this.documents = documents;
        this.selection = selection;
    }

    /** Who is told of each new version, before it is visible, while its document is at hand. */
    public void onWrite(BiConsumer<StoredDocument, Document> listener) {
        onWrite = listener;
    }

    /** The document, or null. */
    public Document get(DocumentId id) {
        StoredDocument stored = store.get(id);
        return stored == null || !documents.knows(stored) ? null : documents.read(stored);
    }

    public Done put(DocumentPut put) {
        if (!selection.takes(put)) return Done.IGNORED;
        byte[] body = documents.write(put.getDocument());
        return change(put.getId(), put.getCondition(), before -> {
            if (before == null && put.getCondition().isPresent() && !put.getCreateIfNonExistent()) return Change.failed(Done.MISSING);
            return Change.to(version(put.getDocument(), body));
        });
    }

    public Done update(DocumentUpdate update) {
        if (!selection.takes(update)) return Done.IGNORED;
        return change(update.getId(), update.getCondition(), before -> {
            if (before == null && !update.getCreateIfNonExistent()) {
                return update.getCondition().isPresent() ? Change.failed(Done.MISSING) : Change.none();
            }
            Document document = before == null ? new Document(update.getType(), update.getId()) : documents.read(before);
            update.applyTo(document);
            return Change.to(version(document, documents.write(document)));
        });
    }

    public Done remove(DocumentRemove remove) {
        return change(remove.getId(), remove.getCondition(), before -> {
            if (before == null) return remove.getCondition().isPresent() ? Change.failed(Done.MISSING) : Change.none();
            return Change.to(null);
        });
    }

    /** Removes every document that its selection no longer keeps; returns how many went. */
    public int expire(long nowS) {
        DocumentSelector kept = selection.at(nowS);
        int[] removed = {0};
        store.forEach(seen -> {
            if (!documents.knows(seen) || !expired(seen, kept)) return;
            store.change(new DocumentId(seen.id()), now -> {
                if (now != seen) return now; // written again meanwhile
                removed[0]++;
                return null;
            });
        });
        return removed[0];
    }

    private StoredDocument version(Document document, byte[] body) {
        StoredDocument version = store.version(document.getId(), body);
        onWrite.accept(version, document);
        return version;
    }

    private boolean expired(StoredDocument stored, DocumentSelector kept) {
        return kept.accepts(new DocumentPut(documents.read(stored))) == Result.FALSE;
    }

    /** What is to become of a document: a new version (null: none any more), or nothing. */
    private record Change(Done done, boolean changed, StoredDocument version) {
        static Change to(StoredDocument version) { return new Change(Done.SUCCESS, true, version); }
        static Change none() { return new Change(Done.SUCCESS, false, null); }
        static Change failed(Done done) { return new Change(done, false, null); }
    }

    private interface Step {
        Change on(StoredDocument before);
    }

    private Done change(DocumentId id, TestAndSetCondition condition, Step step) {
        DocumentSelector selector;
        try {
            selector = condition.isPresent() && !condition.getSelection().isEmpty()
                    ? new DocumentSelector(condition.getSelection()) : null;
        } catch (ParseException e) {
            return Done.rejected("ReturnCode(ILLEGAL_PARAMETERS, Failed to parse test and set condition: " + e.getMessage() + ")");
        }
        Done[] done = new Done[1];
        store.change(id, before -> {
            Change change = before != null && !met(condition, selector, before)
                    ? Change.failed(Done.CONDITION_FAILED) : step.on(before);
            done[0] = change.done();
            return change.changed() ? change.version() : before;
        });
        return done[0];
    }

    /** A required timestamp alone decides when there is one, as in Vespa's backend. */
    private boolean met(TestAndSetCondition condition, DocumentSelector selector, StoredDocument before) {
        if (condition.requiredTimestamp() != 0) return condition.requiredTimestamp() == before.timestampUs();
        return selector == null || selector.accepts(new DocumentPut(documents.read(before))) == Result.TRUE;
    }
}
