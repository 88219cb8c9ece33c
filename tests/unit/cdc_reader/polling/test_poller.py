"""Rules L1, L2, S7 and D8 of polls, with events placed between their steps; see `polls`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.control import Command, Kind, State
from schemas.errors import TransientError
from schemas.poll_marks import DONE, HELD, RUNNING
from tests.unit.cdc_reader.polling.polls import World, op_of, value


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def filled(world: World, rows: int) -> World:
    for key in range(rows):
        world.write(key, value(key))
    return world


def ops(world: World) -> list[str]:
    return [op_of(record) for record in world.topic]


@pytest.mark.rule("L1")
def test_l1_first_poll_reads_all_then_changes_and_keys(world: World) -> None:
    filled(world, 4)
    assert world.poll() == ["prepare", "rows", "rows"]
    assert (ops(world), world.mark.state) == (["r"] * 4 + ["s"] * 3, DONE)
    first = len(world.topic)
    assert world.poll() == ["prepare", "rows", "keys", "keys", "count"]
    assert len(world.topic) == first, "what did not change was published again"
    world.write(1, value("new"))
    world.write(9, value(9))
    world.write(2, None)
    assert world.poll() == ["prepare", "rows", "keys", "keys", "count", "missing", "asked", "missing"]
    assert ops(world)[first:] == ["u", "c", "d", "-"]
    assert world.published() == world.database


@pytest.mark.rule("L1")
def test_l1_row_written_while_its_table_is_read_is_found_by_the_next_poll(world: World) -> None:
    filled(world, 8)
    world.step()
    world.step()
    world.write(1, value("behind"))  # its chunk has been read
    world.write(7, None)
    world.write(6, value("ahead"))
    world.steps()
    world.commit()
    world.poll()
    assert world.published() == world.database


@pytest.mark.rule("L1")
def test_l1_a_poll_begins_behind_the_commit_of_the_one_before(world: World) -> None:
    filled(world, 2)
    world.steps()
    world.now += 200
    assert world.steps() == [], "the topic does not hold yet what was published"
    world.commit()
    assert world.steps()[0] == "prepare"


@pytest.mark.rule("L1")
def test_l1_a_first_poll_that_is_killed_goes_on(world: World) -> None:
    filled(world, 7)
    for _ in range(3):  # prepare, and two of three chunks
        world.step()
    world.commit()
    assert world.mark.state == RUNNING
    world.kill()
    world.write(0, None)
    world.steps()
    world.commit()
    assert [op for op in ops(world) if op == "r"] == ["r"] * 7, "rows that came through went out again"
    assert world.mark.state == DONE
    world.poll()
    assert world.published() == world.database


@pytest.mark.rule("L1", "L2")
def test_l2_what_was_published_before_the_first_poll_is_swept(world: World) -> None:
    filled(world, 3)
    world.poll()
    world.incarnation = "life-2"
    world.kill()
    world.write(1, None)
    world.poll()
    assert world.published() == world.database
    assert ops(world).count("r") == 5


def test_what_is_not_committed_is_published_by_the_next_session(world: World) -> None:
    filled(world, 2)
    world.poll()
    world.write(0, value("new"))
    world.write(1, None)
    world.now += 200
    world.steps()
    world.kill()  # the Kafka transaction did not happen
    world.steps()
    world.commit()
    assert world.published() == world.database


@pytest.mark.rule("S7")
def test_s7_deletes_that_look_wrong_wait_for_an_operator(world: World) -> None:
    filled(world, 250)
    world.poll()
    for key in range(200):
        world.write(key, None)
    world.poll()
    assert (world.mark.state, len(world.published())) == (HELD, 250)
    assert "far fewer rows" in world.poller.troubles["public.v"]
    world.ask(Command("c", Kind.SWEEP, ("public.v",), "me", 1, force=True))
    world.poll()
    assert world.published() == world.database
    assert (world.mark.state, world.commands["c"].state, world.poller.troubles) == (DONE, State.DONE, {})


@pytest.mark.rule("S7")
def test_s7_rows_that_come_back_end_what_was_held(world: World) -> None:
    filled(world, 250)
    world.poll()
    kept = dict(world.rows)
    world.rows = {key: row for key, row in kept.items() if key > 200}
    world.poll()
    assert world.mark.state == HELD
    world.rows = kept
    world.poll()
    assert (world.mark.state, world.published()) == (DONE, world.database)


@pytest.mark.rule("S7")
def test_s7_a_first_poll_that_is_held_is_held_until_the_rows_are_back(world: World) -> None:
    filled(world, 250)
    world.poll()
    kept = dict(world.rows)
    world.incarnation = "life-2"
    world.kill()
    world.rows = {key: row for key, row in kept.items() if key > 200}
    world.poll()
    assert (world.mark.state, len(world.published())) == (HELD, 250)
    world.poll()
    assert (world.mark.state, len(world.published())) == (HELD, 250), "it was forgotten that nothing was swept"
    world.rows = {key: row for key, row in kept.items() if key > 20}
    world.poll()
    assert (world.mark.state, world.published()) == (DONE, world.database)


@pytest.mark.rule("S7")
def test_s7_a_first_poll_that_was_cut_off_knows_how_many_rows_there_should_be(world: World) -> None:
    filled(world, 250)
    world.poll()
    world.incarnation = "life-2"
    world.kill()
    world.step()
    world.step()
    world.commit()
    world.kill()
    world.rows.clear()
    world.poll()
    assert (world.mark.state, len(world.published())) == (HELD, 250)


@pytest.mark.rule("L1")
def test_l1_what_is_missing_for_a_moment_is_asked_for_again(world: World) -> None:
    filled(world, 6)
    world.poll()
    kept = dict(world.rows)
    world.now += 200
    world.rows.clear()
    while world.step() != "count":
        pass
    world.rows = {key: row for key, row in kept.items() if key != 4}
    world.steps()
    world.commit()
    assert world.published() == world.database


@pytest.mark.rule("D8")
def test_d8_a_poll_that_fails_is_told_and_tried_again(world: World) -> None:
    filled(world, 2)
    world.broken = TransientError("the server is away")
    assert world.poll() == ["prepare", "rows"]
    assert world.poller.troubles == {"public.v": "the server is away"}
    world.broken = None
    world.poll()
    assert (world.published(), world.poller.troubles) == (world.database, {})


def test_command_that_comes_while_a_poll_is_under_way_has_its_own(world: World) -> None:
    filled(world, 4)
    world.ask(Command("a", Kind.SNAPSHOT, ("public.v",), "me", 1))
    world.step()
    world.step()
    assert world.asked["a"].state is State.RUNNING
    world.ask(Command("b", Kind.SNAPSHOT, ("public.v",), "me", 1))
    world.steps()
    assert (world.asked["a"].state, "b" in world.asked, world.poller.asked("b")) == (State.DONE, False, True)
    world.commit()
    world.steps()
    world.commit()
    assert world.commands["b"].state is State.DONE
    assert ops(world).count("r") == 8


@pytest.mark.rule("L1")
def test_l1_rows_asked_for_by_their_keys_wait_for_the_poll_that_is_under_way(world: World) -> None:
    filled(world, 4)
    world.step()
    world.ask(Command("k", Kind.REREAD, ("public.v",), "me", 1, keys=("1", "77")))
    steps = world.steps()
    assert steps == ["rows", "rows", "single"]
    world.commit()
    assert world.commands["k"].state is State.DONE
    assert ops(world)[-3:] == ["r", "d", "-"]
    world.poll()
    assert world.published() == world.database


def test_rows_that_cannot_be_read_now_are_asked_for_again(world: World) -> None:
    filled(world, 1)
    world.poll()
    world.ask(Command("k", Kind.REREAD, ("public.v",), "me", 1, keys=("0",)))
    world.broken = TransientError("locked")
    assert world.steps() == ["single"]
    world.broken = None
    world.now += 5
    assert world.steps() == ["single"]
    assert world.asked["k"].state is State.DONE


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 9), st.one_of(st.none(), st.integers(0, 3))),
        st.tuples(st.just("step"), st.integers(1, 4)),
        st.tuples(st.sampled_from(["poll", "steps", "commit", "later", "keys"])),
        st.tuples(st.sampled_from(["kill", "lose", "ask", "life"])),
    ),
    max_size=40,
)


@pytest.mark.rule("L1", "L2")
@settings(max_examples=300)
@given(steps=STEPS)
def test_l1_whatever_happens_between_two_steps_the_topic_ends_as_the_table(tmp_path_factory, steps) -> None:
    world = filled(World(tmp_path_factory.mktemp("polls")), 6)
    world.poll()
    asked = 0
    for kind, *more in steps:
        if kind == "write":
            key, number = more
            world.write(key, None if number is None else value(number))
        elif kind == "step":
            for _ in range(more[0]):
                world.step()
        elif kind == "steps":
            world.steps()
        elif kind == "poll":
            world.poll()
        elif kind == "commit":
            world.commit()
        elif kind == "kill":
            world.kill()
        elif kind == "lose":
            world.forget()
        elif kind == "later":
            world.now += 200
        elif kind == "life":
            world.incarnation += "+"
            world.kill()
        else:
            asked += 1
            keys = ("3", "4") if kind == "keys" else ()
            world.ask(Command(f"c{asked}", Kind.REREAD if keys else Kind.SNAPSHOT, ("public.v",), "me", 1, keys=keys))
    world.steps()
    world.commit()
    world.poll()
    assert world.published() == world.database
