"""
Which parsers there are: entry points of installed distributions, loaded. One that cannot be imported is left out.

Rule: of two parsers for a type, one from another distribution comes before ours (so that ours can be replaced), then
      the name of the entry point decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from file_fetcher.parsers.protocol import ENTRY_POINTS, Parser, ParserInfo

_OURS = "rowferry"


@dataclass(frozen=True, slots=True)
class Registry:
    """Parsers by the name of their entry point, in the order in which they are asked; `broken`: name -> why."""

    parsers: Mapping[str, Parser]
    broken: Mapping[str, str]

    def infos(self) -> tuple[ParserInfo, ...]:
        """What the service needs to know of them."""
        return tuple(
            ParserInfo(
                key, each.name, each.version, frozenset(each.media_types), tuple(getattr(each, "signatures", ()))
            )
            for key, each in self.parsers.items()
        )


def installed() -> list[EntryPoint]:
    """The entry points of all installed distributions, in the order in which they are asked."""
    found = entry_points(group=ENTRY_POINTS)
    return sorted(found, key=lambda each: (each.dist is not None and each.dist.name == _OURS, each.name))


def load(points: Iterable[EntryPoint]) -> Registry:
    """Import and make each parser."""
    parsers: dict[str, Parser] = {}
    broken: dict[str, str] = {}
    for point in points:
        try:
            parser: Parser = point.load()()
            _ = parser.name, parser.version, parser.media_types, parser.parse
        except Exception as exc:  # whatever a stranger's module does disables that parser alone
            broken[point.name] = f"{type(exc).__name__}: {exc}"
        else:
            parsers.setdefault(point.name, parser)
    return Registry(parsers, broken)
