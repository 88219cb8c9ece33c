package rowferry.devstack.search;

import com.yahoo.document.DocumentId;
import com.yahoo.document.GlobalId;
import com.yahoo.searchlib.aggregation.AggregationResult;
import com.yahoo.searchlib.aggregation.AverageAggregationResult;
import com.yahoo.searchlib.aggregation.CountAggregationResult;
import com.yahoo.searchlib.aggregation.ExpressionCountAggregationResult;
import com.yahoo.searchlib.aggregation.FS4Hit;
import com.yahoo.searchlib.aggregation.Group;
import com.yahoo.searchlib.aggregation.Grouping;
import com.yahoo.searchlib.aggregation.GroupingLevel;
import com.yahoo.searchlib.aggregation.HitsAggregationResult;
import com.yahoo.searchlib.aggregation.MaxAggregationResult;
import com.yahoo.searchlib.aggregation.MinAggregationResult;
import com.yahoo.searchlib.aggregation.SumAggregationResult;
import com.yahoo.searchlib.aggregation.hll.SparseSketch;
import com.yahoo.searchlib.expression.FloatResultNode;
import com.yahoo.searchlib.expression.IntegerResultNode;
import com.yahoo.searchlib.expression.NumericResultNode;
import com.yahoo.searchlib.expression.ResultNode;
import com.yahoo.searchlib.expression.SingleResultNode;
import rowferry.devstack.store.StoredDocument;

import java.util.Map;
import java.util.TreeMap;

/**
 * Counts the documents of one grouping request into groups, as a content node would.
 *
 * <p>The whole tree is made in the first of Vespa's passes, and pruned by Vespa's own code ({@link Grouping#postMerge});
 * later passes find it complete.
 */
final class GroupTree {

    private final class Node {
        final Group group;
        final int depth;
        final Map<ResultNode, Node> children = new TreeMap<>(ResultNode::compareTo);

        Node(Group group, int depth) {
            this.group = group;
            this.depth = depth;
        }
    }

    private final Grouping request;
    private final Map<GlobalId, StoredDocument> grouped;
    private final Node root;

    /** {@code grouped} takes the documents that are to be shown as hits of groups. */
    GroupTree(Grouping request, Map<GlobalId, StoredDocument> grouped) {
        this.request = request;
        this.grouped = grouped;
        this.root = new Node(request.getRoot().clone(), 0);
    }

    /** Whether the request is for a later pass, which has nothing left to do. */
    static boolean isComplete(Grouping request) {
        return request.getFirstLevel() > 0;
    }

    void add(DocumentView view, double score) {
        add(root, view, score);
    }

    /** Writes the groups into the request. */
    void finish() {
        request.setRoot(build(root));
        request.postMerge();
    }

    private void add(Node node, DocumentView view, double score) {
        node.group.setRank(Math.max(node.group.getRank(), score));
        for (AggregationResult result : node.group.getAggregationResults()) aggregate(result, node, view, score);
        if (node.depth == request.getLevels().size()) return;
        GroupingLevel level = request.getLevels().get(node.depth);
        if (level.getFilter() != null) throw GroupExpression.unsupported(level.getFilter());
        for (ResultNode id : GroupExpression.values(level.getExpression(), view, score)) {
            add(node.children.computeIfAbsent(id, key ->
                    new Node(level.getGroupPrototype().clone().setId(key), node.depth + 1)), view, score);
        }
    }

    private Group build(Node node) {
        node.children.values().forEach(child -> node.group.addChild(build(child)));
        return node.group;
    }

    private void aggregate(AggregationResult result, Node node, DocumentView view, double score) {
        if (result instanceof CountAggregationResult count) {
            count.setCount(count.getCount() + 1);
        } else if (result instanceof HitsAggregationResult hits) {
            GlobalId id = new GlobalId(new DocumentId(view.stored().id()).getGlobalId());
            grouped.put(id, view.stored());
            hits.addHit(new FS4Hit(0, id, score, 0));
        } else {
            GroupExpression.values(result.getExpression(), view, score).stream()
                           .filter(value -> !GroupExpression.isMissing(value)).forEach(value -> aggregate(result, value));
        }
    }

    private static void aggregate(AggregationResult result, ResultNode value) {
        if (result instanceof ExpressionCountAggregationResult count && count.getSketch() instanceof SparseSketch sketch) {
            sketch.aggregate(value.hashCode() * 0x9E3779B9);
        } else if (result instanceof SumAggregationResult sum) {
            if (sum.getSum() == null) sum.setSum(zero(value));
            sum.getSum().add(value);
        } else if (result instanceof AverageAggregationResult average) {
            if (average.getSum() == null) average.setSum(zero(value));
            average.getSum().add(value);
            average.setCount(average.getCount() + 1);
        } else if (result instanceof MaxAggregationResult max) {
            if (max.getMax() == null) max.setMax((SingleResultNode) value.clone());
            else max.getMax().max(value);
        } else if (result instanceof MinAggregationResult min) {
            if (min.getMin() == null) min.setMin((SingleResultNode) value.clone());
            else min.getMin().min(value);
        } else {
            throw GroupExpression.unsupported(result);
        }
    }

    private static NumericResultNode zero(ResultNode like) {
        return like instanceof IntegerResultNode ? new IntegerResultNode(0) : new FloatResultNode(0);
    }
}
