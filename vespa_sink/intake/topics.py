"""
What the records of a topic are about: the rows of one table, tables, files, or rows of spreadsheets.

Rule: only topics of tables hold tombstones and floors. `_tables`, `_files` and `_file_rows` keep what is gone as a
record that says so, for ever; so nothing of them can have expired unread (rule V7), and nothing ends by a floor (V4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from schemas.names import TableName
from schemas.topics import Topics


@dataclass(frozen=True, slots=True)
class TableTopic:
    """Each record is a row of this table, or a floor."""

    table: TableName


class ListingTopic(Enum):
    """Each record is the newest state of one thing."""

    TABLES = "tables"
    FILES = "files"
    FILE_ROWS = "file rows"
    FOREIGN = "foreign"  # named like a table's topic, and none of ours


TopicType = TableTopic | ListingTopic


def topic_type_of(topic: str, topics: Topics) -> TopicType:
    """What a topic of the subscription is about."""
    parsed = topics.parse_table(topic)
    if parsed is not None:
        return TableTopic(parsed[0])
    listings = {
        topics.tables: ListingTopic.TABLES,
        topics.files: ListingTopic.FILES,
        topics.file_rows: ListingTopic.FILE_ROWS,
    }
    return listings.get(topic, ListingTopic.FOREIGN)


def subscription(topics: Topics) -> Sequence[str]:
    """What the sink reads, as patterns: topics that are created later belong to it."""
    own = (topics.tables, topics.files, topics.file_rows)
    return [topics.table_pattern, *(f"^{name.replace('.', chr(92) + '.')}$" for name in own)]
