from __future__ import annotations

import pytest

from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.topic_lives import Anew, Log, Start, start_of

LOG = Log("now", 2, 9)
CASES = {
    "another topic": (CommittedPosition(5, 1, "before"), "the topic was made again: its id was before, now now"),
    "another topic, behind its end": (
        CommittedPosition(10, 1, "before"),
        "the topic was made again: its id was before, now now",
    ),
    "a shorter log": (CommittedPosition(10, 1, "now"), "the log ends at offset 9, before the position 10"),
    "a shorter log, of an older release": (
        CommittedPosition(10, 1),
        "the log ends at offset 9, before the position 10",
    ),
}


@pytest.mark.rule("V11")
@pytest.mark.parametrize(("position", "reason"), CASES.values(), ids=CASES)
def test_v11_position_of_another_topic_or_behind_the_end_begins_anew(position: CommittedPosition, reason: str) -> None:
    start = start_of(position, LOG)
    assert start.position is None
    assert start.anew is not None
    assert start.anew.reason == reason


@pytest.mark.parametrize(
    "position",
    [None, CommittedPosition(9, 1, "now"), CommittedPosition(0, None, "now"), CommittedPosition(9, 1)],
    ids=["none", "at the end", "before what is left", "of an older release"],
)
def test_position_of_this_topic_is_gone_on_from(position: CommittedPosition | None) -> None:
    assert start_of(position, LOG) == Start(LOG, position)


@pytest.mark.rule("V11")
def test_v11_what_begins_anew_does_so_whatever_is_committed_meanwhile() -> None:
    """The broker forgets positions in a topic that is deleted; what is committed by habit belongs to the old one."""
    anew = Anew("the topic was made again", "now")
    assert start_of(None, LOG, anew) == Start(LOG, None, anew)
    assert start_of(CommittedPosition(5, 1, "now"), LOG, anew) == Start(LOG, None, anew)
