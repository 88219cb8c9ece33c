"""The inventory of a database: tables, columns, keys, relationships, files, and how each table is captured."""
