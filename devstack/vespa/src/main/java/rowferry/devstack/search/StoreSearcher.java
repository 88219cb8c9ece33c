package rowferry.devstack.search;

import com.yahoo.search.Query;
import com.yahoo.search.Result;
import com.yahoo.search.Searcher;
import com.yahoo.search.searchchain.Execution;

public final class StoreSearcher extends Searcher {
    @Override
    public Result search(Query query, Execution execution) {
        return new Result(query);
    }
}
