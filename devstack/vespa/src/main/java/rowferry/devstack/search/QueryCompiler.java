package rowferry.devstack.search;

import com.yahoo.prelude.query.AndItem;
import com.yahoo.prelude.query.AndSegmentItem;
import com.yahoo.prelude.query.CompositeItem;
import com.yahoo.prelude.query.EquivItem;
import com.yahoo.prelude.query.FalseItem;
import com.yahoo.prelude.query.HasIndexItem;
import com.yahoo.prelude.query.InItem;
import com.yahoo.prelude.query.Item;
import com.yahoo.prelude.query.NearItem;
import com.yahoo.prelude.query.NotItem;
import com.yahoo.prelude.query.ONearItem;
import com.yahoo.prelude.query.OrItem;
import com.yahoo.prelude.query.PhraseItem;
import com.yahoo.prelude.query.PhraseSegmentItem;
import com.yahoo.prelude.query.RankItem;
import com.yahoo.prelude.query.SameElementItem;
import com.yahoo.prelude.query.TermItem;
import com.yahoo.prelude.query.TrueItem;
import com.yahoo.prelude.query.WeakAndItem;
import com.yahoo.prelude.query.WeightedSetItem;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Turns the query tree that Vespa's chain made of the YQL into a {@link Matcher} for one document type.
 *
 * <p>What it cannot serve (nearest neighbours, geo, fuzzy, predicates ...) is an UnsupportedOperationException, never
 * an empty answer.
 */
final class QueryCompiler {

    private static final double SATURATION = 1.2; // of the score of one word by its count, as in BM25

    private final String type;
    private final Function<String, List<SearchField>> named;

    private QueryCompiler(String type, Function<String, List<SearchField>> named) {
        this.type = type;
        this.named = named;
    }

    static Matcher compile(Item root, TypeFields fields) {
        return new QueryCompiler(fields.type(), name -> resolve(fields, name)).compile(root);
    }

    /** A name of the query: a field, a field set, or {@code field.member}, which has the field as its first part. */
    private static List<SearchField> resolve(TypeFields fields, String name) {
        int dot = name.indexOf('.');
        if (dot < 0 || fields.field(name) != null) return fields.named(name);
        SearchField field = fields.field(name.substring(0, dot));
        if (field == null || field.kind() != SearchField.Kind.ELEMENTS) return List.of();
        SearchField member = field.members().get(name.substring(dot + 1));
        return member == null ? List.of() : List.of(new SearchField(field.name(), field.kind(), field.slot(), field.cased(),
                field.stemming(), field.accents(), Map.of(member.name(), member)));
    }

    private Matcher compile(Item item) {
        if (item instanceof TrueItem) return Matcher.ALL;
        if (item instanceof FalseItem) return Matcher.NONE;
        if (item instanceof SameElementItem same) return sameElement(same);
        if (item instanceof PhraseItem || item instanceof PhraseSegmentItem) return phrase((CompositeItem) item);
        if (item instanceof NearItem near) return near(near);
        if (item instanceof NotItem not) return not(not);
        if (item instanceof RankItem rank) return Matcher.rank(parts(rank));
        if (item instanceof OrItem || item instanceof WeakAndItem || item instanceof EquivItem) return Matcher.or(parts((CompositeItem) item));
        if (item instanceof AndItem || item instanceof AndSegmentItem) return and((CompositeItem) item);
        if (item instanceof TermItem || item instanceof InItem || item instanceof WeightedSetItem) return term(item);
        throw Terms.unsupported(item);
    }

    /** Attributes are asked first: most documents then need no words or elements made. */
    private Matcher and(CompositeItem item) {
        List<Matcher> parts = new ArrayList<>();
        for (Item part : item.items()) if (isCheap(part)) parts.add(compile(part));
        for (Item part : item.items()) if (!isCheap(part)) parts.add(compile(part));
        return Matcher.and(parts);
    }

    private boolean isCheap(Item item) {
        if (!(item instanceof TermItem || item instanceof InItem)) return false;
        return named.apply(indexOf(item)).stream().allMatch(SearchField::isCheap);
    }

    private static String indexOf(Item item) {
        return item instanceof InItem in ? in.getIndexName() : ((HasIndexItem) item).getIndexName();
    }

    private List<Matcher> parts(CompositeItem item) {
        List<Matcher> parts = new ArrayList<>();
        for (Item part : item.items()) parts.add(compile(part));
        return parts;
    }

    private Matcher not(NotItem not) {
        List<Matcher> unwanted = new ArrayList<>();
        for (int i = 1; i < not.getItemCount(); i++) unwanted.add(compile(not.getItem(i)));
        Item wanted = not.getPositiveItem();
        return Matcher.butNot(wanted == null ? Matcher.ALL : compile(wanted), Matcher.or(unwanted));
    }

    private Matcher term(Item item) {
        String index = indexOf(item);
        if (index.equals("sddocname")) return Terms.of(item, new SearchField(index, SearchField.Kind.STRING, 0, true, null, false, null)).test(type)
                ? Matcher.ALL : Matcher.NONE;
        List<Matcher> any = new ArrayList<>();
        for (SearchField field : named.apply(index)) any.add(onField(item, field));
        return any.size() == 1 ? any.get(0) : Matcher.or(any);
    }

    private static Matcher onField(Item item, SearchField field) {
        if (field.kind() == SearchField.Kind.ELEMENTS) return onMembers(item, field);
        Predicate<Object> test = Terms.of(item, field);
        if (field.kind() == SearchField.Kind.TEXT) return values -> {
            String[] words = (String[]) values.get(field);
            return words == null ? Matcher.NO : score(Phrases.count(words, List.of(test)));
        };
        return values -> {
            Object value = values.get(field);
            if (value == null) return Matcher.NO;
            return (value instanceof Object[] many ? any(many, test) : test.test(value)) ? 0 : Matcher.NO;
        };
    }

    /** {@code field.member contains ...}: any element will do. */
    private static Matcher onMembers(Item item, SearchField field) {
        List<Matcher> members = new ArrayList<>();
        field.members().values().forEach(member -> members.add(onField(item, member)));
        Matcher anyMember = Matcher.or(members);
        return values -> anyElement((Object[][]) values.get(field), anyMember);
    }

    private Matcher sameElement(SameElementItem same) {
        List<Matcher> any = new ArrayList<>();
        for (SearchField field : named.apply(same.getFieldName())) {
            if (field.kind() != SearchField.Kind.ELEMENTS) throw new UnsupportedOperationException(
                    "this development server serves sameElement on maps and struct arrays only, not on " + field.name());
            QueryCompiler inside = new QueryCompiler(type, name -> member(field, name));
            Matcher all = Matcher.and(inside.parts(same));
            any.add(values -> anyElement((Object[][]) values.get(field), all));
        }
        return Matcher.or(any);
    }

    private static List<SearchField> member(SearchField field, String name) {
        SearchField member = field.members().get(name);
        return member == null ? List.of() : List.of(member);
    }

    private static double anyElement(Object[][] elements, Matcher matcher) {
        if (elements == null) return Matcher.NO;
        for (Object[] element : elements) {
            if (matcher.match(field -> element[field.slot()]) >= 0) return 0;
        }
        return Matcher.NO;
    }

    private Matcher phrase(CompositeItem phrase) {
        return onWords(phrase, ((HasIndexItem) phrase).getIndexName(),
                       (words, wanted) -> score(Phrases.count(words, wanted)));
    }

    private Matcher near(NearItem near) {
        String index = ((HasIndexItem) near.getItem(0)).getIndexName();
        boolean ordered = near instanceof ONearItem;
        return onWords(near, index, (words, wanted) ->
                Phrases.near(words, wanted, near.getDistance(), ordered) ? 1 : Matcher.NO);
    }

    private interface OnWords {
        double score(String[] words, List<Predicate<Object>> wanted);
    }

    private Matcher onWords(CompositeItem item, String index, OnWords test) {
        List<Matcher> any = new ArrayList<>();
        for (SearchField field : named.apply(index)) {
            if (field.kind() != SearchField.Kind.TEXT) continue; // an attribute has no positions
            List<Predicate<Object>> wanted = new ArrayList<>();
            addWords(item, field, wanted);
            any.add(values -> {
                String[] words = (String[]) values.get(field);
                return words == null ? Matcher.NO : test.score(words, wanted);
            });
        }
        return Matcher.or(any);
    }

    private static void addWords(CompositeItem item, SearchField field, List<Predicate<Object>> wanted) {
        for (Item part : item.items()) {
            if (part instanceof CompositeItem inner) addWords(inner, field, wanted);
            else wanted.add(Terms.of(part, field));
        }
    }

    private static boolean any(Object[] values, Predicate<Object> test) {
        for (Object value : values) if (test.test(value)) return true;
        return false;
    }

    private static double score(int count) {
        return count == 0 ? Matcher.NO : count * (SATURATION + 1) / (count + SATURATION);
    }
}
