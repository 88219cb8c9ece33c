package rowferry.devstack.search;

import com.yahoo.document.datatypes.Array;
import com.yahoo.document.datatypes.BoolFieldValue;
import com.yahoo.document.datatypes.CollectionFieldValue;
import com.yahoo.document.datatypes.DoubleFieldValue;
import com.yahoo.document.datatypes.FieldValue;
import com.yahoo.document.datatypes.FloatFieldValue;
import com.yahoo.document.datatypes.MapFieldValue;
import com.yahoo.document.datatypes.NumericFieldValue;
import com.yahoo.document.datatypes.StringFieldValue;
import com.yahoo.document.datatypes.StructuredFieldValue;
import com.yahoo.document.datatypes.WeightedSet;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Makes of Vespa's field values the small ones that {@link Values} gives. */
final class FieldValues {

    private static final int MAX_SHARED = 50_000;
    private static final int MAX_SHARED_LENGTH = 40;

    private final Words words;
    /** Table names, map keys and the like come again in every document. */
    private final Map<String, String> shared = new ConcurrentHashMap<>();

    FieldValues(Words words) {
        this.words = words;
    }

    Object of(SearchField field, FieldValue value) {
        return switch (field.kind()) {
            case UNSEARCHABLE -> null;
            case ELEMENTS -> value == null ? null : elements(field, value);
            case TEXT -> value == null ? null : text(field, value);
            case BOOL -> value == null ? Long.valueOf(0) : plain(value);
            case NUMBER, STRING -> value == null ? null : plain(value);
        };
    }

    private Object plain(FieldValue value) {
        if (value instanceof WeightedSet<?> set) return set.keySet().stream().map(this::single).toArray();
        if (value instanceof CollectionFieldValue<?> collection) {
            List<Object> values = new ArrayList<>();
            for (Iterator<? extends FieldValue> each = collection.fieldValueIterator(); each.hasNext(); ) values.add(single(each.next()));
            return values.toArray();
        }
        return single(value);
    }

    private Object single(FieldValue value) {
        if (value instanceof FloatFieldValue || value instanceof DoubleFieldValue) return ((NumericFieldValue) value).getNumber().doubleValue();
        if (value instanceof NumericFieldValue number) return number.getNumber().longValue();
        if (value instanceof BoolFieldValue bool) return bool.getBoolean() ? 1L : 0L;
        return share(value instanceof StringFieldValue string ? string.getString() : value.toString());
    }

    private String share(String text) {
        if (text.length() > MAX_SHARED_LENGTH) return text;
        String known = shared.get(text);
        if (known == null && shared.size() < MAX_SHARED) shared.put(text, text);
        return known == null ? text : known;
    }

    /** The words; those of two strings of an array have a null between them, so no phrase spans them. */
    private String[] text(SearchField field, FieldValue value) {
        if (!(value instanceof CollectionFieldValue<?> collection)) return words.of(value.toString(), field);
        List<String> all = new ArrayList<>();
        for (Iterator<? extends FieldValue> each = collection.fieldValueIterator(); each.hasNext(); ) {
            all.addAll(List.of(words.of(each.next().toString(), field)));
            all.add(null);
        }
        return all.toArray(String[]::new);
    }

    private Object[][] elements(SearchField field, FieldValue value) {
        List<Object[]> elements = new ArrayList<>();
        if (value instanceof MapFieldValue<?, ?> map) {
            map.forEach((key, entry) -> elements.add(element(field, key, entry)));
        } else if (value instanceof Array<?> array) {
            array.forEach(each -> elements.add(element(field, null, (FieldValue) each)));
        }
        return elements.toArray(Object[][]::new);
    }

    private Object[] element(SearchField field, FieldValue key, FieldValue value) {
        Object[] element = new Object[field.members().size()];
        for (SearchField member : field.members().values()) {
            element[member.slot()] = of(member, member(member.name(), key, value));
        }
        return element;
    }

    private static FieldValue member(String name, FieldValue key, FieldValue value) {
        if (key != null && name.equals("key")) return key;
        if (key != null && name.equals("value")) return value;
        String inside = key == null ? name : name.substring("value.".length());
        return ((StructuredFieldValue) value).getFieldValue(inside);
    }
}
