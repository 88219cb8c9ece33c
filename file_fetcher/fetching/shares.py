"""
Who may begin next: places (buckets, hosts) share the downloads, so that one that hangs stops no other (pure).

Rule 1: a place moves while something of it ended as it should in the last seconds. Places that stand still, new ones
        too, have half of the room at most, together, while others wait.
Rule 2: what moves has the rest, and always a part of its own: what moved may hang from one moment to the next, and
        hold all of the room.
Rule 3: a place of which nothing is under way begins beside what stands still; of such single ones there is a bound.

Keeps: V14.
"""

from __future__ import annotations

from dataclasses import dataclass

_MOVES_S = 10.0
_MOST_KNOWN = 1_000  # of which nothing is under way


@dataclass(slots=True)
class _Place:
    under_way: int = 0
    moves_until: float = float("-inf")


class Shares:
    """Counts what is under way, by place. `room`: how many may be under way as a rule; `now`: monotonic seconds."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self.under_way = 0

    @staticmethod
    def most(room: int) -> int:
        """The most that can be under way when all of the room hangs."""
        return room + 2 * max(1, room // 4)

    def may_begin(self, place: str, room: int, now: float, *, alone: bool = False) -> bool:
        """Whether one more of a place may begin; `alone`: nothing waits of any other."""
        half, part = max(1, room // 2), max(1, room // 4)
        found = self._places.get(place)
        if self.under_way >= self.most(room):
            return False
        if found is not None and now < found.moves_until:
            return self.under_way < room or self._moving(now) < max(1, room - half - part)
        standing = [each.under_way for each in self._places.values() if each.under_way and now >= each.moves_until]
        if self.under_way < room and (alone or sum(standing) < half):
            return True
        if found is not None and found.under_way:
            return False
        return self.under_way < room - room // 4 or sum(each == 1 for each in standing) < part + (room == 1)

    def begun(self, place: str) -> None:
        """One more is under way."""
        self._places.setdefault(place, _Place()).under_way += 1
        self.under_way += 1

    def ended(self, place: str, now: float, *, well: bool) -> None:
        """One is over; `well`: the place has said what there is to say."""
        found = self._places[place]
        found.under_way -= 1
        self.under_way -= 1
        if well:
            found.moves_until = now + _MOVES_S
        elif not found.under_way and now >= found.moves_until:
            del self._places[place]
        if len(self._places) > _MOST_KNOWN:
            here = {name: each for name, each in self._places.items() if each.under_way or now < each.moves_until}
            self._places = here

    def _moving(self, now: float) -> int:
        return sum(each.under_way for each in self._places.values() if now < each.moves_until)
