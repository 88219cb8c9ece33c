"""What an operator does when the past is lost: the remedies that more than one check names."""

from __future__ import annotations

RESET = (
    "to read every table again and remove from the index what is gone, run `cdc-reader reset --execute`, "
    "then start the reader"
)
# Where another server may answer: what it prints says what to do, and nothing is done before it was read.
CORRECT_URL = (
    "correct database_url; only where this database has taken the place of the other for good, see what "
    "`cdc-reader reset --source-moved` would do"
)
OTHERS_TOPICS = (
    "correct database_url, or set another kafka.prefix; only where this database has taken the place of the other for "
    "good, see what `cdc-reader reset --source-moved` would do"
)
RESTORED = (
    "look at database_url: a copy of the server answers like this; only where the server was restored, or replaced "
    "for good, see what `cdc-reader reset --source-moved` would do"
)
OTHER_KAFKA = (
    "look at kafka.bootstrap_servers: another Kafka answers like this; only where the topics are lost for good: "
    + RESET
)
PLUGIN = (
    "install the slot's output plugin on the server (wal2json: Debian's package postgresql-<version>-wal2json; 2.5 or "
    "newer), or set another `plugin`"
)
# Where a table was read whole, and what was found is not believed.
FEW_ROWS = (
    "see whether {table} lost rows, and whether database_url names the right database; where all is as it should be, "
    "ask for a snapshot of {table} with force: docs/how-to/snapshot.md"
)
REINDEX = (
    "REINDEX TABLE {table}; (its index is broken, mostly by another version of a collation), then ask for a snapshot "
    "of it: docs/how-to/snapshot.md"
)
# For a table whose topic holds rows under another key: they are taken out before it is read under the one of now.
ANEW = (
    "to have it read again, add {table!r} to the setting 'exclude' and start the reader, until it logs "
    "`table_removed_from_index`; then take it out of 'exclude' and start the reader again"
)
# Where what polls compare with cannot be kept.
UNUSABLE_FOLDER = "give `polling.directory` a folder with room that the reader may write to"
