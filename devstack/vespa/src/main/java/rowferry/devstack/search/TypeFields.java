package rowferry.devstack.search;

import com.yahoo.document.ArrayDataType;
import com.yahoo.document.CollectionDataType;
import com.yahoo.document.DataType;
import com.yahoo.document.DocumentType;
import com.yahoo.document.Field;
import com.yahoo.document.MapDataType;
import com.yahoo.document.PrimitiveDataType;
import com.yahoo.document.ReferenceDataType;
import com.yahoo.document.StructDataType;
import com.yahoo.language.process.StemMode;
import com.yahoo.prelude.Index;
import com.yahoo.prelude.IndexFacts;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The searchable fields of one document type. */
final class TypeFields {

    private final String type;
    private final Map<String, SearchField> fields = new LinkedHashMap<>();
    private final Map<String, List<String>> fieldSets;

    TypeFields(DocumentType type, IndexFacts facts, Map<String, List<String>> fieldSets) {
        this.type = type.getName();
        this.fieldSets = fieldSets;
        IndexFacts.Session session = facts.newSession(List.of(this.type), List.of());
        for (Field field : type.fieldSet()) {
            fields.put(field.getName(), field(field.getName(), field.getDataType(), fields.size(), session, field.getName()));
        }
    }

    String type() { return type; }

    int size() { return fields.size(); }

    Iterable<SearchField> all() { return fields.values(); }

    /** The field, or null when the type has none of this name. */
    SearchField field(String name) {
        return fields.get(name);
    }

    /** The fields that a name in a query stands for: itself, or those of a field set; "" is the default set. */
    List<SearchField> named(String name) {
        if (fields.containsKey(name)) return List.of(fields.get(name));
        return fieldSets.getOrDefault(name.isEmpty() ? "default" : name, List.of()).stream()
                        .filter(fields::containsKey).map(fields::get).toList();
    }

    private SearchField field(String name, DataType type, int slot, IndexFacts.Session session, String path) {
        if (type instanceof MapDataType map) {
            Map<String, DataType> members = new LinkedHashMap<>();
            members.put("key", map.getKeyType());
            if (map.getValueType() instanceof StructDataType struct) struct.getFields().forEach(each -> members.put("value." + each.getName(), each.getDataType()));
            else members.put("value", map.getValueType());
            return elements(name, slot, session, path, members);
        }
        if (type instanceof ArrayDataType array && array.getNestedType() instanceof StructDataType struct) {
            Map<String, DataType> members = new LinkedHashMap<>();
            struct.getFields().forEach(each -> members.put(each.getName(), each.getDataType()));
            return elements(name, slot, session, path, members);
        }
        Index index = session.getIndex(path, this.type);
        return new SearchField(name, kind(type, index), slot, !index.isLowercase(),
                               index.getStemMode() == null ? StemMode.NONE : index.getStemMode(), index.getNormalize(), Map.of());
    }

    private SearchField elements(String name, int slot, IndexFacts.Session session, String path, Map<String, DataType> types) {
        Map<String, SearchField> members = new LinkedHashMap<>();
        types.forEach((member, type) ->
                members.put(member, field(member, type, members.size(), session, path + "." + member)));
        return new SearchField(name, SearchField.Kind.ELEMENTS, slot, true, StemMode.NONE, false, members);
    }

    private static SearchField.Kind kind(DataType type, Index index) {
        DataType element = type instanceof CollectionDataType collection ? collection.getNestedType() : type;
        if (index.isIndex() && element == DataType.STRING) return SearchField.Kind.TEXT;
        if (!index.isAttribute()) return SearchField.Kind.UNSEARCHABLE;
        if (element == DataType.BOOL) return SearchField.Kind.BOOL;
        if (element == DataType.STRING || element instanceof ReferenceDataType) return SearchField.Kind.STRING;
        return element instanceof PrimitiveDataType ? SearchField.Kind.NUMBER : SearchField.Kind.UNSEARCHABLE;
    }

    /** Names of the members, in the order of their slots. */
    static List<String> memberNames(SearchField elements) {
        return new ArrayList<>(elements.members().keySet());
    }
}
