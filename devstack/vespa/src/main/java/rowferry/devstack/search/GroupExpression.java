package rowferry.devstack.search;

import com.yahoo.searchlib.expression.AddFunctionNode;
import com.yahoo.searchlib.expression.AttributeNode;
import com.yahoo.searchlib.expression.ConstantNode;
import com.yahoo.searchlib.expression.ExpressionNode;
import com.yahoo.searchlib.expression.FloatResultNode;
import com.yahoo.searchlib.expression.IntegerResultNode;
import com.yahoo.searchlib.expression.RelevanceNode;
import com.yahoo.searchlib.expression.ResultNode;
import com.yahoo.searchlib.expression.StringResultNode;

import java.util.Arrays;
import java.util.List;

/** What the expressions of a grouping request give for a document: attributes, constants and the relevance. */
final class GroupExpression {

    private GroupExpression() {}

    /** One value, or as many as an array has. */
    static List<ResultNode> values(ExpressionNode expression, DocumentView view, double score) {
        if (expression instanceof ConstantNode constant) return List.of(constant.getValue());
        if (expression instanceof RelevanceNode) return List.of(new FloatResultNode(score));
        if (expression instanceof AttributeNode attribute && attribute.getClass() == AttributeNode.class) return attribute(attribute.getAttributeName(), view);
        // The grouping syntax wraps single attributes into sums of one.
        if (expression instanceof AddFunctionNode sum && sum.getNumArgs() == 1) return values(sum.getArg(0), view, score);
        throw unsupported(expression);
    }

    private static List<ResultNode> attribute(String name, DocumentView view) {
        int dot = name.indexOf('.');
        SearchField field = view.fields().field(dot < 0 ? name : name.substring(0, dot));
        if (field == null) return List.of();
        if (dot >= 0) return members(field, name.substring(dot + 1), view);
        if (!field.isCheap()) return List.of();
        Object value = view.get(field);
        if (value == null) return List.of(missing(field));
        if (value instanceof Object[] many) return Arrays.stream(many).map(GroupExpression::node).toList();
        return List.of(node(value));
    }

    private static List<ResultNode> members(SearchField field, String member, DocumentView view) {
        SearchField wanted = field.members().get(member);
        if (wanted == null || !(view.get(field) instanceof Object[][] elements)) return List.of();
        return Arrays.stream(elements).map(element -> element[wanted.slot()])
                     .map(value -> value == null ? missing(wanted) : node(value)).toList();
    }

    /** Whether it stands for a number that the document does not have. */
    static boolean isMissing(ResultNode value) {
        return value instanceof IntegerResultNode number && number.getInteger() == Long.MIN_VALUE;
    }

    private static ResultNode missing(SearchField field) {
        return field.kind() == SearchField.Kind.NUMBER ? new IntegerResultNode(Long.MIN_VALUE) : new StringResultNode("");
    }

    private static ResultNode node(Object value) {
        if (value instanceof Long number) return new IntegerResultNode(number);
        if (value instanceof Double number) return new FloatResultNode(number);
        return new StringResultNode(value.toString());
    }

    static UnsupportedOperationException unsupported(Object expression) {
        return new UnsupportedOperationException(
                "this development server does not serve " + expression.getClass().getSimpleName() + " in grouping");
    }
}
