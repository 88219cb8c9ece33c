package rowferry.devstack.search;

/** The values that are matched: those of a document, or of one element of a map or struct array. */
interface Values {

    /** Long, Double, String, Object[] of these, String[] of words (TEXT), Object[][] (ELEMENTS), or null: missing. */
    Object get(SearchField field);
}
