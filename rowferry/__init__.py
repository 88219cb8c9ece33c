"""The operator's side: the `rowferry` command, the comparison of index and database, the doctor."""
