package rowferry.devstack.search;

import java.util.List;
import java.util.function.Predicate;

/** Words that must stand in a certain order or near one another. */
final class Phrases {

    private Phrases() {}

    /** How often the words stand one right after the other. */
    static int count(String[] words, List<Predicate<Object>> phrase) {
        int found = 0;
        for (int start = 0; start + phrase.size() <= words.length; start++) {
            int matched = 0;
            while (matched < phrase.size() && is(words[start + matched], phrase.get(matched))) matched++;
            if (matched == phrase.size()) found++;
        }
        return found;
    }

    /** Whether all the words stand within a window; {@code ordered}: in this order. */
    static boolean near(String[] words, List<Predicate<Object>> wanted, int distance, boolean ordered) {
        for (int start = 0; start < words.length; start++) {
            int end = Math.min(words.length - 1, start + distance);
            if (ordered ? inOrder(words, wanted, start, end) : anyOrder(words, wanted, start, end)) return true;
        }
        return false;
    }

    private static boolean inOrder(String[] words, List<Predicate<Object>> wanted, int start, int end) {
        int next = 0;
        for (int i = start; i <= end && words[i] != null && next < wanted.size(); i++) {
            if (wanted.get(next).test(words[i])) next++;
        }
        return next == wanted.size();
    }

    private static boolean anyOrder(String[] words, List<Predicate<Object>> wanted, int start, int end) {
        for (Predicate<Object> each : wanted) {
            boolean found = false;
            for (int i = start; i <= end && words[i] != null && !found; i++) found = each.test(words[i]);
            if (!found) return false;
        }
        return true;
    }

    private static boolean is(String word, Predicate<Object> wanted) {
        return word != null && wanted.test(word);
    }
}
