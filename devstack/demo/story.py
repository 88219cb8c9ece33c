"""
The demo from beginning to end: servers and sample, snapshot, live workload, comparison, searches, summary.

Each step says what it does and raises DevstackError when it cannot be done; only the comparison's verdict is a value.
"""

from __future__ import annotations

from devstack.demo import farewell, kept, polled
from devstack.demo.account import Results, Wishes
from devstack.demo.comparison import compare
from devstack.demo.index_client import IndexClient
from devstack.demo.live import change_and_measure
from devstack.demo.running import Running
from devstack.demo.screen import Screen
from devstack.demo.searches import findings
from devstack.demo.snapshot import take_up
from devstack.sample.load import load
from devstack.sample.objects.links import ObjectStore


def tell(wishes: Wishes, screen: Screen) -> bool:
    """Run the whole demo; whether index, database and files are equal. Raises DevstackError, RowferryError."""
    running = Running(wishes.data, keep=wishes.keep, say=screen.say, more_settings=polled.SETTINGS)
    begun = good = False
    try:
        _start(running, wishes, screen, results := Results())
        begun = True
        take_up(running, screen, results)
        change_and_measure(running, wishes, screen, results)
        good = compare(running, screen, results)
        results.refused = polled.refused(running)
        _search(running, screen)
        _summarise(running, screen, results)
        if wishes.keep:
            farewell.say_how_to_try(running, screen, wishes.size)
        return good
    except (KeyboardInterrupt, SystemExit):
        begun, good = False, True  # nothing stays, no logs either
        raise
    finally:
        if wishes.keep and begun:
            if not good:
                ending = kept.end_command(running.folder)
                screen.failed(f"left running for a look, logs in {running.folder}; end it with: {ending}")
        else:
            running.close(keep_logs=not good)
            if not good and any(running.folder.glob("*.log")):  # there are none when a server did not start
                screen.failed(f"logs: {running.folder}")


def _start(running: Running, wishes: Wishes, screen: Screen, results: Results) -> None:
    screen.stage("servers and sample", "Servers start, and the sample database is loaded")

    def fill(dsn: str, store: ObjectStore) -> None:
        report = results.loaded = load(dsn, wishes.size, store)
        rows = f"{report.captured_rows:,} rows in {len(report.rows) - 2} tables"
        screen.say(f"sample: {rows} after {report.seconds:.1f} s")
        results.polled = polled.add(dsn)
        screen.say(
            f"and a view of {results.polled.rows} rows, which is polled, and a table without a key, which is refused"
        )

    running.start_servers(fill)


def _search(running: Running, screen: Screen) -> None:
    screen.stage("searches", "Searches and a walk, by YQL")
    index = IndexClient(running.vespa.url)
    for finding in findings(index):
        screen.say(finding.question)
        if finding.yql:
            screen.say(f"  {finding.yql}")
        for line in finding.lines:
            screen.say(f"    {line}")
    index.close()


def _summarise(running: Running, screen: Screen, results: Results) -> None:
    screen.stage_over()
    memory = {service.name: service.memory_bytes() for service in running.services}
    screen.say("")
    screen.table(("", ""), results.summary(memory, screen.durations, screen.elapsed_s), title="Summary")
