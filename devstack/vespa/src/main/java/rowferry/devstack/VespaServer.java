package rowferry.devstack;

import com.yahoo.application.Application;
import com.yahoo.application.Networking;
import com.yahoo.yolean.Exceptions;
import rowferry.devstack.application.ApplicationModel;
import rowferry.devstack.application.ContainerPackage;
import rowferry.devstack.server.Running;
import rowferry.devstack.store.DocumentStore;
import sun.misc.Signal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;

/** Runs Vespa's Java container over the document store, until told to stop. */
public final class VespaServer {

    private static final Logger ROOT = Logger.getLogger("");

    private VespaServer() {}

    /** Exit codes: 0 stopped, 1 wrong application package or data that cannot be read, 2 wrong arguments. */
    public static void main(String[] args) {
        ROOT.setLevel(Level.SEVERE);
        System.setProperty("slf4j.internal.verbosity", "ERROR"); // Vespa brings no binding for its slf4j
        System.setProperty("java.net.preferIPv4Stack", "true"); // 127.0.0.1, not its IPv6 form
        Signal.handle(new Signal("TERM"), signal -> stop());
        Signal.handle(new Signal("INT"), signal -> stop());
        Arguments arguments = null;
        try {
            arguments = Arguments.parse(args);
        } catch (IllegalArgumentException e) {
            fail(2, e.getMessage());
        }
        try {
            run(arguments);
        } catch (ApplicationModel.Invalid | IOException e) {
            fail(1, e.getMessage());
        } catch (CompletionException e) {
            fail(1, e.getCause().getMessage());
        } catch (RuntimeException | Error e) {
            fail(1, "the container does not start: " + Exceptions.toMessageString(e));
        }
    }

    private static void run(Arguments arguments) throws IOException, ApplicationModel.Invalid {
        long startedNs = System.nanoTime();
        Path work = prepare(arguments.data());
        CompletableFuture<DocumentStore> store = CompletableFuture.supplyAsync(() -> open(arguments.data()));
        ApplicationModel model = ApplicationModel.of(arguments.application());
        new ContainerPackage(model, arguments.port()).write(arguments.application(), work.resolve("application"));
        Running.use(store.join(), model.fieldSets());
        Application.fromApplicationPackage(work.resolve("application"), Networking.enable);
        if (arguments.tied()) exitWithParent();
        String ready = "ready on http://127.0.0.1:" + arguments.port() + " after "
                + (System.nanoTime() - startedNs) / 1_000_000 + " ms";
        if (arguments.readyFile() != null) Files.writeString(arguments.readyFile(), ready + "\n");
        System.out.println(ready);
    }

    private static DocumentStore open(Path data) {
        try {
            return DocumentStore.open(data);
        } catch (IOException e) {
            throw new CompletionException("cannot open the documents in " + data + ": " + e.getMessage(), e);
        }
    }

    /** Everything that Vespa writes goes below the data directory, into a new folder. */
    private static Path prepare(Path data) throws IOException {
        Path work = data.resolve("run");
        if (Files.exists(work)) {
            try (Stream<Path> old = Files.walk(work)) {
                old.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
            }
        }
        Files.createDirectories(work.resolve("tmp"));
        System.setProperty("java.io.tmpdir", work.resolve("tmp").toString());
        VespaHome.set(work.resolve("home"));
        System.setProperty("vespa.log.target", "file:" + work.resolve("vespa.log"));
        return work;
    }

    private static void exitWithParent() {
        Thread thread = new Thread(() -> {
            try {
                while (System.in.read() >= 0) { }
            } catch (IOException e) {
                // gone is gone
            }
            stop();
        }, "tied");
        thread.setDaemon(true);
        thread.start();
    }

    /** At once: every answered write is in the log already, and Vespa's orderly shutdown takes seconds. */
    private static void stop() {
        Runtime.getRuntime().halt(0);
    }

    private static void fail(int code, String message) {
        System.err.println(String.valueOf(message).replaceAll("\\s+", " ").strip());
        System.err.flush();
        Runtime.getRuntime().halt(code);
    }
}
