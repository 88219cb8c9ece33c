"""
A database like a mirror of Procore, and a live workload on it: the data of the demo, the tests and the benchmarks.

Fifty tables, about 40,000 rows at factor 1, 164 relationships, 33 columns that refer to files. All of it follows
from a seed and a factor (`rows.Size`); `load.load` fills a database, `workload.run` keeps changing it.
"""
