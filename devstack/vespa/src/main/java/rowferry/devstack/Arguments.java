package rowferry.devstack;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * The command line.
 *
 * @param application directory of the application package
 * @param port        TCP port on 127.0.0.1
 * @param data        directory for the documents and all that the container writes
 * @param readyFile   written when the server answers, or null
 * @param tied        stop when standard input closes
 */
record Arguments(Path application, int port, Path data, Path readyFile, boolean tied) {

    private static final String USAGE = "usage: VespaServer --application DIR --port PORT --data DIR [--ready-file F] [--tied]";
    private static final Set<String> WITH_VALUE = Set.of("--application", "--port", "--data", "--ready-file");

    static Arguments parse(String[] args) {
        Map<String, String> values = new HashMap<>();
        boolean tied = false;
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals("--tied")) tied = true;
            else if (WITH_VALUE.contains(args[i]) && i + 1 < args.length) values.put(args[i], args[++i]);
            else throw new IllegalArgumentException("unexpected argument '" + args[i] + "'; " + USAGE);
        }
        for (String needed : new String[] {"--application", "--port", "--data"}) {
            if (!values.containsKey(needed)) throw new IllegalArgumentException("missing " + needed + "; " + USAGE);
        }
        Path application = Path.of(values.get("--application")).toAbsolutePath();
        if (!Files.isRegularFile(application.resolve("services.xml"))) {
            throw new IllegalArgumentException("expected services.xml in " + application);
        }
        Path data = Path.of(values.get("--data")).toAbsolutePath();
        Path readyFile = values.containsKey("--ready-file") ? Path.of(values.get("--ready-file")) : null;
        return new Arguments(application, port(values.get("--port")), data, readyFile, tied);
    }

    private static int port(String text) {
        try {
            int port = Integer.parseInt(text);
            if (port >= 1 && port <= 65535) return port;
        } catch (NumberFormatException e) {
            // the same answer as for a number out of range
        }
        throw new IllegalArgumentException("expected a port of 1 to 65535, got '" + text + "'");
    }
}
