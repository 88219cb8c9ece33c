package rowferry.devstack.search;

import com.yahoo.search.query.Sorting;
import com.yahoo.search.query.Sorting.AttributeSorter;
import com.yahoo.search.query.Sorting.FieldOrder;
import com.yahoo.search.query.Sorting.LowerCaseSorter;
import com.yahoo.search.query.Sorting.Order;
import com.yahoo.search.query.Sorting.UcaSorter;

import java.util.Comparator;
import java.util.List;

/**
 * The order of the hits: as the query says, else by score; equals by document id, so that pages never overlap.
 *
 * <p>A missing number sorts below all others, as Vespa's undefined value does; a missing string as "".
 */
final class HitOrder implements Comparator<Candidate> {

    private final List<FieldOrder> orders;

    HitOrder(Sorting sorting) {
        this.orders = sorting == null ? List.of() : sorting.fieldOrders();
    }

    /** The values by which the candidate is sorted. */
    Object[] keys(DocumentView view, double score) {
        Object[] keys = new Object[orders.size()];
        for (int i = 0; i < keys.length; i++) keys[i] = key(orders.get(i).getFieldName(), view, score);
        return keys;
    }

    @Override
    public int compare(Candidate left, Candidate right) {
        for (int i = 0; i < orders.size(); i++) {
            int order = compare(left.keys()[i], right.keys()[i], orders.get(i).getSorter());
            if (order != 0) return orders.get(i).getSortOrder() == Order.DESCENDING ? -order : order;
        }
        int byScore = orders.isEmpty() ? Double.compare(right.score(), left.score()) : 0;
        return byScore != 0 ? byScore : left.stored().id().compareTo(right.stored().id());
    }

    private static Object key(String name, DocumentView view, double score) {
        if (name.equals("[relevance]") || name.equals("[rank]") || name.equals("[relevancy]")) return score;
        if (name.startsWith("[")) return view.stored().id();
        SearchField field = view.fields().field(name);
        Object value = field == null || !field.isCheap() ? null : view.get(field);
        if (value instanceof Object[] many) value = many.length == 0 ? null : many[0];
        if (value instanceof String text && field.cased()) return new Cased(text);
        return value;
    }

    /** A string of a field that compares with case. */
    private record Cased(String text) {
        @Override
        public String toString() { return text; }
    }

    private static int compare(Object left, Object right, AttributeSorter sorter) {
        if (left == null || right == null) return left == right ? 0 : left == null ? -1 : 1;
        if (left instanceof Number a && right instanceof Number b) return Terms.compare(a, b);
        boolean folds = sorter instanceof LowerCaseSorter || sorter instanceof UcaSorter
                || left instanceof String && !(sorter instanceof Sorting.RawSorter);
        int order = folds ? left.toString().compareToIgnoreCase(right.toString()) : 0;
        return order != 0 ? order : left.toString().compareTo(right.toString());
    }
}
