"""Names in zip archives, to know what kind of document one is; read in the service, so nothing large is taken in."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

_MAX_DIRECTORY_BYTES = 1024 * 1024  # more names than this are no document's
_END_OF_DIRECTORY = re.compile(rb"PK\x05\x06(?=.{8}(?P<size>.{4}))", re.DOTALL)
_OF_HUGE_ARCHIVES = b"PK\x06\x07"  # sizes in 64 bits: nothing that is downloaded here needs them
_END_BYTES = 22 + 65_535


def zip_members(path: Path) -> tuple[str, ...]:
    """The names in a zip archive; none where it is damaged, or its list of names is too large."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _END_BYTES, 0))
        tail = file.read()
    sizes = [int.from_bytes(end["size"], "little") for end in _END_OF_DIRECTORY.finditer(tail)]
    if not sizes or max(sizes) > _MAX_DIRECTORY_BYTES or _OF_HUGE_ARCHIVES in tail:
        return ()
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return ()
