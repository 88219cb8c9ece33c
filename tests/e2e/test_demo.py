"""The demo from the command line, small: it proves that index, database and files are equal, and leaves nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent
SMALL = ("--factor", "0.02", "--seconds", "2", "--rate", "100")
# What it says, in this order; numbers are checked where they follow from the size.
LINES = (
    r"  postgres on 127\.0\.0\.1:\d+ after ",
    r"  and a view of \d+ rows, which is polled, and a table without a key, which is refused",
    r"cdc-reader, vespa-sink and file-fetcher start: ",
    r"  8\d\d rows in .* s, .* a second, start included",
    r"  264 files in .* s, .* a second, start included",
    r"Live changes: 2 s at 100 transactions a second",
    r"  \d+ transactions, ",
    r"  from commit to Kafka: p50 .* ms, p99 .* ms \(\d+ rows\)",
    r"  from commit to Vespa: p50 .* ms, p99 .* ms \(\d+ rows\)",
    r"  from commit to the row's file in Vespa: p50 .* ms, p99 .* ms \(\d+ files\)",
    r"  \d+ rows, \d+ documents in 51 tables: equal",
    r" +\d+  fetched",
    r" +\d+  skipped, host_not_allowed",
    r"  \d+ texts with [\d,]+ words, \d+ rows of spreadsheets: equal",
    r'    select \* from procore_record where default contains "curtain"',
    r"  PDF files with the words curtain and wall in them",
    r"      \w+/\S+, .*\.pdf: \.\.\..*[Cc]urtain wall.*\.\.\.",
    r"  rows of spreadsheets with the word wall",
    r"      .*\.(?:csv|xlsx), row \d+: Item: .*\bwall\b",
    r"  one of those files, .*, is the \w+ of",
    r"  which belongs by its project_id to",
    r"      projects/\d+ ",
    r"  that project's other records",
    r"  and its files",
    r" +\d+  application/pdf",
    r"Summary",
    r"  polled: view open_rfis +\d+ rows: equal",
    r"  not captured: table import_log +public\.import_log: none, has no primary key",
    r"  what brings it in +ALTER TABLE",
    r"  memory of cdc-reader +\d+ MiB",
    r"  memory of vespa-sink +\d+ MiB",
    r"  memory of file-fetcher +\d+ MiB",
    r"  time in all",
)


def demo(*arguments: str, temporary: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end, with its temporary files in a folder of the test."""
    return subprocess.run(
        [sys.executable, "-m", "devstack.demo", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(temporary), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_said_in_order(patterns: tuple[str, ...], lines: list[str]) -> None:
    rest = iter(lines)
    for pattern in patterns:
        assert any(re.match(pattern, line) for line in rest), f"expected {pattern!r} in its place in {lines}"


@pytest.mark.slow
def test_demo_proves_the_index_equal_and_leaves_nothing_behind(tmp_path: Path) -> None:
    ran = demo(*SMALL, temporary=tmp_path)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert_said_in_order(LINES, ran.stdout.splitlines())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_kept_demo_goes_on_until_it_is_ended(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "kept"))

    ran = demo("--keep", *data, *SMALL, "--seconds", "0.5", temporary=tmp_path)
    try:
        assert (ran.returncode, ran.stderr) == (0, "")
        addresses = re.findall(r"^  (?:vespa-sink|file-fetcher) +(http://\S+)/statusz", ran.stdout, re.MULTILINE)
        assert len(addresses) == 2
        for address in addresses:
            with urllib.request.urlopen(f"{address}/statusz", timeout=10) as answer:
                assert json.load(answer)["ready"]
        again = demo("--keep", *data, *SMALL, temporary=tmp_path)
        assert (again.returncode, again.stderr.startswith("demo: a demo runs already")) == (1, True)
    finally:
        ended = demo("down", *data, temporary=tmp_path)

    assert (ended.returncode, ended.stdout) == (
        0,
        "  ended: cdc-reader, vespa-sink, file-fetcher, postgres, kafka, vespa, s3\n",
    )
    assert not (tmp_path / "kept").exists()


def test_demo_without_java_says_one_line(tmp_path: Path) -> None:
    ran = demo(temporary=tmp_path, PATH="/nonexistent", JAVA_HOME="")

    assert ran.returncode == 1
    assert ran.stderr == (
        "demo: expected java 17 or newer, found none; on Debian: apt-get install openjdk-17-jdk-headless maven\n"
    )


def test_nothing_to_end_is_no_error(tmp_path: Path) -> None:
    ran = demo("down", "--data", str(tmp_path / "none"), temporary=tmp_path)

    assert (ran.returncode, ran.stdout) == (0, f"  nothing runs with its data in {tmp_path / 'none'}\n")
