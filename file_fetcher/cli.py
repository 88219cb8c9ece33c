"""The command `file-fetcher`: `run`."""

from __future__ import annotations

from collections.abc import Sequence

from cdc_runtime import service
from cdc_runtime.service import Context, Service
from file_fetcher.settings import FetcherSettings

_NAME = "file-fetcher"
_USAGE = """usage: file-fetcher run [--SETTING VALUE ...]

run     fetch the files that rows refer to, and publish what is in them, until SIGTERM
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return service.main(Service(_NAME, _USAGE, FetcherSettings, _body), argv)


def _body(context: Context[FetcherSettings]) -> None:
    from file_fetcher.service import run

    run(context)
