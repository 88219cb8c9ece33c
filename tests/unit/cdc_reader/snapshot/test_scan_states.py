"""The table of a scan's states: all that can happen in each, and what does not count any more."""

from __future__ import annotations

import pytest

from cdc_reader.snapshot.scan_states import TRANSITIONS, Message, Phase, ScanAction, action


def test_every_phase_says_what_may_happen_in_it() -> None:
    assert set(TRANSITIONS) == set(Phase)


def test_every_action_is_done_somewhere() -> None:
    assert {done for messages in TRANSITIONS.values() for done in messages.values()} == set(ScanAction)


@pytest.mark.rule("S4")
def test_s4_no_watermark_is_taken_while_writers_are_waited_for() -> None:
    assert action(Phase.WRITERS, Message.LOW_RECEIVED) is None
    assert action(Phase.WRITERS, Message.WRITERS_ENDED) is ScanAction.WRITE_LOW


@pytest.mark.rule("S1")
def test_s1_chunk_is_read_after_its_low_watermark_alone() -> None:
    assert [phase for phase in Phase if action(phase, Message.LOW_RECEIVED) is ScanAction.READ_CHUNK] == [Phase.LOW]


@pytest.mark.rule("S2")
def test_s2_open_chunk_is_given_up_whether_or_not_it_has_been_read() -> None:
    voided = {phase for phase in Phase if action(phase, Message.VOID) is ScanAction.VOID_CHUNK}
    assert voided == {Phase.READING, Phase.HIGH}


@pytest.mark.rule("S3")
def test_s3_high_watermark_counts_once_the_chunk_is_read() -> None:
    assert [phase for phase in Phase if action(phase, Message.HIGH_RECEIVED)] == [Phase.HIGH]


@pytest.mark.rule("S3")
@pytest.mark.parametrize("phase", [Phase.BEGIN, Phase.LATER, Phase.OVER])
def test_s3_failure_of_an_attempt_that_is_given_up_is_ignored(phase: Phase) -> None:
    assert action(phase, Message.FAILED) is None
