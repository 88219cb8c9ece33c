package rowferry.devstack.store;

import com.yahoo.document.DocumentPut;
import com.yahoo.document.DocumentUpdate;
import com.yahoo.document.select.DocumentSelector;
import com.yahoo.document.select.Result;
import com.yahoo.document.select.parser.ParseException;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The selection that services.xml gives the content cluster: which documents it takes and keeps.
 *
 * <p>Writing asks as Vespa's DocumentRouteSelectorPolicy does (a put must be TRUE, an update must not be
 * FALSE); expiry removes what is FALSE, so a comparison with a missing field (invalid) keeps the document.
 */
public final class ClusterSelection {

    /** A quoted text, or the clock: only the clock outside of quotes is replaced. */
    private static final Pattern NOW = Pattern.compile("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|\\bnow\\(\\)");

    private final String text;
    private final DocumentSelector selector;

    public ClusterSelection(String text) {
        this.text = text;
        this.selector = parse(text);
    }

    boolean takes(DocumentPut put) {
        return selector.accepts(put) == Result.TRUE;
    }

    boolean takes(DocumentUpdate update) {
        return selector.accepts(update) != Result.FALSE;
    }

    /** The selection as if it were {@code nowS} seconds since 1970. */
    DocumentSelector at(long nowS) {
        Matcher matcher = NOW.matcher(text);
        return parse(matcher.replaceAll(match -> Matcher.quoteReplacement(
                match.group().equals("now()") ? Long.toString(nowS) : match.group())));
    }

    private static DocumentSelector parse(String text) {
        try {
            return new DocumentSelector(text);
        } catch (ParseException e) {
            throw new IllegalArgumentException("expected a document selection in services.xml, got '" + text + "'", e);
        }
    }
}
