from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vespa_sink.writes.write_order import Barrier, Write, WriteOrder


def _write(document: str, version: int, partition: str = "p") -> Write[str, int]:
    return Write(partition, document, version, version)


def test_writes_of_different_documents_go_together() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    for document in "ab":
        assert order.offer(_write(document, 1)) == []
    assert [order.take().document, order.take().document, order.take()] == ["a", "b", None]  # type: ignore[union-attr]


def test_second_write_of_a_document_waits_for_the_first() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    order.offer(_write("a", 1))
    first = order.take()
    assert first is not None
    order.offer(_write("a", 2))
    assert order.take() is None
    assert order.newer_waits(first)
    order.done(first)
    second = order.take()
    assert second is not None
    assert second.version == 2


def test_waiting_writes_of_a_document_collapse_to_the_newest() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    old, new = _write("a", 1), _write("a", 2)
    order.offer(old)
    assert order.offer(new) == [old]
    assert order.take() is new
    assert order.take() is None
    assert order.open_in("p") == 1


def test_older_write_behind_a_newer_one_is_needless() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    order.offer(_write("a", 2))
    old = _write("a", 1)
    assert order.offer(old) == [old]


def test_tombstone_behind_its_delete_under_way_is_needless() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    order.offer(_write("a", 5))
    order.take()
    tombstone = _write("a", 5)
    assert order.offer(tombstone) == [tombstone]


def test_write_under_way_for_a_partition_that_was_lost_makes_nothing_needless() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    order.offer(_write("a", 5, "before"))
    first = order.take()
    assert first is not None
    order.drop("before")
    assert order.offer(_write("a", 5, "after")) == []
    order.done(first)
    again = order.take()
    assert again is not None
    assert again.partition == "after"


def test_dropped_partition_leaves_nothing_behind() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    order.offer(_write("a", 1, "gone"))
    order.offer(_write("b", 1, "kept"))
    order.offer(Barrier("gone", 9))
    order.drop("gone")
    taken = order.take()
    assert taken is not None
    assert (taken.document, order.take(), order.take_barrier(), order.open_in("gone")) == ("b", None, None, 0)


@pytest.mark.rule("V4")
def test_v4_barrier_waits_for_the_writes_before_it_and_holds_those_behind_it() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    order.offer(_write("a", 1))
    barrier = Barrier("p", 9)
    order.offer(barrier)
    order.offer(_write("a", 3))
    order.offer(_write("b", 3))
    assert order.take_barrier() is None
    first = order.take()
    assert first is not None
    assert order.take() is None
    order.done(first)
    assert order.take_barrier() is barrier
    assert order.take() is None
    assert order.take_barrier() is None
    assert order.open_in("p") == 3
    assert order.barrier_done(barrier) == []
    assert {order.take().document, order.take().document} == {"a", "b"}  # type: ignore[union-attr]


@pytest.mark.rule("V4")
def test_v4_barrier_of_one_partition_does_not_hold_another() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    order.offer(Barrier("p", 9))
    order.offer(_write("a", 1, "q"))
    taken = order.take()
    assert taken is not None
    assert taken.partition == "q"


@pytest.mark.rule("V4")
def test_v4_two_barriers_are_carried_out_one_after_the_other() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    first, second = Barrier("p", 1), Barrier("p", 2)
    order.offer(first)
    order.offer(_write("a", 1))
    order.offer(second)
    assert order.take_barrier() is first
    order.barrier_done(first)
    assert order.take_barrier() is None
    write = order.take()
    assert write is not None
    order.done(write)
    assert order.take_barrier() is second


@pytest.mark.rule("V13")
def test_v13_write_that_is_aside_holds_up_nothing_and_comes_back() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    write = _write("a", 5)
    order.offer(write)
    order.take()
    assert order.set_aside(write) == []
    assert order.open_in("p") == 0
    order.offer(_write("b", 1))
    assert order.take() is not None
    assert order.take_back(write)
    assert order.open_in("p") == 2
    assert not order.take_back(write)
    order.done(write)
    assert order.open_in("p") == 1


@pytest.mark.rule("V13")
def test_v13_newer_write_takes_the_place_of_one_that_is_aside_and_an_older_one_does_not() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    aside, older, newer = _write("a", 5), _write("a", 4), _write("a", 6)
    order.offer(aside)
    order.take()
    order.set_aside(aside)
    assert order.offer(older) == [older]
    assert order.take() is None
    assert order.offer(newer) == [aside]
    assert order.take() is newer
    assert not order.take_back(aside)


@pytest.mark.rule("V13")
def test_v13_write_behind_which_a_newer_one_waits_is_not_set_aside() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    write, newer = _write("a", 5), _write("a", 6)
    order.offer(write)
    order.take()
    order.offer(newer)
    assert order.set_aside(write) == [write]
    assert order.take() is newer
    assert order.open_in("p") == 1


@pytest.mark.rule("V13")
@pytest.mark.rule("V4")
@pytest.mark.parametrize("first", ["aside", "barrier"])
def test_v13_barrier_ends_what_is_aside_below_it_and_leaves_the_rest(first: str) -> None:
    order: WriteOrder[str, int] = WriteOrder()
    below, above, other = _write("a", 5), _write("b", 30), _write("c", 5, "q")
    barrier = Barrier("p", 1, below=20)
    ended = []
    for write in (below, above, other):
        order.offer(write)
        order.take()
    if first == "barrier":
        ended += order.offer(barrier)
        assert order.take_barrier() is None
    for write in (below, above, other):
        ended += order.set_aside(write)
    if first == "aside":
        ended += order.offer(barrier)
    assert ended == [below]
    assert order.take_barrier() is barrier
    assert [order.take_back(each) for each in (below, above, other)] == [False, True, True]


@pytest.mark.rule("V13")
def test_v13_nothing_is_left_aside_of_a_dropped_partition() -> None:
    order: WriteOrder[str, int] = WriteOrder()
    aside, under_way = _write("a", 5), _write("b", 5)
    for write in (aside, under_way):
        order.offer(write)
        order.take()
    order.set_aside(aside)
    order.drop("p")
    assert not order.take_back(aside)
    assert order.set_aside(under_way) == [under_way]
    order.offer(_write("a", 3))
    order.offer(_write("b", 3))
    assert order.take() is not None
    assert order.take() is not None


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from("pq"), st.sampled_from("abc")),
        st.tuples(st.just("barrier"), st.sampled_from("pq"), st.just("")),
        st.tuples(st.just("take"), st.just(""), st.just("")),
        st.tuples(st.just("done"), st.just(""), st.just("")),
        st.tuples(st.just("aside"), st.just(""), st.just("")),
        st.tuples(st.just("back"), st.just(""), st.just("")),
    ),
    max_size=60,
)


@given(STEPS)
def test_every_write_ends_once_and_in_order_whatever_happens(steps: list[tuple[str, str, str]]) -> None:
    order: WriteOrder[str, int] = WriteOrder()
    offered = 0
    ended: list[Write[str, int]] = []
    under_way: list[Write[str, int]] = []
    aside: list[Write[str, int]] = []
    applied: dict[str, list[int]] = defaultdict(list)

    def finish() -> None:
        write = under_way.pop(0)
        applied[write.document].append(write.version)
        order.done(write)
        ended.append(write)

    def run_barriers() -> None:
        while (barrier := order.take_barrier()) is not None:
            assert not [write for write in under_way if write.partition == barrier.partition]
            ended.extend(order.barrier_done(barrier))

    for kind, partition, name in steps:
        if kind == "write":
            offered += 1
            ended.extend(order.offer(_write(partition + name, offered, partition)))
        elif kind == "barrier":
            ended.extend(order.offer(Barrier(partition, 0, below=offered // 2)))
        elif kind == "take" and (write := order.take()) is not None:
            assert write.document not in [other.document for other in under_way]
            under_way.append(write)
        elif kind == "done" and under_way:
            finish()
        elif kind == "aside" and under_way:
            write = under_way.pop(0)
            ended.extend(order.set_aside(write))
            aside.append(write)
        elif kind == "back" and aside and order.take_back(write := aside.pop(0)):
            under_way.append(write)
        run_barriers()
    under_way += [write for write in aside if order.take_back(write)]
    while True:
        while (write := order.take()) is not None:
            under_way.append(write)
        run_barriers()
        if not under_way:
            break
        finish()
        run_barriers()
    assert len(ended) == len({id(write) for write in ended}) == offered
    assert all(versions == sorted(versions) for versions in applied.values())
    assert (order.open_in("p"), order.open_in("q")) == (0, 0)
