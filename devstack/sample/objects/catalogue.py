"""
Which objects there are: their keys, and what lies under each.

Rule 1: the objects do not depend on seed or factor, so rows of any number, the workload's among them, find theirs.
Rule 2: most contents lie under two keys, so there are fewer contents than objects, and fewer objects than references.
Rule 3: where a program could take one key for another (`//`, `..`, a slash before or behind), both lie there with
        different contents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from devstack.sample import words
from devstack.sample.draws import Draws
from devstack.sample.objects.contents import Content

MAX_BYTES = 2 * 1024 * 1024
"""The limit for files that some objects are above by one byte; all others are below half of it."""

SHELVES: Mapping[str, Mapping[str, int]] = {
    "contracts": {"pdf": 24},
    "daily_logs": {"pdf": 40, "csv": 12},
    "documents": {"pdf": 60, "xlsx": 16, "csv": 12, "txt": 16, "docx": 2},
    "drawings": {"pdf": 80, "dwg": 3},
    "drawings/png": {"png": 40},
    "drawings/previews": {"png": 30},
    "drawings/thumbnails": {"png": 40},
    "incidents": {"pdf": 12},
    "incidents/photos": {"jpg": 16},
    "inspections": {"jpg": 30},
    "inspections/signatures": {"png": 40},
    "invoices": {"pdf": 40, "xlsx": 6, "csv": 6},
    "meetings": {"pdf": 24, "docx": 2, "txt": 16},
    "observations": {"jpg": 36, "pdf": 4},
    "photos": {"jpg": 110, "gif": 4, "tiff": 4},
    "photos/thumbnails": {"jpg": 50},
    "punch_items": {"pdf": 36},
    "punch_items/photos": {"jpg": 36},
    "rfi_responses": {"pdf": 30, "xlsx": 8},
    "rfis": {"pdf": 40, "txt": 8},
    "specifications": {"pdf": 50, "txt": 8},
    "submittals": {"pdf": 40, "xlsx": 8, "zip": 2},
}
"""Folder to formats to how many contents; the numbers are also how likely a row refers to that format."""

LONGEST_KEY = "odd/" + "k" * (1024 - len("odd/.txt")) + ".txt"
_PLAIN_ODD = (
    "odd/a b+c&d=%25#?e\u0301.pdf",
    "odd//b.pdf",
    "odd/b.pdf",
    "/odd/lead.pdf",
    "odd/lead.pdf",
    "odd/dir/",
    "odd/dir",
    "odd/tab\there.txt",
    "odd/重機 №7 ünï.txt",
    "odd/e\u0301.txt",
    "odd/\u00e9.txt",
)
_DOTTED_ODD = ("odd/x/../y.txt", "odd/y.txt", "odd/x/y.txt", "../../etc/passwd", "odd/./dot.txt", "odd/dot.txt")
ODD_KEYS = (*_PLAIN_ODD, *_DOTTED_ODD, LONGEST_KEY)
"""Keys that careless programs change on the way."""

FAULTY: Mapping[str, Content] = {
    "faulty/one byte too large.txt": Content("large", 1),
    "faulty/also too large.pdf": Content("large", 2),
    "faulty/empty.pdf": Content("empty", 1),
    "faulty/folder/": Content("empty", 1),
    "faulty/torn.pdf": Content("corrupt", 1),
    "faulty/locked.pdf": Content("encrypted", 1),
    "faulty/error page.pdf": Content("html", 1),
    "faulty/long.txt": Content("long", 1),
}
"""Objects that are fetched in part, not at all, or fetched and not read."""

PREFIX = "procore"
_MISSING = 20
# Of a thousand references so many are to nothing, to an odd key, to a faulty object.
_MISSING_PER_1000, _ODD_PER_1000, _FAULTY_PER_1000 = 6, 6, 6


@cache
def objects() -> Mapping[str, Content]:
    """Return every object by its key."""
    found = {key: content for folder in SHELVES for key, content in _shelf(folder).items()}
    found |= {key: Content(_odd_kind(key), number, "odd") for number, key in enumerate(ODD_KEYS)}
    return {**found, **FAULTY}


def plan_key(folder: str) -> str:
    """Return a key with letters of several scripts, which each folder has."""
    return f"{PREFIX}/{folder}/pläne/№ 1 façade.{next(iter(SHELVES[folder]))}"


def missing_key(folder: str, number: int) -> str:
    """Return a key under which nothing lies."""
    return f"{PREFIX}/{folder}/missing/{number}.{next(iter(SHELVES[folder]))}"


def some_key(folder: str, draws: Draws) -> str:
    """Return one of the folder's keys, at times a missing, odd or faulty one; never the longest."""
    return _some_key(folder, draws, (*_PLAIN_ODD, *_DOTTED_ODD), tuple(FAULTY))


def some_linked_key(folder: str, draws: Draws) -> str:
    """Likewise for a link: clients resolve segments of dots in it, and no one links to an empty folder."""
    return _some_key(folder, draws, _PLAIN_ODD, tuple(key for key in FAULTY if not key.endswith("/")))


def _some_key(folder: str, draws: Draws, odd: Sequence[str], faulty: Sequence[str]) -> str:
    chance = draws.below(1000)
    if (chance := chance - _MISSING_PER_1000) < 0:
        return missing_key(folder, draws.below(_MISSING))
    if (chance := chance - _ODD_PER_1000) < 0:
        return draws.one_of(odd)
    return draws.one_of(faulty if chance < _FAULTY_PER_1000 else _keys(folder))


@cache
def _keys(folder: str) -> tuple[str, ...]:
    return tuple(_shelf(folder))


@cache
def _shelf(folder: str) -> Mapping[str, Content]:
    found = dict(_two_keys_each(folder))
    found[plan_key(folder)] = Content(next(iter(SHELVES[folder])), 0, folder)
    return found


def _two_keys_each(folder: str) -> Iterator[tuple[str, Content]]:
    for suffix, count in SHELVES[folder].items():
        for number in range(count):
            content = Content(suffix, number, folder)
            noun = content.draws.one_of(words.NOUNS)
            for copy in ("", " (2)"):
                yield f"{PREFIX}/{folder}/{number:03}/{noun}{copy}.{suffix}", content


def _odd_kind(key: str) -> str:
    return "pdf" if key.endswith(".pdf") else "txt"
