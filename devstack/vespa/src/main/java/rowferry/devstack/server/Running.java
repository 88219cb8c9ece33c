package rowferry.devstack.server;

import rowferry.devstack.store.DocumentStore;

import java.util.List;
import java.util.Map;

/**
 * What main opened, for the components that Vespa's container makes: it injects its own things only.
 * There is one server in a JVM.
 */
public final class Running {

    private static volatile DocumentStore store;
    private static volatile Map<String, Map<String, List<String>>> fieldSets;
    private static final Faults FAULTS = new Faults();

    private Running() {}

    public static void use(DocumentStore opened, Map<String, Map<String, List<String>>> sets) {
        store = opened;
        fieldSets = sets;
    }

    public static DocumentStore store() { return store; }

    /** By document type and name of the set, the fields in it: the container is not told of them. */
    public static Map<String, Map<String, List<String>>> fieldSets() { return fieldSets; }

    public static Faults faults() { return FAULTS; }
}
