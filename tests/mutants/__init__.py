"""
Rules taken out of the product, one small edit each, and the tests that must be red without them.

The lists are data: `reader`, `sink`, `fetcher`, `runtime`. `python -m tests.mutants` (`make mutants`) applies them
one by one in copies of the tree; `tests/unit/test_mutants.py` finds entries that no longer fit the code.
"""
