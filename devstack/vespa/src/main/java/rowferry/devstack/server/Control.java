package rowferry.devstack.server;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import rowferry.devstack.store.DocumentStore;
import rowferry.devstack.store.Operations;

import java.util.Map;
import java.util.Optional;

/**
 * What tests may ask of the server beside Vespa's own API, all below {@code /rowferry/}:
 * {@code PUT|GET|DELETE faults}, {@code POST expire} ({@code {"now": seconds}} or nothing), {@code GET stats}.
 */
public final class Control {

    private final ObjectMapper json = new ObjectMapper();
    private final Faults faults;
    private final DocumentStore store;
    private final Operations operations;

    public Control(Faults faults, DocumentStore store, Operations operations) {
        this.faults = faults;
        this.store = store;
        this.operations = operations;
    }

    /** The JSON answer, or empty when there is no such thing; throws IllegalArgumentException for a wrong body. */
    Optional<String> answer(String method, String path, String body) throws JsonProcessingException {
        return switch (method + " " + path) {
            case "PUT /rowferry/faults" -> {
                addFaults(json.readTree(body));
                yield Optional.of(listFaults());
            }
            case "GET /rowferry/faults" -> Optional.of(listFaults());
            case "DELETE /rowferry/faults" -> {
                faults.clear();
                yield Optional.of(listFaults());
            }
            case "POST /rowferry/expire" -> Optional.of(expire(body));
            case "GET /rowferry/stats" -> Optional.of(stats());
            default -> Optional.empty();
        };
    }

    /** One fault, or a list of them, which are added to those that are set. */
    private void addFaults(JsonNode body) throws JsonProcessingException {
        if (!body.isObject() && !body.isArray()) throw new IllegalArgumentException("expected a fault or a list of faults");
        for (JsonNode each : body.isArray() ? body : json.createArrayNode().add(body)) {
            faults.add(json.treeToValue(each, Fault.class));
        }
    }

    private String listFaults() throws JsonProcessingException {
        return json.writeValueAsString(Map.of("faults", faults.list()));
    }

    private String expire(String body) throws JsonProcessingException {
        JsonNode now = body.isBlank() ? null : json.readTree(body).get("now");
        if (now != null && !now.isIntegralNumber()) throw new IllegalArgumentException("expected now in whole seconds, got " + now);
        int removed = operations.expire(now == null ? System.currentTimeMillis() / 1000 : now.asLong());
        return json.createObjectNode().put("removed", removed).toString();
    }

    private String stats() {
        ObjectNode answer = json.createObjectNode();
        ObjectNode documents = answer.putObject("documents");
        store.counts().forEach(documents::put);
        return answer.toString();
    }
}
