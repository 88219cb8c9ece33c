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
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
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


@contextmanager
def _product(endpoint: str, keys: Sequence[str], folder: Path, *, parse: bool) -> Iterator[Run]:
    """The fetcher's own threads, downloader, store and (`parse`) parsers; without Kafka."""
    from bench.files.workshop import workshop

    with workshop(fetcher_environment(endpoint, folder), parse=parse) as fetch_all:
        yield lambda: fetch_all(keys)


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
