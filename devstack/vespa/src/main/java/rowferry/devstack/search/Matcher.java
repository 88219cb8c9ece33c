package rowferry.devstack.search;

import java.util.List;

/** A compiled query, or a part of one. */
interface Matcher {

    double NO = -1;

    Matcher ALL = values -> 0;
    Matcher NONE = values -> NO;

    /** {@link #NO}, or a naive score of 0 and up: the more of its words are found, and the oftener, the higher. */
    double match(Values values);

    static Matcher and(List<Matcher> parts) {
        return values -> {
            double sum = 0;
            for (Matcher part : parts) {
                double score = part.match(values);
                if (score < 0) return NO;
                sum += score;
            }
            return sum;
        };
    }

    static Matcher or(List<Matcher> parts) {
        return values -> {
            double sum = NO;
            for (Matcher part : parts) {
                double score = part.match(values);
                if (score >= 0) sum = Math.max(sum, 0) + score;
            }
            return sum;
        };
    }

    /** The first must match; the others only add to the score. */
    static Matcher rank(List<Matcher> parts) {
        return values -> {
            double sum = parts.get(0).match(values);
            if (sum < 0) return NO;
            for (Matcher part : parts.subList(1, parts.size())) sum += Math.max(0, part.match(values));
            return sum;
        };
    }

    static Matcher butNot(Matcher wanted, Matcher unwanted) {
        return values -> {
            double score = wanted.match(values);
            return score < 0 || unwanted.match(values) >= 0 ? NO : score;
        };
    }
}
