package rowferry.devstack;

import com.yahoo.vespa.defaults.Defaults;

import java.lang.reflect.Field;
import java.nio.file.Path;

/** Where Vespa writes its files. It takes the place from the environment only, which Java cannot set for itself. */
final class VespaHome {

    private VespaHome() {}

    static void set(Path directory) {
        try {
            Field home = Defaults.class.getDeclaredField("vespaHome");
            home.setAccessible(true);
            home.set(Defaults.getDefaults(), directory.toString());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this version of Vespa keeps its home elsewhere", e);
        }
    }
}
