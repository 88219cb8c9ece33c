package rowferry.devstack.search;

import rowferry.devstack.store.StoredDocument;

/** A document that matches, with what decides its place among the hits. */
record Candidate(StoredDocument stored, double score, Object[] keys) {}
