from __future__ import annotations

import errno
import os

import pytest

from file_fetcher.failures import Blocked
from file_fetcher.store.disk import writing


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "storage_full"),
        (errno.EDQUOT, "storage_full"),
        (errno.EROFS, "access_denied"),
        (errno.EACCES, "access_denied"),
        (errno.EIO, "storage_full"),
    ],
)
def test_error_of_the_disk_blocks(number, reason):
    with pytest.raises(Blocked) as raised, writing():
        raise OSError(number, os.strerror(number))
    assert raised.value.reason == reason
