from __future__ import annotations

from pathlib import Path

import pytest

from devstack import logs

LOGS = {
    "the last error": ("FATAL: first\nLOG: x\nFATAL: second\nLOG: database system is shut down\n", "FATAL: second"),
    "a full disk": (
        "PANIC: could not write: No space left on device\nbye\n",
        "PANIC: could not write: No space left on device",
    ),
    "no error": ("starting\nstopped\n\n", "stopped"),
    "nothing": ("", "an empty log"),
    "long": ("ERROR " + "x" * 400, "ERROR " + "x" * 291 + "..."),
}


@pytest.mark.parametrize(("content", "line"), LOGS.values(), ids=LOGS)
def test_last_words_are_the_line_that_tells_why(tmp_path: Path, content: str, line: str) -> None:
    log = tmp_path / "log"
    log.write_text(content)
    assert logs.last_words(log) == line


def test_lines_of_an_earlier_start_do_not_count(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("FATAL: of yesterday\n")
    start = logs.size(log)
    with log.open("a") as file:
        file.write("stopped\n")
    assert logs.last_words(log, start) == "stopped"


def test_log_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    assert logs.size(tmp_path / "log") == 0
    assert logs.last_words(tmp_path / "log") == "no log"
