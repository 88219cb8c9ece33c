"""Why there was no answer, in words that a person knows."""

from __future__ import annotations

import errno
import socket

import aiohttp
import pytest

from cdc_runtime.no_answer import why


class ConnectError(Exception):
    """As an HTTP client wraps what the system says."""


def wrapped(cause: BaseException) -> BaseException:
    try:
        try:
            raise cause
        except BaseException as exc:
            raise ConnectError("All connection attempts failed") from exc
    except ConnectError as exc:
        return exc


def of_aiohttp(error: OSError) -> BaseException:
    return aiohttp.ClientOSError(error.errno, error.strerror)


REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)")
CASES = {
    "refused": (REFUSED, "Connection refused"),
    "wrapped": (wrapped(REFUSED), "Connection refused"),
    "aiohttp's": (of_aiohttp(REFUSED), "Connection refused"),
    "no such host": (wrapped(socket.gaierror(-2, "Name or service not known")), "Name or service not known"),
    "too slow": (wrapped(TimeoutError()), "no answer in time"),
    "nothing below": (ConnectError("x"), "ConnectError"),
}


@pytest.mark.parametrize(("exc", "words"), CASES.values(), ids=CASES)
def test_reason_is_in_words(exc: BaseException, words: str) -> None:
    assert why(exc) == words
