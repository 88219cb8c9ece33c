from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import structlog

from file_fetcher.failures import Blocked, Cancelled
from file_fetcher.parsers.media_types import PDF, TEXT, Signature
from file_fetcher.parsers.pool import ParserPool
from file_fetcher.settings import LimitSettings, ParserSettings
from file_fetcher.startup import tell_of_types
from file_fetcher.store.disk import FREE_SPACE
from tests.integration.file_fetcher.documentation import documented_parser
from tests.integration.file_fetcher.parsers.conftest import ODD
from tests.waiting import eventually


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize(
    ("word", "status", "whole"),
    [
        ("nothing", "ok", True),
        ("segfault", "parser_crash", False),
        ("exit", "parser_crash", False),
        ("eat", "parser_oom", True),
        ("raise", "parser_error", True),
        ("flood", "output_too_large", False),
    ],
)
def test_file_ends_with_a_status_and_the_next_is_read(odd, word, status, whole):
    reading = odd.read(word)
    assert (reading.status, reading.whole) == (status, whole)
    assert odd.read("nothing").status == "ok"


@pytest.mark.parametrize("word", ["sleep", "spin"])
def test_file_that_takes_too_long_is_given_up_and_the_next_is_read(make_reader, word):
    reader = make_reader(named=ODD, timeout_s=1)
    reading = reader.read(word)
    assert (reading.status, reading.whole) == ("parser_timeout", False)
    assert reader.read("nothing").status == "ok"


def test_what_was_read_before_an_error_is_kept(odd):
    reading = odd.read("raise")
    assert reading.text is not None
    assert reading.text.read_text() == "raise"
    assert reading.warnings == ("the parser raised ValueError",)


def test_answer_that_was_not_asked_for_is_not_taken_for_the_next_file(odd):
    odd.read("lie")
    after = odd.read("nothing")
    assert (after.status, after.rows_accepted) == ("ok", 1)


@pytest.mark.remedy("free space on the disk of data_directory")
def test_full_disk_is_no_files_fault(odd, tmp_path):
    disk = tmp_path / "disk"
    disk.symlink_to("/dev/full")
    with pytest.raises(Blocked) as raised:
        odd.read(f"fill {disk}")
    assert (raised.value.reason, raised.value.remedy) == ("storage_full", FREE_SPACE)
    assert odd.read("nothing").status == "ok"
    disk.unlink()
    assert odd.read(f"fill {disk}").status == "ok"


@pytest.mark.remedy("correct limits.types, or install a parser that brings them")
def test_types_that_no_parser_brings_are_told(odd, make_reader, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    installed = make_reader(named=documented_parser(tmp_path))
    with structlog.testing.capture_logs() as logs:
        tell_of_types(["pdf", "eml"], odd.pool.signatures())
        tell_of_types(["pdf"], odd.pool.signatures())
        tell_of_types(["pdf", "eml"], installed.pool.signatures())
    assert [(each["event"], each["types"]) for each in logs] == [("types are not known", ["eml"])]
    assert logs[0]["remedy"] == "correct limits.types, or install a parser that brings them"


def test_link_that_a_file_planted_is_not_followed(odd):
    reading = odd.read("link")
    assert (reading.status, reading.rows) == ("ok", None)


def test_child_sees_no_environment_one_socket_and_its_own_folder(odd, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    seen = json.loads(odd.read("look").meta["seen"])
    assert {key for key in seen["environment"] if key != "LC_CTYPE"} == set()
    assert seen["initial"] == ""
    assert seen["sockets"] == 1
    assert Path(seen["folder"]).parent == odd.pool.folder


def test_child_is_replaced_after_its_files(make_reader):
    reader = make_reader(named=ODD, files_per_child=2)
    pids = [reader.pid() for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_child_that_died_between_two_files_is_replaced(odd):
    pid = odd.pid()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: gone(pid), what="the child to end")
    assert odd.read("nothing").status == "ok"


def test_fork_server_that_died_is_replaced(odd):
    pid = odd.pid()
    fork_server = odd.pool.fork_server_pid
    os.kill(fork_server, signal.SIGKILL)
    eventually(lambda: gone(pid), what="the child to end with the fork server")
    assert odd.read("nothing").status == "ok"
    assert odd.pool.fork_server_pid != fork_server


def test_files_are_read_at_the_same_time_and_closing_gives_up_what_is_being_read(make_reader):
    reader = make_reader(named=ODD, workers=2)
    sleeper = threading.Thread(target=lambda: _read_in_vain(reader, "sleep"))
    sleeper.start()
    eventually(lambda: list(reader.pool.folder.glob("*/sleeping")), what="the first file to be read")
    assert reader.read("nothing").status == "ok"
    reader.pool.close()
    sleeper.join(20)
    assert not sleeper.is_alive()


def _read_in_vain(reader, word):
    path = reader.folder / word
    path.write_text(word)
    with pytest.raises(Cancelled), reader.pool.reading(reader.pool.parsers[0], path, TEXT):
        pass


def test_closed_pool_reads_nothing_and_leaves_nothing(odd):
    pid, fork_server = odd.pid(), odd.pool.fork_server_pid
    odd.pool.close()
    odd.pool.close()
    with pytest.raises(Cancelled):
        odd.read("nothing")
    eventually(lambda: gone(pid) and gone(fork_server), what="fork server and child to end")


def test_parsers_of_the_product_are_there(make_reader):
    pool = make_reader().pool
    assert pool.broken == {}
    assert [parser.name for parser in pool.parsers] == ["csv", "pillow", "pypdfium2", "text", "python-calamine"]
    assert pool.parser_of(PDF).name == "pypdfium2"


def test_parser_that_cannot_be_loaded_disables_itself_alone(make_reader):
    pool = make_reader(named={**ODD, "gone": "no.such:Parser"}).pool
    assert [parser.key for parser in pool.parsers] == ["odd"]
    assert pool.broken == {"gone": "ModuleNotFoundError: No module named 'no'"}


def test_signatures_come_with_their_parser(make_reader, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    pool = make_reader(named=documented_parser(tmp_path)).pool
    assert pool.signatures() == (Signature("eml", "message/rfc822", suffixes=(".eml",)),)


SERVICE = """
import sys, threading
from pathlib import Path
from file_fetcher.parsers.pool import ParserPool
from file_fetcher.settings import LimitSettings, ParserSettings
from file_fetcher.parsers.media_types import TEXT
folder = Path(sys.argv[1])
(folder / "content").write_text("sleep")
pool = ParserPool(ParserSettings(workers=1, timeout_s=600), LimitSettings(), folder / "pool", named={named!r})
print(pool.fork_server_pid, flush=True)
with pool.reading(pool.parsers[0], folder / "content", TEXT):
    pass
"""


def test_children_die_with_a_service_that_is_killed(tmp_path):
    command = [sys.executable, "-c", SERVICE.format(named=ODD), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as service:
        assert service.stdout is not None
        fork_server = int(service.stdout.readline())
        eventually(
            lambda: [path for path in tmp_path.glob("pool/*/sleeping") if path.read_text()], what="a file to be read"
        )
        child = int(next(tmp_path.glob("pool/*/sleeping")).read_text())
        service.kill()
    eventually(lambda: gone(child) and gone(fork_server), what="fork server and child to end with the service")


def test_folder_is_emptied_at_the_start(tmp_path):
    (tmp_path / "pool" / "left").mkdir(parents=True)
    pool = ParserPool(ParserSettings(), LimitSettings(), tmp_path / "pool", named={})
    pool.close()
    assert list((tmp_path / "pool").iterdir()) == []
