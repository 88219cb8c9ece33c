"""A local file that may be lost: who has it, and when it is not trusted."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from file_fetcher.references import database
from file_fetcher.references.database import LocalDatabase
from schemas.errors import FatalError, SettingsError

_ROOT = Path(__file__).parents[4]
STATEMENTS = ("CREATE TABLE words (word TEXT)",)


@pytest.fixture
def opened(tmp_path):
    made = []

    def make(version=1):
        made.append(LocalDatabase(tmp_path / "data", "words", STATEMENTS, version=version))
        return made[-1]

    yield make
    for each in made:
        each.close()


def add(one: LocalDatabase, word: str) -> None:
    with one.transaction() as connection:
        connection.execute("INSERT INTO words VALUES (?)", (word,))


def words(one: LocalDatabase) -> list[str]:
    return [word for (word,) in one.rows("SELECT word FROM words")]


_KILLED = """
import os, signal, sys
from pathlib import Path
from file_fetcher.references.database import LocalDatabase
one = LocalDatabase(Path(sys.argv[1]), "words", ["CREATE TABLE words (word TEXT)"], version=1)
with one.transaction() as connection:
    connection.execute("INSERT INTO words VALUES ('a')")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(tmp_path):
    """Another process has committed the word "a", and was killed while the file was open."""
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / "data")], check=False, cwd=_ROOT)
    assert done.returncode == -signal.SIGKILL


def test_what_was_committed_is_there_after_a_clean_end(opened):
    first = opened()
    add(first, "a")
    first.close()
    assert words(opened()) == ["a"]


@pytest.mark.usefixtures("killed")
def test_what_was_committed_is_there_after_the_process_was_killed(opened):
    assert words(opened()) == ["a"]


@pytest.mark.usefixtures("killed")
def test_a_file_that_was_open_when_the_machine_stopped_is_made_anew(opened, monkeypatch):
    monkeypatch.setattr(database, "_boot_id", lambda: "another boot")
    assert words(opened()) == []


def test_a_file_that_was_closed_before_the_machine_stopped_is_kept(opened, monkeypatch):
    first = opened()
    add(first, "a")
    first.close()
    monkeypatch.setattr(database, "_boot_id", lambda: "another boot")
    assert words(opened()) == ["a"]


@pytest.mark.usefixtures("killed")
def test_without_a_boot_id_only_a_file_that_was_closed_is_trusted(opened, monkeypatch, tmp_path):
    monkeypatch.setattr(database, "_BOOT_ID", tmp_path / "none")
    first = opened()
    assert words(first) == []
    add(first, "b")
    first.close()
    assert words(opened()) == ["b"]


def test_a_file_of_another_format_is_made_anew(opened):
    first = opened(version=1)
    add(first, "a")
    first.close()
    assert words(opened(version=2)) == []


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100, b"SQLite format 3\0" + bytes(4096)])
def test_a_file_that_is_damaged_is_made_anew(opened, tmp_path, damage):
    first = opened()
    add(first, "a")
    first.close()
    (tmp_path / "data" / "words.sqlite").write_bytes(damage)
    again = opened()
    assert words(again) == []
    add(again, "b")
    assert words(again) == ["b"]


@pytest.mark.remedy("the file may be removed, it is rebuilt from the topics")
def test_damage_that_shows_later_stops_the_service_and_the_next_start_makes_the_file_anew(opened, tmp_path):
    first = opened()
    for number in range(2_000):
        add(first, f"{number} {'x' * 100}")
    first.close()
    path = tmp_path / "data" / "words.sqlite"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xaa" * (size - 3 * 4096))
    second = opened()
    with pytest.raises(FatalError, match=r"expected the local store .* to work, got SQLITE_CORRUPT"):
        words(second)
    second.close()
    path.unlink(missing_ok=True)
    again = opened()
    add(again, "what the topics say")
    assert words(again) == ["what the topics say"]


def test_a_transaction_that_fails_leaves_nothing(opened):
    def both() -> None:
        with one.transaction() as connection:
            connection.execute("INSERT INTO words VALUES ('a')")
            connection.execute("INSERT INTO nothing VALUES ('a')")

    one = opened()
    with pytest.raises(FatalError, match="SQLITE_ERROR"):
        both()
    add(one, "b")
    assert words(one) == ["b"]


_SECOND = """
import sys
from pathlib import Path
from file_fetcher.references.database import LocalDatabase
from schemas.errors import SettingsError
try:
    LocalDatabase(Path(sys.argv[1]), "words", ["CREATE TABLE words (word TEXT)"], version=1).close()
except SettingsError as exc:
    print(exc.exit_code, exc, "|", exc.remedy)
else:
    print("opened")
"""


@pytest.mark.remedy("give each process a data_directory of its own")
def test_a_second_process_is_refused_until_the_first_has_ended(opened, tmp_path):
    def second(folder: str = "data") -> str:
        command = [sys.executable, "-c", _SECOND, str(tmp_path / folder)]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=_ROOT).stdout.strip()

    first = opened()
    assert second() == (
        f"78 expected data_directory '{tmp_path}/data' for this process alone, got one that another process uses"
        " | give each process a data_directory of its own"
    )
    assert second("a folder of its own") == "opened"
    first.close()
    assert second() == "opened"


def test_a_second_store_of_the_same_process_is_refused_too(opened):
    opened()
    with pytest.raises(SettingsError, match="got one that another process uses"):
        opened()


@pytest.mark.remedy("give data_directory a folder that this user may write to")
def test_a_folder_that_cannot_be_made_is_a_setting_to_mend(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(SettingsError, match="expected to write into data_directory") as caught:
        LocalDatabase(tmp_path / "data", "words", STATEMENTS, version=1)
    assert caught.value.remedy == "give data_directory a folder that this user may write to"
    LocalDatabase(tmp_path / "another", "words", STATEMENTS, version=1).close()
