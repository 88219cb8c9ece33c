package rowferry.devstack.search;

import com.yahoo.prelude.fastsearch.GroupingListHit;
import com.yahoo.search.Query;
import com.yahoo.searchlib.aggregation.FS4Hit;
import com.yahoo.searchlib.aggregation.Grouping;
import com.yahoo.searchlib.aggregation.Hit;

import java.util.List;

/** The hits inside of groups, which Vespa fills later and by their query. */
final class GroupHits {

    private GroupHits() {}

    static void setContext(List<Grouping> requests, Query query, String source) {
        GroupingListHit context = new GroupingListHit(requests, null, query);
        context.setSource(source);
        for (Grouping request : requests) {
            request.select(each -> each instanceof FS4Hit, each -> ((Hit) each).setContext(context));
        }
    }
}
