package rowferry.devstack.search;

import com.yahoo.component.ComponentId;
import com.yahoo.component.annotation.Inject;
import com.yahoo.component.chain.dependencies.After;
import com.yahoo.component.chain.dependencies.Before;
import com.yahoo.container.QrSearchersConfig;
import com.yahoo.container.core.documentapi.StoreDocumentAccess;
import com.yahoo.container.core.documentapi.VespaDocumentAccess;
import com.yahoo.document.GlobalId;
import com.yahoo.language.Linguistics;
import com.yahoo.prelude.IndexFacts;
import com.yahoo.prelude.IndexModel;
import com.yahoo.prelude.fastsearch.FastHit;
import com.yahoo.prelude.query.Item;
import com.yahoo.prelude.query.NullItem;
import com.yahoo.processing.request.CompoundName;
import com.yahoo.search.Query;
import com.yahoo.search.Result;
import com.yahoo.search.Searcher;
import com.yahoo.search.config.IndexInfoConfig;
import com.yahoo.search.grouping.vespa.GroupingExecutor;
import com.yahoo.search.result.Coverage;
import com.yahoo.search.result.ErrorMessage;
import com.yahoo.search.result.Hit;
import com.yahoo.search.schema.SchemaInfo;
import com.yahoo.search.searchchain.Execution;
import com.yahoo.search.searchchain.PhaseNames;
import com.yahoo.searchlib.aggregation.Grouping;
import rowferry.devstack.server.Running;
import rowferry.devstack.store.DocumentStore;
import rowferry.devstack.store.StoredDocument;

import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * Answers queries from the store, where Vespa's chain would ask its content nodes.
 *
 * <p>Everything before it is Vespa's: YQL, query profiles, stemming, validation, grouping requests; so is the rendering
 * after it. It scans the documents of the types asked for; ranking is a naive count of words.
 */
@After({PhaseNames.BACKEND, "com.yahoo.search.querytransform.VespaLowercasingSearcher",
        "com.yahoo.search.searchers.ValidateSortingSearcher", GroupingExecutor.COMPONENT_NAME})
@Before("com.yahoo.prelude.cluster.ClusterSearcher")
public final class StoreSearcher extends Searcher {

    private static final CompoundName GROUPED = CompoundName.from("rowferry.grouped");

    private final String source;
    private final SchemaInfo schemas;
    private final DocumentStore store;
    private final Views views;
    private final Summaries summaries;

    @Inject
    public StoreSearcher(ComponentId id, SchemaInfo schemas, IndexInfoConfig indexes, QrSearchersConfig clusters,
                         VespaDocumentAccess access, Linguistics linguistics) {
        super(id);
        StoreDocumentAccess served = (StoreDocumentAccess) access;
        this.source = id.getNamespace() == null ? id.getName() : id.getNamespace().getName();
        this.schemas = schemas;
        this.store = served.store();
        IndexFacts facts = new IndexFacts(new IndexModel(indexes, clusters)).freeze();
        this.views = new Views(served.documents(), schemas.schemas().keySet(), facts, linguistics, Running.fieldSets());
        this.summaries = new Summaries(schemas, served.documents());
        served.operations().onWrite(views::refresh);
        views.prepare(store);
    }

    @Override
    public Result search(Query query, Execution execution) {
        Item root = query.getModel().getQueryTree().getRoot();
        if (root == null || root instanceof NullItem) return new Result(query, ErrorMessage.createNullQuery(query.getUri().toString()));
        List<String> types = execution.context().getIndexFacts().newSession(query).documentTypes().stream()
                .filter(schemas.schemas()::containsKey).toList();
        String wrong = summaries.invalid(query, types);
        if (wrong != null) return new Result(query, ErrorMessage.createInvalidQueryParameter(wrong));
        try {
            return search(query, root, types);
        } catch (UnsupportedOperationException e) {
            return new Result(query, ErrorMessage.createIllegalQuery(e.getMessage()));
        }
    }

    private Result search(Query query, Item root, List<String> types) {
        Map<String, Matcher> matchers = new HashMap<>();
        types.forEach(type -> matchers.put(type, QueryCompiler.compile(root, views.fields(type))));
        Map<GlobalId, StoredDocument> grouped = new HashMap<>();
        List<Grouping> requests = GroupingExecutor.getGroupingList(query).stream().filter(each -> !GroupTree.isComplete(each)).toList();
        List<GroupTree> trees = requests.stream().map(each -> new GroupTree(each, grouped)).toList();
        TopHits top = new TopHits(new HitOrder(query.getRanking().getSorting()), query.getOffset() + query.getHits());
        long[] searched = {0};
        store.forEach(stored -> {
            Matcher matcher = matchers.get(stored.type());
            if (matcher == null) return;
            searched[0]++;
            DocumentView view = views.of(stored);
            double score = matcher.match(view);
            if (score < 0) return;
            top.add(view, score);
            for (GroupTree tree : trees) tree.add(view, score);
        });
        finishGroups(query, requests, trees, grouped);
        return result(query, top, searched[0]);
    }

    private void finishGroups(Query query, List<Grouping> requests, List<GroupTree> trees, Map<GlobalId, StoredDocument> grouped) {
        trees.forEach(GroupTree::finish);
        if (grouped.isEmpty()) return;
        query.properties().set(GROUPED, grouped);
        GroupHits.setContext(requests, query, source);
    }

    private Result result(Query query, TopHits top, long searched) {
        Result result = new Result(query);
        for (Candidate hit : top.page(query.getOffset())) {
            result.hits().add(summaries.hit(hit.stored(), hit.score(), query, source));
        }
        result.hits().setSorted(true);
        result.setTotalHitCount(top.total());
        result.setCoverage(new Coverage(searched, searched, 1));
        return result;
    }

    /** Only the hits of groups come here unfilled. */
    @Override
    @SuppressWarnings("unchecked")
    public void fill(Result result, String summaryClass, Execution execution) {
        for (Iterator<Hit> each = result.hits().unorderedDeepIterator(); each.hasNext(); ) {
            if (!(each.next() instanceof FastHit hit) || hit.isFilled(summaryClass) || hit.getQuery() == null) continue;
            Map<GlobalId, StoredDocument> grouped = (Map<GlobalId, StoredDocument>) hit.getQuery().properties().get(GROUPED);
            StoredDocument stored = grouped == null ? null : grouped.get(hit.getGlobalId());
            if (stored != null) summaries.fill(hit, stored, summaryClass, hit.getQuery());
            hit.setFilled(summaryClass);
        }
    }
}
