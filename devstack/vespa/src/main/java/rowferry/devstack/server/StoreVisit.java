package rowferry.devstack.server;

import com.yahoo.document.BucketIdFactory;
import com.yahoo.document.Document;
import com.yahoo.document.DocumentPut;
import com.yahoo.document.fieldset.FieldSet;
import com.yahoo.document.fieldset.FieldSetRepo;
import com.yahoo.document.select.DocumentSelector;
import com.yahoo.document.select.Result;
import com.yahoo.document.select.parser.ParseException;
import com.yahoo.documentapi.AckToken;
import com.yahoo.documentapi.ProgressToken;
import com.yahoo.documentapi.VisitorControlHandler;
import com.yahoo.documentapi.VisitorControlHandler.CompletionCode;
import com.yahoo.documentapi.VisitorDataHandler;
import com.yahoo.documentapi.VisitorIterator;
import com.yahoo.documentapi.VisitorParameters;
import com.yahoo.documentapi.VisitorResponse;
import com.yahoo.documentapi.VisitorSession;
import com.yahoo.documentapi.messagebus.protocol.PutDocumentMessage;
import com.yahoo.messagebus.Trace;
import com.yahoo.vdslib.VisitorStatistics;
import rowferry.devstack.store.DocumentStore;
import rowferry.devstack.store.Documents;
import rowferry.devstack.store.StoredDocument;

import java.util.concurrent.Semaphore;
import java.util.function.Predicate;

/**
 * One visit: hands out the documents that match, bucket by bucket, in a thread of its own.
 *
 * <p>Rule 1: a continuation counts whole buckets, so resuming neither skips nor repeats a document that
 * was not written meanwhile. Rule 2: with a wanted number of documents it stops at the end of the bucket that
 * reaches it. Rule 3: at most {@link #MAX_PENDING} documents wait to be acknowledged.
 */
public final class StoreVisit implements VisitorSession {

    private static final int MAX_PENDING = 512;

    private final DocumentStore store;
    private final Documents documents;
    private final VisitorParameters parameters;
    private final Predicate<String> typeInSpace;
    private final DocumentSelector selector;
    private final FieldSet fields;
    private final FieldSetRepo fieldSets = new FieldSetRepo();
    private final ProgressToken progress;
    private final VisitorIterator buckets;
    private final VisitorDataHandler data;
    private final VisitorControlHandler control;
    private final VisitorStatistics statistics = new VisitorStatistics();
    private final Semaphore window = new Semaphore(MAX_PENDING);
    private volatile boolean aborted;

    /** {@code typeInSpace} tells which document types lie in the bucket space that is visited. */
    public StoreVisit(DocumentStore store, Documents documents, VisitorParameters parameters, Predicate<String> typeInSpace)
            throws ParseException {
        this.store = store;
        this.documents = documents;
        this.parameters = parameters;
        this.typeInSpace = typeInSpace;
        this.selector = new DocumentSelector(parameters.getDocumentSelection());
        this.fields = fieldSets.parse(documents.types(), parameters.getFieldSet());
        this.progress = parameters.getResumeToken() == null ? new ProgressToken() : parameters.getResumeToken();
        this.buckets = VisitorIterator.createFromDocumentSelection(parameters.getDocumentSelection(), new BucketIdFactory(),
                DocumentStore.BUCKET_BITS, progress, parameters.getSlices(), parameters.getSliceId());
        this.data = parameters.getLocalDataHandler();
        this.control = parameters.getControlHandler() == null ? new VisitorControlHandler() : parameters.getControlHandler();
    }

    public void start() {
        if (data != null) {
            data.reset();
            data.setSession(this);
        }
        control.reset();
        control.setSession(this);
        Thread thread = new Thread(this::run, "visit");
        thread.setDaemon(true);
        thread.start();
    }

    private void run() {
        CompletionCode code = CompletionCode.FAILURE;
        String message = "Visiting failed";
        try {
            code = visitBuckets();
            message = code.toString();
            window.acquire(MAX_PENDING); // all documents are acknowledged
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            code = CompletionCode.FAILURE;
            message = e.toString();
        } finally {
            if (data != null) data.onDone();
            control.onDone(code, message);
        }
    }

    private CompletionCode visitBuckets() throws InterruptedException {
        long timeoutMs = parameters.getSessionTimeoutMs();
        long deadlineNs = timeoutMs < 0 ? Long.MAX_VALUE : System.nanoTime() + timeoutMs * 1_000_000;
        while (buckets.hasNext()) {
            if (aborted) return CompletionCode.ABORTED;
            if (timeoutMs >= 0 && System.nanoTime() - deadlineNs > 0) return CompletionCode.TIMEOUT;
            VisitorIterator.BucketProgress bucket = buckets.getNext();
            store.forEachIn(bucket.getSuperbucket(), this::visit);
            if (aborted) return CompletionCode.ABORTED;
            buckets.update(bucket.getSuperbucket(), ProgressToken.FINISHED_BUCKET);
            statistics.setBucketsVisited(statistics.getBucketsVisited() + 1);
            control.onProgress(progress);
            control.onVisitorStatistics(statistics);
            if (parameters.getMaxTotalHits() >= 0 && statistics.getDocumentsReturned() >= parameters.getMaxTotalHits()) break;
        }
        return CompletionCode.SUCCESS;
    }

    private void visit(StoredDocument stored) {
        if (aborted || !typeInSpace.test(stored.type()) || !documents.knows(stored) || !inTime(stored)) return;
        Document document = documents.read(stored);
        if (selector.accepts(new DocumentPut(document)) != Result.TRUE) return;
        statistics.setDocumentsVisited(statistics.getDocumentsVisited() + 1);
        statistics.setDocumentsReturned(statistics.getDocumentsReturned() + 1);
        if (data == null) return;
        fieldSets.stripFields(document, fields);
        PutDocumentMessage message = new PutDocumentMessage(new DocumentPut(document));
        message.setPersistedTimestamp(stored.timestampUs());
        window.acquireUninterruptibly();
        data.onMessage(message, new AckToken(stored.id()));
    }

    private boolean inTime(StoredDocument stored) {
        return stored.timestampUs() >= parameters.getFromTimestamp()
                && (parameters.getToTimestamp() == 0 || stored.timestampUs() <= parameters.getToTimestamp());
    }

    @Override
    public boolean isDone() { return control.isDone(); }

    @Override
    public ProgressToken getProgress() { return progress; }

    @Override
    public Trace getTrace() { return new Trace(); }

    @Override
    public boolean waitUntilDone(long timeoutMs) throws InterruptedException {
        return control.waitUntilDone(timeoutMs);
    }

    @Override
    public void ack(AckToken token) { window.release(); }

    @Override
    public void abort() { aborted = true; }

    @Override
    public VisitorResponse getNext() {
        return data.getNext();
    }

    @Override
    public VisitorResponse getNext(int timeoutMilliseconds) throws InterruptedException {
        return data.getNext(timeoutMilliseconds);
    }

    @Override
    public void destroy() {
        abort();
        try {
            control.waitUntilDone(0);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
