package rowferry.devstack.search;

import com.yahoo.language.Language;
import com.yahoo.language.Linguistics;
import com.yahoo.language.process.LinguisticsParameters;
import com.yahoo.language.process.Token;
import com.yahoo.language.process.Tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The words of a text as Vespa's indexing would find them: its own tokenizer, stemming for English.
 *
 * <p>No token spans a blank, so a text is cut at blanks and the pieces are remembered: the same words come again
 * and again, and the tokenizer costs far more than a look-up.
 */
final class Words {

    private static final int MAX_REMEMBERED = 300_000;
    private static final int MAX_REMEMBERED_LENGTH = 40;

    private record Piece(String text, String settings) {}

    private final Linguistics linguistics;
    private final Map<Piece, String[]> remembered = new ConcurrentHashMap<>();

    Words(Linguistics linguistics) {
        this.linguistics = linguistics;
    }

    String[] of(String text, SearchField field) {
        LinguisticsParameters settings = new LinguisticsParameters(Language.ENGLISH, field.stemming(), field.accents(), !field.cased());
        String key = field.stemming() + "," + field.accents() + "," + field.cased();
        List<String> words = new ArrayList<>();
        int start = 0;
        for (int end = 0; end <= text.length(); end++) {
            if (end < text.length() && !Character.isWhitespace(text.charAt(end))) continue;
            if (end > start) words.addAll(List.of(piece(text.substring(start, end), key, settings)));
            start = end + 1;
        }
        return words.toArray(String[]::new);
    }

    private String[] piece(String text, String key, LinguisticsParameters settings) {
        if (text.length() > MAX_REMEMBERED_LENGTH) return tokenize(text, settings);
        Piece piece = new Piece(text, key);
        String[] words = remembered.get(piece);
        if (words == null) {
            words = tokenize(text, settings);
            if (remembered.size() < MAX_REMEMBERED) remembered.put(piece, words);
        }
        return words;
    }

    private String[] tokenize(String text, LinguisticsParameters settings) {
        Tokenizer tokenizer = linguistics.getTokenizer();
        List<String> words = new ArrayList<>();
        tokenizer.tokenize(text, settings).forEach(token -> add(token, words));
        return words.toArray(String[]::new);
    }

    private static void add(Token token, List<String> words) {
        if (!token.isSpecialToken()) {
            for (int i = 0; i < token.getNumComponents(); i++) add(token.getComponent(i), words);
            if (token.getNumComponents() > 0 || !token.isIndexable()) return;
        }
        String word = token.getTokenString();
        if (word != null && !word.isBlank()) words.add(word);
    }
}
