package rowferry.devstack.search;

import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;

/** The first documents in the order of a query, out of all that match. */
final class TopHits {

    private final HitOrder order;
    private final int wanted;
    private final PriorityQueue<Candidate> worstFirst;
    private long total;

    TopHits(HitOrder order, int wanted) {
        this.order = order;
        this.wanted = wanted;
        this.worstFirst = new PriorityQueue<>(order.reversed());
    }

    void add(DocumentView view, double score) {
        total++;
        if (wanted == 0) return;
        worstFirst.add(new Candidate(view.stored(), score, order.keys(view, score)));
        if (worstFirst.size() > wanted) worstFirst.poll();
    }

    /** How many documents matched. */
    long total() { return total; }

    /** The hits from the offset on, best first. */
    List<Candidate> page(int offset) {
        List<Candidate> sorted = new ArrayList<>(worstFirst);
        sorted.sort(order);
        return offset >= sorted.size() ? List.of() : sorted.subList(offset, sorted.size());
    }
}
