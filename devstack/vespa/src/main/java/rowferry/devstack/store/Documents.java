package rowferry.devstack.store;

import com.yahoo.document.Document;
import com.yahoo.document.DocumentTypeManager;
import com.yahoo.document.serialization.DocumentDeserializerFactory;
import com.yahoo.document.serialization.DocumentSerializer;
import com.yahoo.document.serialization.DocumentSerializerFactory;
import com.yahoo.io.GrowableByteBuffer;

/** Turns documents into Vespa's own wire form and back, with the types of the deployed application. */
public final class Documents {

    private final DocumentTypeManager types;

    public Documents(DocumentTypeManager types) {
        this.types = types;
    }

    public DocumentTypeManager types() { return types; }

    /** Whether the deployed application still has the type of this document. */
    public boolean knows(StoredDocument document) {
        return types.getDocumentType(document.type()) != null;
    }

    byte[] write(Document document) {
        GrowableByteBuffer buffer = new GrowableByteBuffer(1024, 2.0f);
        DocumentSerializer serializer = DocumentSerializerFactory.create6(buffer);
        document.serialize(serializer);
        byte[] bytes = new byte[buffer.position()];
        buffer.flip();
        buffer.get(bytes);
        return bytes;
    }

    /** A fresh document; fields that the deployed type lacks are left out. */
    public Document read(StoredDocument stored) {
        return new Document(DocumentDeserializerFactory.create6(types, GrowableByteBuffer.wrap(stored.body())));
    }
}
