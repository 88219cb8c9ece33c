package com.yahoo.container.core.documentapi;

import com.yahoo.component.annotation.Inject;
import com.yahoo.document.config.DocumentmanagerConfig;
import com.yahoo.document.select.parser.ParseException;
import com.yahoo.documentapi.AsyncParameters;
import com.yahoo.documentapi.AsyncSession;
import com.yahoo.documentapi.SubscriptionParameters;
import com.yahoo.documentapi.SubscriptionSession;
import com.yahoo.documentapi.SyncParameters;
import com.yahoo.documentapi.SyncSession;
import com.yahoo.documentapi.VisitorDestinationParameters;
import com.yahoo.documentapi.VisitorDestinationSession;
import com.yahoo.documentapi.VisitorParameters;
import com.yahoo.documentapi.VisitorSession;
import com.yahoo.documentapi.messagebus.protocol.DocumentProtocolPoliciesConfig;
import com.yahoo.messagebus.MessagebusConfig;
import com.yahoo.vespa.config.content.AllClustersBucketSpacesConfig;
import rowferry.devstack.server.Running;
import rowferry.devstack.server.StoreSession;
import rowferry.devstack.server.StoreVisit;
import rowferry.devstack.store.ClusterSelection;
import rowferry.devstack.store.DocumentStore;
import rowferry.devstack.store.Documents;
import rowferry.devstack.store.Operations;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Stands where the container has its client of the content nodes, and serves our store instead.
 *
 * <p>The container's injection prefers a plain component to a provider of the same type, so declaring this
 * class is enough. It lies in this package because the constructor above it is package-private.
 */
public final class StoreDocumentAccess extends VespaDocumentAccess {

    /** System property: seconds between two removals of expired documents. */
    private static final String EXPIRY_INTERVAL = "rowferry.expiry.interval.s";
    private static final long EXPIRY_INTERVAL_DEFAULT_S = 300;

    private final DocumentStore store = Running.store();
    private final Documents documents;
    private final Operations operations;
    private final Map<String, String> bucketSpaces = new HashMap<>();
    private final ScheduledExecutorService later = daemon("store-later");
    private final ScheduledExecutorService expiry = daemon("store-expiry");

    @Inject
    public StoreDocumentAccess(DocumentmanagerConfig types, MessagebusConfig messagebus,
                               AllClustersBucketSpacesConfig spaces, DocumentProtocolPoliciesConfig policies) {
        super(types, "client", messagebus);
        documents = new Documents(getDocumentTypeManager());
        // One store stands for all the content clusters: it takes what one of them takes.
        String selection = policies.cluster().values().stream()
                .map(cluster -> "(" + cluster.selector() + ")").collect(Collectors.joining(" or "));
        operations = new Operations(store, documents, new ClusterSelection(selection));
        spaces.cluster().values().forEach(cluster ->
                cluster.documentType().forEach((type, space) -> bucketSpaces.put(type, space.bucketSpace())));
        expireEvery(Long.getLong(EXPIRY_INTERVAL, EXPIRY_INTERVAL_DEFAULT_S));
    }

    public DocumentStore store() { return store; }

    public Documents documents() { return documents; }

    public Operations operations() { return operations; }

    private void expireEvery(long seconds) {
        expiry.scheduleWithFixedDelay(() -> operations.expire(System.currentTimeMillis() / 1000), seconds, seconds, TimeUnit.SECONDS);
    }

    @Override
    public AsyncSession createAsyncSession(AsyncParameters parameters) {
        return new StoreSession(operations, getDocumentTypeManager(), Running.faults(), later, parameters.getResponseHandler());
    }

    @Override
    public VisitorSession createVisitorSession(VisitorParameters parameters) throws ParseException {
        StoreVisit visit = new StoreVisit(store, documents, parameters,
                type -> parameters.getBucketSpace().equals(bucketSpaces.get(type)));
        visit.start();
        return visit;
    }

    @Override
    public SyncSession createSyncSession(SyncParameters parameters) {
        throw unsupported("synchronous sessions");
    }

    @Override
    public VisitorDestinationSession createVisitorDestinationSession(VisitorDestinationParameters parameters) {
        throw unsupported("visitor destinations");
    }

    @Override
    public SubscriptionSession createSubscription(SubscriptionParameters parameters) {
        throw unsupported("subscriptions");
    }

    @Override
    public SubscriptionSession openSubscription(SubscriptionParameters parameters) {
        throw unsupported("subscriptions");
    }

    @Override
    void protectedShutdown() {
        later.shutdownNow();
        expiry.shutdownNow();
    }

    private static ScheduledExecutorService daemon(String name) {
        return Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        });
    }

    private static UnsupportedOperationException unsupported(String what) {
        return new UnsupportedOperationException("this server has no content nodes, so no " + what);
    }
}
