package rowferry.devstack.search;

import com.yahoo.document.Document;
import rowferry.devstack.search.SearchField.Kind;
import rowferry.devstack.store.Documents;
import rowferry.devstack.store.StoredDocument;

import java.lang.ref.SoftReference;

/**
 * The values of one version of a document, ready to be matched.
 *
 * <p>Attributes are kept; words and elements are made when first asked for, and given up when memory is short.
 */
final class DocumentView implements Values {

    private static final Object MISSING = new Object();

    private final StoredDocument stored;
    private final TypeFields fields;
    private final Documents documents;
    private final FieldValues values;
    private final Object[] cheap;
    private SoftReference<Object[]> costly = new SoftReference<>(null);

    private DocumentView(StoredDocument stored, TypeFields fields, Documents documents, FieldValues values, Document document) {
        this.stored = stored;
        this.fields = fields;
        this.documents = documents;
        this.values = values;
        this.cheap = new Object[fields.size()];
        for (SearchField field : fields.all()) {
            if (field.isCheap()) cheap[field.slot()] = values.of(field, document.getFieldValue(field.name()));
        }
    }

    /** The view of this version, made when there is none yet. */
    static DocumentView of(StoredDocument stored, TypeFields fields, Documents documents, FieldValues values) {
        if (stored.view() instanceof DocumentView view) return view;
        return keep(stored, fields, documents, values, documents.read(stored));
    }

    /** Makes the view of a version from its document and keeps it with it. */
    static DocumentView keep(StoredDocument stored, TypeFields fields, Documents documents, FieldValues values, Document document) {
        DocumentView view = new DocumentView(stored, fields, documents, values, document);
        stored.keepView(view);
        return view;
    }

    StoredDocument stored() { return stored; }

    TypeFields fields() { return fields; }

    @Override
    public Object get(SearchField field) {
        return field.isCheap() ? cheap[field.slot()] : costly(field);
    }

    private synchronized Object costly(SearchField field) {
        Object[] kept = costly.get();
        if (kept == null) {
            kept = new Object[fields.size()];
            costly = new SoftReference<>(kept);
        }
        if (kept[field.slot()] == null) make(field, kept);
        Object value = kept[field.slot()];
        return value == MISSING ? null : value;
    }

    /** Reading the document costs more than all its words, so all texts are made at once; elements take much memory. */
    private void make(SearchField wanted, Object[] kept) {
        Document document = documents.read(stored);
        for (SearchField field : fields.all()) {
            if (field.slot() != wanted.slot() && (wanted.kind() != Kind.TEXT || field.kind() != Kind.TEXT)) continue;
            Object made = values.of(field, document.getFieldValue(field.name()));
            kept[field.slot()] = made == null ? MISSING : made;
        }
    }
}
