package rowferry.devstack.application;

import com.yahoo.config.ConfigInstance;
import com.yahoo.config.model.NullConfigModelRegistry;
import com.yahoo.config.model.application.provider.FilesApplicationPackage;
import com.yahoo.config.model.deploy.DeployState;
import com.yahoo.config.model.deploy.TestProperties;
import com.yahoo.schema.Schema;
import com.yahoo.vespa.model.VespaModel;
import com.yahoo.vespa.model.application.validation.Validation;
import com.yahoo.config.model.api.ValidationParameters;
import com.yahoo.yolean.Exceptions;
import org.xml.sax.SAXException;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The whole Vespa system that an application package describes, as a config server would build and validate it.
 *
 * <p>The container that runs knows only its own part; what it must know of the content clusters is read here.
 */
public final class ApplicationModel {

    /** The application package is wrong; the message is Vespa's own. */
    public static final class Invalid extends Exception {
        Invalid(Exception cause) {
            super(Exceptions.toMessageString(cause), cause);
        }
    }

    private final VespaModel model;
    private final List<Schema> schemas;

    private ApplicationModel(VespaModel model, List<Schema> schemas) {
        this.model = model;
        this.schemas = schemas;
    }

    /** Parses, derives and validates everything in the directory. */
    public static ApplicationModel of(Path application) throws Invalid {
        try {
            DeployState state = new DeployState.Builder()
                    .applicationPackage(FilesApplicationPackage.fromDir(application.toFile(), true, Map.of()))
                    .properties(new TestProperties())
                    .accessLoggingEnabledByDefault(false)
                    .deployLogger((level, message) -> { })
                    .build();
            VespaModel model = new VespaModel(new NullConfigModelRegistry(), state);
            new Validation().validate(model, new ValidationParameters(), state);
            return new ApplicationModel(model, state.getSchemas());
        } catch (IOException | SAXException | RuntimeException e) {
            throw new Invalid(e);
        }
    }

    /** By document type and name of the set, the fields in it. */
    public Map<String, Map<String, List<String>>> fieldSets() {
        Map<String, Map<String, List<String>>> byType = new HashMap<>();
        for (Schema schema : schemas) {
            Map<String, List<String>> sets = new HashMap<>();
            schema.fieldSets().userFieldSets().forEach((name, set) -> sets.put(name, List.copyOf(set.getFieldNames())));
            byType.put(schema.getName(), sets);
        }
        return byType;
    }

    /** The config that any service of the system would get. */
    public <T extends ConfigInstance> T config(Class<T> type) {
        return model.getConfig(type, "client");
    }
}
