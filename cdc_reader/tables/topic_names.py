"""
Tables whose topic Kafka cannot carry by its name: they are set aside (rule D8, pure).

Topics are named one-to-one after tables (decision 0006). Kafka has names of 249 characters at most, and holds two names
that differ in '.' and '_' alone to be one.

Keeps: D8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cdc_reader.discovery.catalog_rows import Catalog, SetAside, TableRow
from schemas.errors import SettingsError
from schemas.names import TableName
from schemas.topics import Topics

_EXCLUDE = "rename the table, or add {name!r} to the setting 'exclude'"


def topic_of(topics: Topics, table: TableName) -> str:
    """The topic of a table; empty when Kafka has no name for it."""
    try:
        return topics.table(table)
    except SettingsError:
        return ""


def with_names_checked(catalog: Catalog, topics: Topics, existing: Iterable[str]) -> Catalog:
    """The catalog with the tables set aside that can have no topic beside the `existing` ones, and one another."""
    known = set(existing)
    taken = {_for_kafka(name): name for name in known}
    checked: list[TableRow] = []
    for table in catalog.tables:
        topic = topic_of(topics, table.name)
        found = None
        if not topic:
            found = SetAside(
                "the name of its topic would be longer than the 249 characters that Kafka allows",
                _EXCLUDE.format(name=str(table.name)),
            )
        elif topic not in known and (other := taken.setdefault(_for_kafka(topic), topic)) != topic:
            found = SetAside(
                f"its topic {topic!r} and the topic {other!r} are one for Kafka: '.' and '_' are alike",
                _EXCLUDE.format(name=str(table.name)),
            )
        checked.append(table if found is None else replace(table, set_aside=table.set_aside or found))
    return replace(catalog, tables=tuple(checked))


def _for_kafka(topic: str) -> str:
    return topic.replace(".", "_")
