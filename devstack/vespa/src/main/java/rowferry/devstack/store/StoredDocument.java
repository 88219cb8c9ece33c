package rowferry.devstack.store;

import com.yahoo.document.DocumentId;

/**
 * One version of one document: its serialized form and when it was written.
 *
 * <p>Immutable but for {@link #view}, a cache of what searching needs, which is made from the body
 * when first asked for. Keeping bytes instead of field values takes a fifth of the memory.
 */
public final class StoredDocument {

    private final String id;
    private final String type;
    private final long timestampUs;
    private final byte[] body;
    private volatile Object view;

    StoredDocument(String id, long timestampUs, byte[] body) {
        this(id, new DocumentId(id).getDocType(), timestampUs, body);
    }

    StoredDocument(String id, String type, long timestampUs, byte[] body) {
        this.id = id;
        this.type = type;
        this.timestampUs = timestampUs;
        this.body = body;
    }

    public String id() { return id; }

    /** Name of the document type, as the id has it. */
    public String type() { return type; }

    /** When it was written: microseconds since 1970, unique in the store. */
    public long timestampUs() { return timestampUs; }

    byte[] body() { return body; }

    /** Whatever {@link #keepView} kept, or null. */
    public Object view() { return view; }

    public void keepView(Object made) { view = made; }
}
