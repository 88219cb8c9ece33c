"""
Names that pipelines on the same servers must not share (pure): what each is called, and which one a start takes.

Topics carry the prefix. Other names carry it too, but for the prefix `cdc`: consumer groups, the namespace of
documents, slot and publication. A pipeline that ran under a plain name goes on with it. What is set is taken as it is.

Keeps: D7.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

from schemas.errors import SettingsError

PLAIN_PREFIX = "cdc"
# For the descriptions of settings whose default is a plain name.
NOT_PLAIN = "Default with another `kafka.prefix`: this and `-PREFIX`."
NOT_PLAIN_SQL = "Default with another `kafka.prefix`: this and `_PREFIX`."
_LONGEST_SQL_NAME = 63
_DIGEST = 8
_SQL_WORD = re.compile(r"[a-z0-9_]+")


def own_name(plain: str, prefix: str) -> str:
    """What a group or a namespace is called in the pipeline with this prefix."""
    return plain if prefix == PLAIN_PREFIX else f"{plain}-{prefix}"


def own_sql_name(plain: str, prefix: str) -> str:
    """The same for slot and publication, of lower-case letters, digits and `_`; what had to change has a digest."""
    if prefix == PLAIN_PREFIX:
        return plain
    if _SQL_WORD.fullmatch(prefix) and len(plain) + 1 + len(prefix) <= _LONGEST_SQL_NAME:
        return f"{plain}_{prefix}"
    digest = hashlib.sha256(prefix.encode()).hexdigest()[:_DIGEST]
    word = re.sub(r"[^a-z0-9_]", "_", prefix.lower())[: _LONGEST_SQL_NAME - len(plain) - _DIGEST - 2]
    return f"{plain}_{word}_{digest}"


def name_to_use(own: str, plain: str, used: Collection[str]) -> str:
    """The pipeline's own name; the plain one where that alone is `used`: under it the pipeline ran before."""
    return plain if plain in used and own not in used else own


def prefixes_of(topics: Collection[str]) -> frozenset[str]:
    """The prefixes of the pipelines that topics belong to."""
    return frozenset(topic.partition(".")[0] for topic in topics)


def others_in_group(
    group: str, setting: str, prefix: str, topics: Collection[str], *, bootstrap_servers: str
) -> str | None:
    """
    The other pipelines that have positions in our group, to be told; None when there are none.

    `topics`: those that the group has positions of; `bootstrap_servers` stands in the remedy. Raises `SettingsError`
    when it has none of ours: it is theirs.
    """
    prefixes = prefixes_of(topics)
    others = ", ".join(repr(each) for each in sorted(prefixes - {prefix}))
    if others and prefix not in prefixes:
        raise SettingsError(
            expected=f"consumer group {group!r} to be of the pipeline with prefix {prefix!r}",
            found=f"one with positions of {others}",
            remedy=f"set `{setting}` to a name that no other pipeline has; or, when the prefix was changed on purpose, "
            f"kafka-consumer-groups.sh --bootstrap-server {bootstrap_servers} --delete --group {group}",
        )
    return others or None
