"""The comparison of index and database.

Its two readers share nothing with the product's mapping: one takes PostgreSQL's text, the other Vespa's JSON, and
ids, metadata and relationships are derived from the catalog once more. What they agree on was not agreed in advance.
"""
