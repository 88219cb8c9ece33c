from __future__ import annotations

import asyncio
import threading

from cdc_runtime.consuming.tasks import Tasks, ThreadTasks


class Unclassified(Exception):
    pass


async def _fail() -> None:
    raise Unclassified


def _fail_in_a_thread() -> None:
    raise Unclassified


async def _never() -> None:
    await asyncio.Event().wait()


def test_what_a_task_lets_out_stops_the_service() -> None:
    async def run() -> BaseException | None:
        tasks = Tasks()
        tasks.run(_fail())
        await asyncio.wait_for(tasks.stopped.wait(), 10)
        return tasks.error

    assert isinstance(asyncio.run(run()), Unclassified)


def test_first_error_counts() -> None:
    async def run() -> BaseException | None:
        tasks = Tasks()
        first = Unclassified()
        tasks.fail(first)
        tasks.fail(Unclassified())
        return None if tasks.error is first else tasks.error

    assert asyncio.run(run()) is None


def test_every_task_ends_with_the_service_and_none_starts_after_it() -> None:
    async def run() -> tuple[int, BaseException | None]:
        tasks = Tasks()
        before = len(asyncio.all_tasks())
        tasks.run(_never())
        await tasks.terminate()
        tasks.run(_fail())
        return len(asyncio.all_tasks()) - before, tasks.error

    assert asyncio.run(run()) == (0, None)


def test_stop_may_come_from_another_thread_and_after_the_end() -> None:
    async def run() -> Tasks:
        tasks = Tasks()
        await asyncio.to_thread(tasks.stop)
        await asyncio.wait_for(tasks.stopped.wait(), 10)
        return tasks

    tasks = asyncio.run(run())
    tasks.stop()
    assert tasks.error is None


def test_what_a_thread_lets_out_stops_the_service() -> None:
    tasks = ThreadTasks()
    assert isinstance(tasks.run(_fail_in_a_thread).exception(10), Unclassified)
    assert tasks.stopped.wait(60)
    assert isinstance(tasks.error, Unclassified)


def test_thread_has_what_its_work_returns() -> None:
    tasks = ThreadTasks()
    assert (tasks.run(lambda: 7).result(10), tasks.error, tasks.stopped.is_set()) == (7, None, False)


def test_first_error_of_threads_counts() -> None:
    tasks, first = ThreadTasks(), Unclassified()
    tasks.fail(first)
    tasks.fail(Unclassified())
    assert (tasks.error, tasks.stopped.is_set()) == (first, True)


def test_no_thread_starts_after_the_end_and_what_still_runs_has_no_consequence() -> None:
    tasks, go_on = ThreadTasks(), threading.Event()

    def fail_late() -> None:
        go_on.wait(60)
        raise Unclassified

    late = tasks.run(fail_late)
    tasks.terminate()
    assert tasks.run(lambda: 7).cancelled()
    go_on.set()
    assert isinstance(late.exception(10), Unclassified)
    assert (tasks.error, tasks.stopped.is_set()) == (None, False)
