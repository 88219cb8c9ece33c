"""Discovery: what the source database holds, how each table is captured and why."""
