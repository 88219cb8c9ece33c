package rowferry.devstack.search;

import com.yahoo.prelude.query.BoolItem;
import com.yahoo.prelude.query.IntItem;
import com.yahoo.prelude.query.Item;
import com.yahoo.prelude.query.Limit;
import com.yahoo.prelude.query.NumericInItem;
import com.yahoo.prelude.query.PrefixItem;
import com.yahoo.prelude.query.RegExpItem;
import com.yahoo.prelude.query.StringInItem;
import com.yahoo.prelude.query.SubstringItem;
import com.yahoo.prelude.query.SuffixItem;
import com.yahoo.prelude.query.TermItem;
import com.yahoo.prelude.query.WeightedSetItem;
import com.yahoo.prelude.query.WordAlternativesItem;
import com.yahoo.prelude.query.WordItem;

import java.util.HashSet;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** What a single term of a query asks of a single value: a number, a whole string or one word of a text. */
final class Terms {

    private Terms() {}

    /** The test for values of the field; throws UnsupportedOperationException for terms that are not served. */
    static Predicate<Object> of(Item item, SearchField field) {
        return switch (field.kind()) {
            case NUMBER, BOOL -> number(item);
            case STRING, TEXT -> string(item, field.cased());
            case ELEMENTS, UNSEARCHABLE -> value -> false;
        };
    }

    private static Predicate<Object> number(Item item) {
        if (item instanceof BoolItem bool) return value -> ((Number) value).longValue() == (bool.value() ? 1 : 0);
        if (item instanceof IntItem range) return range(range);
        if (item instanceof NumericInItem in) return new HashSet<Object>(in.getTokens())::contains;
        if (item instanceof StringInItem in) return numbers(in.getTokens());
        if (item instanceof WeightedSetItem set) return numbers(tokens(set));
        return word(plain(item).getIndexedString());
    }

    /** A term that is its text and no more; others (fuzzy, geo, predicate ...) have rules that are not served. */
    private static TermItem plain(Item item) {
        if (item instanceof WordItem || item instanceof IntItem || item instanceof BoolItem) return (TermItem) item;
        throw unsupported(item);
    }

    private static Predicate<Object> word(String text) {
        if (text.equalsIgnoreCase("true")) return value -> value.equals(1L);
        if (text.equalsIgnoreCase("false")) return value -> value.equals(0L);
        try {
            return range(new IntItem(text));
        } catch (IllegalArgumentException e) {
            return value -> false; // as Vespa: a word is no number
        }
    }

    private static Predicate<Object> numbers(Iterable<String> texts) {
        Set<Object> wanted = new HashSet<>();
        for (String text : texts) {
            try {
                wanted.add(Long.valueOf(text));
            } catch (NumberFormatException e) {
                // matches no number
            }
        }
        return wanted::contains;
    }

    private static Predicate<Object> range(IntItem item) {
        Limit from = item.getFromLimit();
        Limit to = item.getToLimit();
        return value -> {
            int low = from.isInfinite() ? 1 : compare((Number) value, from.number());
            int high = to.isInfinite() ? -1 : compare((Number) value, to.number());
            return (low > 0 || low == 0 && from.isInclusive()) && (high < 0 || high == 0 && to.isInclusive());
        };
    }

    static int compare(Number left, Number right) {
        if (left instanceof Long && (right instanceof Long || right instanceof Integer)) return Long.compare(left.longValue(), right.longValue());
        return Double.compare(left.doubleValue(), right.doubleValue());
    }

    private static Predicate<Object> string(Item item, boolean cased) {
        if (item instanceof StringInItem in) return oneOf(in.getTokens(), cased);
        if (item instanceof WeightedSetItem set) return oneOf(tokens(set), cased);
        if (item instanceof NumericInItem in) return oneOf(in.getTokens().stream().map(String::valueOf).toList(), cased);
        if (item instanceof WordAlternativesItem words) return oneOf(words.getAlternatives().stream().map(each -> each.word).toList(), cased);
        if (item instanceof RegExpItem expression) {
            Pattern pattern = Pattern.compile(expression.stringValue(), cased ? 0 : Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE);
            return value -> pattern.matcher((String) value).find();
        }
        if (item instanceof IntItem range && range.getNumber().matches("[<>\\[].*")) return value -> false;
        String wanted = fold(plain(item).getIndexedString(), cased);
        if (item instanceof PrefixItem) return value -> fold((String) value, cased).startsWith(wanted);
        if (item instanceof SuffixItem) return value -> fold((String) value, cased).endsWith(wanted);
        if (item instanceof SubstringItem) return value -> fold((String) value, cased).contains(wanted);
        return cased ? wanted::equals : value -> wanted.equalsIgnoreCase((String) value);
    }

    private static Predicate<Object> oneOf(Iterable<String> texts, boolean cased) {
        Set<String> wanted = new HashSet<>();
        texts.forEach(text -> wanted.add(fold(text, cased)));
        return value -> wanted.contains(fold((String) value, cased));
    }

    private static Set<String> tokens(WeightedSetItem set) {
        Set<String> tokens = new HashSet<>();
        for (Iterator<Map.Entry<Object, Integer>> each = set.getTokens(); each.hasNext(); ) tokens.add(each.next().getKey().toString());
        return tokens;
    }

    private static String fold(String text, boolean cased) {
        return cased ? text : text.toLowerCase(Locale.ROOT);
    }

    static UnsupportedOperationException unsupported(Item item) {
        return new UnsupportedOperationException("this development server does not serve " + item.getName() + " in queries");
    }
}
