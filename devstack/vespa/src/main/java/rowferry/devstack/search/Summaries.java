package rowferry.devstack.search;

import com.yahoo.document.Document;
import com.yahoo.document.DocumentId;
import com.yahoo.document.datatypes.FieldValue;
import com.yahoo.search.Query;
import com.yahoo.search.result.Hit;
import com.yahoo.search.schema.DocumentSummary;
import com.yahoo.search.schema.Schema;
import com.yahoo.search.schema.SchemaInfo;
import rowferry.devstack.store.Documents;
import rowferry.devstack.store.StoredDocument;

import java.util.HexFormat;
import java.util.List;
import java.util.Set;

/** What a hit shows of its document: the fields of its summary class, less those the query did not select. */
final class Summaries {

    private static final String DEFAULT = "default";
    private static final String DOCUMENT_ID = "documentid";

    private final SchemaInfo schemas;
    private final Documents documents;

    Summaries(SchemaInfo schemas, Documents documents) {
        this.schemas = schemas;
        this.documents = documents;
    }

    /** Says what is wrong with the summary class or rank profile of the query, or null. */
    String invalid(Query query, List<String> types) {
        String summary = query.getPresentation().getSummary();
        String profile = query.getRanking().getProfile();
        for (String type : types) {
            Schema schema = schemas.schemas().get(type);
            if (summary != null && !summary.isEmpty() && !schema.documentSummaries().containsKey(summary)) {
                return "invalid presentation.summary=" + summary + ": " + schema + " has no such document summary";
            }
            if (!schema.rankProfiles().containsKey(profile)) return schema + " does not contain requested rank profile '" + profile + "'";
        }
        return null;
    }

    /** A hit with its fields; {@code source} is the content cluster it is said to come from. */
    Hit hit(StoredDocument stored, double score, Query query, String source) {
        String summaryClass = query.getPresentation().getSummary();
        Hit hit = new Hit(shownId(stored, summaryClass, query, source), score, query);
        hit.setSource(source);
        fill(hit, stored, summaryClass, query);
        return hit;
    }

    /** A hit is named by its document only when the id is among its fields, as Vespa has it. */
    private String shownId(StoredDocument stored, String summaryClass, Query query, String source) {
        Set<String> selected = query.getPresentation().getSummaryFields();
        boolean known = fields(stored.type(), summaryClass).contains(DOCUMENT_ID)
                && (selected.isEmpty() || selected.contains(DOCUMENT_ID));
        return known ? stored.id()
                : "index:" + source + "/0/" + HexFormat.of().formatHex(new DocumentId(stored.id()).getGlobalId());
    }

    void fill(Hit hit, StoredDocument stored, String summaryClass, Query query) {
        Document document = documents.read(stored);
        Set<String> selected = query.getPresentation().getSummaryFields();
        hit.setField(Hit.SDDOCNAME_FIELD, stored.type());
        for (String name : fields(stored.type(), summaryClass)) {
            if (!selected.isEmpty() && !selected.contains(name)) continue;
            if (name.equals(DOCUMENT_ID)) {
                hit.setField(DOCUMENT_ID, stored.id());
            } else if (document.getDataType().hasField(name)) {
                FieldValue value = document.getFieldValue(name);
                if (value != null) hit.setField(name, value);
            }
        }
    }

    private Set<String> fields(String type, String summaryClass) {
        Schema schema = schemas.schemas().get(type);
        DocumentSummary summary = summaryClass == null ? null : schema.documentSummaries().get(summaryClass);
        return (summary == null ? schema.documentSummaries().get(DEFAULT) : summary).fields().keySet();
    }
}
