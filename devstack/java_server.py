"""
A server that is one Java process, its jars, and an archive of its loaded classes.

The archive (Java's class data sharing) is made once per folder of jars, by a first run that is
thrown away; it takes a third to a half off the time of each later start. Java ignores it where it
does not fit.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from devstack import cache, java
from devstack.cache import Say
from devstack.errors import DevstackError
from devstack.processes import Command
from devstack.server import Server

_FLAGS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto")
_ARCHIVE = "classes.jsa"
_ARCHIVE_TIMEOUT_S = 120.0  # writing takes 2 s when the machine is idle


class JavaServer(Server):
    """What Kafka and Vespa have in common; ``say`` gets lines of progress."""

    heap: ClassVar[tuple[str, ...]]
    main_class: ClassVar[str]

    def __init__(self, folder: Path | None, *, tied: bool, say: Say) -> None:
        super().__init__(folder, tied=tied)
        self._say = say
        self._jars = Path()
        self._archive_at_exit: Path | None = None

    @classmethod
    @abstractmethod
    def jar_folder(cls, say: Say) -> Path:
        """The folder that has a folder of jars called like ``kind``, built if it is not there."""

    @classmethod
    @abstractmethod
    def throwaway(cls, say: Say) -> Self:
        """A server with default settings and a temporary folder, not begun."""

    @abstractmethod
    def _arguments(self) -> list[str]:
        """Arguments of the main class; writes the configuration."""

    def _properties(self) -> list[str]:
        """Java's own options beside the heap's."""
        return []

    def _prepare(self) -> None:
        self._jars = self.jar_folder(self._say)
        archive = self._jars / _ARCHIVE
        if self._archive_at_exit is None:
            cache.make_once(self.kind, archive, lambda: self._make_archive(archive))

    def _make_archive(self, archive: Path) -> None:
        self._say(f"{self.kind}: preparing faster starts (once)")
        partial = archive.with_suffix(".partial")
        with self.throwaway(self._say) as trainee:
            trainee._archive_at_exit = partial
            try:
                trainee.begin()
            except DevstackError:
                return  # the start that was asked for says better what is wrong
            trainee.stop(_ARCHIVE_TIMEOUT_S)
        if partial.exists():
            partial.rename(archive)
        else:
            archive.touch()  # this Java cannot; it need not be asked each time

    def _command(self) -> Command:
        arguments = self._arguments()
        class_path = f"{self._jars / self.kind}/*"
        argv = [str(java.java()), *self.heap, *_FLAGS, *self._sharing(), *self._properties()]
        argv += ["-cp", class_path, self.main_class, *arguments]
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8"}
        return Command(tuple(argv), self.folder, environment, self.log)

    def _sharing(self) -> list[str]:
        if self._archive_at_exit is not None:
            return [f"-XX:ArchiveClassesAtExit={self._archive_at_exit}"]
        archive = self._jars / _ARCHIVE
        usable = archive.exists() and archive.stat().st_size > 0
        return [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"] if usable else []
