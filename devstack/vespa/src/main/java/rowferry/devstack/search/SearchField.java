package rowferry.devstack.search;

import com.yahoo.language.process.StemMode;

import java.util.Map;

/**
 * How one field of a document type is searched, as its schema says.
 *
 * @param slot     where a {@link Values} has it
 * @param cased    whether texts are compared with their case
 * @param stemming for {@code TEXT}: how its words are stemmed
 * @param accents  for {@code TEXT}: whether accents are removed
 * @param members  for {@code ELEMENTS}: the fields of one element, by name
 */
record SearchField(String name, Kind kind, int slot, boolean cased, StemMode stemming, boolean accents,
                   Map<String, SearchField> members) {

    enum Kind {
        /** Whole numbers and fractions; Long or Double, or an array of them. */
        NUMBER,
        /** Like a number, 0 or 1, and 0 when it is missing. */
        BOOL,
        /** A string attribute: matched as a whole. */
        STRING,
        /** An index: matched by its words. */
        TEXT,
        /** A map or an array of structs: one array of values per element. */
        ELEMENTS,
        /** In summaries only: nothing ever matches it. */
        UNSEARCHABLE
    }

    /** Whether its value is kept ready for every document, and not made when first asked for. */
    boolean isCheap() {
        return kind == Kind.NUMBER || kind == Kind.BOOL || kind == Kind.STRING;
    }
}
