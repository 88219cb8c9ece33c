package rowferry.devstack.search;

import com.yahoo.document.Document;
import com.yahoo.document.DocumentType;
import com.yahoo.language.Linguistics;
import com.yahoo.prelude.IndexFacts;
import rowferry.devstack.store.DocumentStore;
import rowferry.devstack.store.Documents;
import rowferry.devstack.store.StoredDocument;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The searchable views of all documents, and the fields of their types. */
final class Views {

    private final Documents documents;
    private final FieldValues values;
    private final Map<String, TypeFields> fields = new HashMap<>();

    /** {@code fieldSets}: by document type and name of the set, the fields in it. */
    Views(Documents documents, Iterable<String> types, IndexFacts facts, Linguistics linguistics,
          Map<String, Map<String, List<String>>> fieldSets) {
        this.documents = documents;
        this.values = new FieldValues(new Words(linguistics));
        for (String name : types) {
            DocumentType type = documents.types().getDocumentType(name);
            fields.put(name, new TypeFields(type, facts, fieldSets.getOrDefault(name, Map.of())));
        }
    }

    TypeFields fields(String type) {
        return fields.get(type);
    }

    DocumentView of(StoredDocument stored) {
        return DocumentView.of(stored, fields(stored.type()), documents, values);
    }

    /** Makes the view of a new version while its document is at hand. */
    void refresh(StoredDocument stored, Document document) {
        DocumentView.keep(stored, fields(stored.type()), documents, values, document);
    }

    /** Makes, aside, the views of the documents that were there before. */
    void prepare(DocumentStore store) {
        Thread thread = new Thread(() -> store.forEach(stored -> {
            if (fields.containsKey(stored.type())) of(stored);
        }), "prepare-views");
        thread.setDaemon(true);
        thread.start();
    }
}
