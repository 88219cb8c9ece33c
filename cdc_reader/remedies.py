"""What an operator does when the past is lost: the remedies that more than one check names."""

from __future__ import annotations

RESET = (
    "to read every table again and sweep what is gone from the index, run `cdc-reader reset --execute`, "
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
# For a table whose topic holds rows under another key: they are taken out before it is read under the one of now.
ANEW = (
    "to have it read anew, add {table!r} to the setting 'exclude' and start the reader, until it logs "
    "`table_removed_from_index`; then take it out of 'exclude' and start the reader again"
)
