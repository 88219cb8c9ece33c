package rowferry.devstack.server;

import com.yahoo.document.Document;
import com.yahoo.document.DocumentId;
import com.yahoo.document.DocumentPut;
import com.yahoo.document.DocumentRemove;
import com.yahoo.document.DocumentTypeManager;
import com.yahoo.document.DocumentUpdate;
import com.yahoo.document.fieldset.FieldSetRepo;
import com.yahoo.documentapi.AsyncSession;
import com.yahoo.documentapi.DocumentOperationParameters;
import com.yahoo.documentapi.DocumentResponse;
import com.yahoo.documentapi.Response;
import com.yahoo.documentapi.Response.Outcome;
import com.yahoo.documentapi.ResponseHandler;
import com.yahoo.documentapi.Result;
import com.yahoo.documentapi.Result.ResultType;
import rowferry.devstack.store.Operations;
import rowferry.devstack.store.Operations.Done;

import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/**
 * The session through which the real /document/v1 handler writes and reads the store.
 *
 * <p>Operations are carried out in the calling thread, so the answer is there when the call returns;
 * {@link Faults} can refuse, delay or fail them.
 */
public final class StoreSession implements AsyncSession {

    private static final double WINDOW = 1000;

    private final Operations operations;
    private final DocumentTypeManager types;
    private final Faults faults;
    private final ScheduledExecutorService later;
    private final ResponseHandler fallback;
    private final BlockingQueue<Response> unhandled = new LinkedBlockingQueue<>();
    private final AtomicLong lastRequest = new AtomicLong();

    /** {@code fallback} takes the responses of operations that bring no handler of their own; null: {@link #getNext}. */
    public StoreSession(Operations operations, DocumentTypeManager types, Faults faults,
                        ScheduledExecutorService later, ResponseHandler fallback) {
        this.operations = operations;
        this.types = types;
        this.faults = faults;
        this.later = later;
        this.fallback = fallback == null ? unhandled::add : fallback;
    }

    @Override
    public Result put(Document document) {
        return put(new DocumentPut(document));
    }

    @Override
    public Result put(DocumentPut put, DocumentOperationParameters parameters) {
        return send("POST", put.getId(), parameters, request -> response(request, operations.put(put)));
    }

    @Override
    public Result update(DocumentUpdate update) {
        return update(update, DocumentOperationParameters.parameters());
    }

    @Override
    public Result update(DocumentUpdate update, DocumentOperationParameters parameters) {
        return send("PUT", update.getId(), parameters, request -> response(request, operations.update(update)));
    }

    @Override
    public Result remove(DocumentId id) {
        return remove(new DocumentRemove(id), DocumentOperationParameters.parameters());
    }

    @Override
    public Result remove(DocumentRemove remove, DocumentOperationParameters parameters) {
        return send("DELETE", remove.getId(), parameters, request -> response(request, operations.remove(remove)));
    }

    @Override
    public Result get(DocumentId id) {
        return get(id, DocumentOperationParameters.parameters());
    }

    @Override
    public Result get(DocumentId id, DocumentOperationParameters parameters) {
        return send("GET", id, parameters, request -> new DocumentResponse(request, withFields(operations.get(id), parameters)));
    }

    @Override
    public double getCurrentWindowSize() { return WINDOW; }

    @Override
    public Response getNext() { return unhandled.poll(); }

    @Override
    public Response getNext(int timeoutMilliseconds) throws InterruptedException {
        return unhandled.poll(timeoutMilliseconds, TimeUnit.MILLISECONDS);
    }

    @Override
    public void destroy() { unhandled.clear(); }

    private Document withFields(Document document, DocumentOperationParameters parameters) {
        if (document != null) {
            FieldSetRepo sets = new FieldSetRepo();
            parameters.fieldSet().ifPresent(fields -> sets.stripFields(document, sets.parse(types, fields)));
        }
        return document;
    }

    private Result send(String method, DocumentId id, DocumentOperationParameters parameters, Function<Long, Response> operation) {
        Optional<Fault> fault = faults.inStore(method, id.toString());
        if (fault.isPresent() && fault.get().blocked()) {
            return new Result(ResultType.TRANSIENT_ERROR, Result.toError(ResultType.TRANSIENT_ERROR));
        }
        long request = lastRequest.incrementAndGet();
        ResponseHandler handler = parameters.responseHandler().orElse(fallback);
        Runnable run = () -> handler.handleResponse(fault.map(f -> struck(f, request, operation)).orElseGet(() -> run(request, operation)));
        if (fault.isPresent() && fault.get().delayMs() > 0) later.schedule(run, fault.get().delayMs(), TimeUnit.MILLISECONDS);
        else run.run();
        return new Result(request);
    }

    private static Response struck(Fault fault, long request, Function<Long, Response> operation) {
        if (fault.applied()) run(request, operation);
        return switch (fault.status()) {
            case 429 -> new Response(request, "ReturnCode(BUSY, fault on demand)", Outcome.OVERLOAD);
            case 504 -> new Response(request, "ReturnCode(TIMEOUT, fault on demand)", Outcome.TIMEOUT);
            case 507 -> new Response(request, "ReturnCode(NO_SPACE, External feed is blocked due to resource exhaustion: fault on demand)",
                                     Outcome.INSUFFICIENT_STORAGE);
            default -> new Response(request, "ReturnCode(INTERNAL_FAILURE, fault on demand)", Outcome.ERROR);
        };
    }

    private static Response run(long request, Function<Long, Response> operation) {
        try {
            return operation.apply(request);
        } catch (IllegalArgumentException e) {
            return new Response(request, e.getMessage(), Outcome.REJECTED);
        } catch (RuntimeException e) {
            return new Response(request, e.toString(), Outcome.ERROR);
        }
    }

    private static Response response(long request, Done done) {
        return new Response(request, done.message(), done.outcome());
    }
}
