package rowferry.devstack.server;

import rowferry.devstack.store.DocumentStore;

/**
 * What main opened, for the components that Vespa's container makes: it injects its own things only.
 * There is one server in a JVM.
 */
public final class Running {

    private static volatile DocumentStore store;
    private static final Faults FAULTS = new Faults();

    private Running() {}

    public static void use(DocumentStore opened) {
        store = opened;
    }

    public static DocumentStore store() { return store; }

    public static Faults faults() { return FAULTS; }
}
