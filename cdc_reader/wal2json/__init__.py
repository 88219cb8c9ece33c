"""
The plugin wal2json, format version 2: from its JSON lines to the pgoutput messages that mean the same (pure).

All that is behind the replication connection is the one path that pgoutput takes (decision 0031).
"""
