"""
Those who fetch the same objects into a folder, each in a process of its own: `python -m bench.files.contestants NAME`.

Prints one line of JSON: seconds, processor seconds (children included), peak memory in MB. Imports and clients are
made before the clock starts. All sign their requests.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench import processes
from bench.files.server import BUCKET

KEY_ID, SECRET, REGION = "bench", "bench", "us-east-1"
_THREADS = 16

Run = Callable[[], None]


def environment() -> dict[str, str]:
    """This process's environment without what would change a contestant's settings; with the key pair."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROWFERRY_", "AWS_", "S3_"))}
    return kept | {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}


def _client(endpoint: str) -> Any:  # noqa: ANN401 - boto3 has no types
    import boto3
    from botocore.config import Config

    config = Config(s3={"addressing_style": "path"}, max_pool_connections=_THREADS)
    return boto3.session.Session(region_name=REGION).client("s3", endpoint_url=endpoint, config=config)


@contextmanager
def _get_object(endpoint: str, keys: Sequence[str], folder: Path) -> Iterator[Run]:
    """What a careful script does: threads, streamed to a file and hashed."""
    client = _client(endpoint)

    def fetch(at: int) -> None:
        digest = hashlib.sha256()
        body = client.get_object(Bucket=BUCKET, Key=keys[at])["Body"]
        with body, (folder / str(at)).open("wb") as file:
            while chunk := body.read(1024 * 1024):
                digest.update(chunk)
                file.write(chunk)
        digest.hexdigest()

    def run() -> None:
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(fetch, range(len(keys))))

    yield run


@contextmanager
def _download_file(endpoint: str, keys: Sequence[str], folder: Path) -> Iterator[Run]:
    """What most scripts do: `download_file` (TransferManager) in threads, not hashed."""
    from boto3.s3.transfer import TransferConfig

    client = _client(endpoint)
    config = TransferConfig()

    def run() -> None:
        with ThreadPoolExecutor(_THREADS) as pool:
            list(
                pool.map(
                    lambda at: client.download_file(BUCKET, keys[at], str(folder / str(at)), Config=config),
                    range(len(keys)),
                )
            )

    yield run


@contextmanager
def _s5cmd(endpoint: str, keys: Sequence[str], folder: Path) -> Iterator[Run]:
    """`s5cmd run` with a `cp` for each, as it comes: 256 workers; not hashed."""
    commands = folder / "commands"
    target = folder / "got"
    target.mkdir()
    commands.write_text("".join(f"cp s3://{BUCKET}/{key} {target}/{at}\n" for at, key in enumerate(keys)))
    binary = Path(sys.executable).with_name("s5cmd")
    command = [str(binary), "--endpoint-url", endpoint, "--log", "error", "run", str(commands)]

    def run() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    yield run


@contextmanager
def _product(endpoint: str, keys: Sequence[str], folder: Path, *, parse: bool) -> Iterator[Run]:
    """The fetcher's own threads, downloader, store and (`parse`) parsers; without Kafka."""
    from cdc_runtime.metrics import Metrics
    from cdc_runtime.settings import load
    from file_fetcher.concurrency import Concurrency
    from file_fetcher.contents import Contents
    from file_fetcher.download.downloader import Downloader
    from file_fetcher.download.sources import rules_of
    from file_fetcher.downloads import Downloads, Over
    from file_fetcher.fetching import Fetching, Places
    from file_fetcher.parsers.pool import ParserPool
    from file_fetcher.settings import FetcherSettings
    from file_fetcher.store.opening import open_store
    from file_fetcher.telemetry import Telemetry
    from file_fetcher.work import Fetch, Got
    from schemas.file_references import FileKind, FileReference

    settings = load(FetcherSettings, [], environ=fetcher_environment(endpoint, folder))
    telemetry = Telemetry(Metrics("bench", "0"), settings.fetcher_group)
    with ExitStack() as closing:
        downloader = Downloader(settings)
        closing.callback(downloader.close)
        pool = ParserPool(settings.parsers, settings.limits, folder / "parsing", named=None if parse else {})
        closing.callback(pool.close)
        store = open_store(settings.store_url, folder, settings.s3)
        downloading = folder / "downloads"
        downloading.mkdir()
        fetching = Fetching(
            downloader,
            Contents(store, pool, settings.limits, telemetry.count),
            rules_of(settings.s3, settings.urls, settings.google),
            places=Places(settings.retry, telemetry),
            folder=downloading,
            delays_s=settings.retry.delays_s,
            telemetry=telemetry,
        )
        download = settings.download
        threads = download.max_connections + settings.parsers.workers * 4  # as the service has it
        downloads = Downloads(Concurrency(download.connections, download.max_connections), threads, telemetry)
        closing.callback(downloads.close, 1.0)
        left = threading.Semaphore(0)

        def fetch(key: str, over: Over) -> None:
            reference = FileReference("s3_key", FileKind.S3_KEY, key, key, key, "file", location=key)
            outcome = fetching.fetch(Fetch(reference, 0, 0), "drawings", cancelled=lambda: False, downloaded=over)
            if not isinstance(outcome, Got) or outcome.extraction.status != ("ok" if parse else "none"):
                raise SystemExit(f"bench: expected {key} to be fetched and read, got {outcome!r}"[:500])
            left.release()

        def run() -> None:
            for key in keys:
                downloads.submit(partial(fetch, key))
            for _ in keys:
                while not left.acquire(timeout=1.0):
                    if downloads.error is not None:
                        raise downloads.error

        yield run


def fetcher_environment(endpoint: str, folder: Path) -> dict[str, str]:
    """The settings of `file-fetcher` for these objects; everything else is as it comes."""
    return {
        "ROWFERRY_S3__BUCKET": BUCKET,
        "ROWFERRY_S3__ENDPOINT_URL": endpoint,
        "ROWFERRY_S3__REGION": REGION,
        "ROWFERRY_S3__ACCESS_KEY_ID": KEY_ID,
        "ROWFERRY_S3__SECRET_ACCESS_KEY": SECRET,
        "ROWFERRY_DATA_DIRECTORY": str(folder),
    }


CONTESTANTS: dict[str, Callable[[str, Sequence[str], Path], AbstractContextManager[Run]]] = {
    "get_object": _get_object,
    "download_file": _download_file,
    "s5cmd": _s5cmd,
    "store": partial(_product, parse=False),
    "read": partial(_product, parse=True),
}


def main(name: str, endpoint: str, folder: str, keys_file: str) -> None:
    """Fetch all objects once, and print what it took."""
    keys = Path(keys_file).read_text().split()
    with CONTESTANTS[name](endpoint, keys, Path(folder)) as run:
        cpu, began = processes.cpu_s(os.getpid()), time.monotonic()
        run()
        seconds, cpu = time.monotonic() - began, processes.cpu_s(os.getpid()) - cpu
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        peak = children if name == "s5cmd" else processes.peak_mb(os.getpid())
    print(json.dumps({"seconds": seconds, "cpu_s": cpu, "peak_mb": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
