"""
Objects laid into ministack's data folder before it starts: thousands in the time of a few hundred uploads.

This is ministack's own layout (`ministack/services/s3.py`, `_load_persisted_bucket`), as of the version pinned in
`requirements/s3.txt`: an account's folder, a bucket's folder, and for keys that are no path names under one folder;
beside each file its metadata. All keys go the way of the encoded names here.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_ACCOUNT = "000000000000"  # of the access key "test"
_ENCODED = ".ministack-keys"
_LONGEST_NAME = 200
_WRITTEN_AT = "2026-01-05T08:00:00.000Z"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object to be: its key, the file with its bytes, and what the server says of it."""

    key: str
    file: Path
    size_bytes: int
    md5: str
    content_type: str


def lay_down(data: Path, bucket: str, objects: Iterable[StoredObject]) -> None:
    """Put a bucket with these objects into the data folder of a server that does not run; files are linked."""
    folder = data / _ACCOUNT / bucket / _ENCODED
    folder.mkdir(parents=True)
    for each in objects:
        place = folder / _name(each.key)
        _link(each.file, place)
        described = {
            "key": each.key,
            "content_type": each.content_type,
            "etag": f'"{each.md5}"',
            "last_modified": _WRITTEN_AT,
            "size": each.size_bytes,
        }
        place.with_name(f"{place.name}.meta.json").write_text(json.dumps(described))


def _name(key: str) -> str:
    name = quote(key, safe="").replace(".", "%2E")
    return name if len(name) <= _LONGEST_NAME else "sha256-" + hashlib.sha256(key.encode()).hexdigest()


def _link(source: Path, place: Path) -> None:
    try:
        os.link(source, place)
    except OSError as exc:
        # Another file system, or one without links.
        if exc.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        shutil.copyfile(source, place)
