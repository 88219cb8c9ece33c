"""What people see: stages, bars and tables; on a terminal they move, elsewhere each thing is said once, in a line."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

_TELL_EVERY_S = 5.0
_PLAIN_WIDTH = 200


class Bars:
    """Counts that grow towards their totals."""

    def __init__(self, console: Console, totals: Mapping[str, int], progress: Progress | None) -> None:
        self._console = console
        self._totals = totals
        self._done = dict.fromkeys(totals, 0)
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._began = self._told = time.monotonic()
        self._note = ""
        if progress is not None:
            self._tasks = {name: progress.add_task(name, total=total, note="") for name, total in totals.items()}

    def note(self, text: str) -> None:
        """Show a few words beside the bars."""
        self._note = text
        if self._progress is not None:
            for task in self._tasks.values():
                self._progress.update(task, note=text)

    def update(self, name: str, done: int) -> None:
        """Show how far one of them is."""
        self._done[name] = done
        if self._progress is not None:
            self._progress.update(self._tasks[name], completed=min(done, self._totals[name]))
        elif time.monotonic() - self._told >= _TELL_EVERY_S:
            self.tell()

    def tell(self) -> None:
        """Say it in a line."""
        self._told = time.monotonic()
        parts = (f"{name} {done:,} of {self._totals[name]:,}" for name, done in self._done.items())
        note = f"; {self._note}" if self._note else ""
        self._console.print(f"  {', '.join(parts)} ({self._told - self._began:.1f} s){note}")


class Screen:
    """Everything that the demo says; may be used by several threads."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, soft_wrap=True)
        self._errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        if not self._console.is_terminal:
            self._console.width = _PLAIN_WIDTH
        self._began = time.monotonic()
        self._stage_began = self._began
        self._stage = ""
        self.durations: dict[str, float] = {}

    def stage(self, name: str, title: str) -> None:
        """Begin a stage; the one before it is over. Its name is for `durations`."""
        self.stage_over()
        self._stage, self._stage_began = name, time.monotonic()
        self._console.print(f"\n{title}", style="bold")

    def stage_over(self) -> None:
        """Remember how long the stage took."""
        if self._stage:
            self.durations[self._stage] = time.monotonic() - self._stage_began
        self._stage = ""

    @property
    def elapsed_s(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def say(self, line: str) -> None:
        """One line."""
        self._console.print(f"  {line}")

    def failed(self, line: str) -> None:
        """One line of what went wrong, to standard error."""
        self._errors.print(f"demo: {line}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
        """A table; the first column is text, the others too."""
        table = Table(*columns, title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2))
        table.show_header = any(columns)
        for row in rows:
            table.add_row(*row)
        self._console.print(table, soft_wrap=False)

    @contextmanager
    def bars(self, totals: Mapping[str, int]) -> Iterator[Bars]:
        """Bars that move as long as the block runs."""
        if not self._console.is_terminal:
            bars = Bars(self._console, totals, None)
            yield bars
            bars.tell()
            return
        columns = (
            TextColumn("  {task.description:<16}"),
            BarColumn(40),
            TextColumn("{task.completed:>8,.0f} of {task.total:,.0f}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self._console) as progress:
            yield Bars(self._console, totals, progress)
