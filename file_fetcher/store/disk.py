"""What an error of the local disk means: no file's fault, so nothing is fetched until it is mended."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from file_fetcher.failures import Blocked

FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
FREE_SPACE = "free space on the disk of data_directory, and of store_url where that is a folder"


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Turn errors of writing into `Blocked`: `storage_full`, or `access_denied` where rights are missing."""
    try:
        yield
    except OSError as exc:
        if exc.errno in FULL:
            raise Blocked("storage_full", "no space is left on the disk", remedy=FREE_SPACE) from exc
        reason = "access_denied" if exc.errno in _FORBIDDEN else "storage_full"
        raise Blocked(
            reason, f"expected to write to the disk of data_directory or store_url, got {exc.strerror}"
        ) from exc
