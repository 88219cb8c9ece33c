"""Memory does not grow with the size of files."""

from __future__ import annotations

import subprocess
import sys

from tests.integration.file_fetcher.download.conftest import BUCKET

MIB = 1024 * 1024
FETCH = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from file_fetcher.download.downloader import Downloader
from file_fetcher.download.sources import S3Object
from file_fetcher.settings import FetcherSettings, S3Settings

url, engine, bucket, folder = sys.argv[1:]
keys = {"access_key_id": "test", "secret_access_key": "test", "region": "us-east-1"}
downloader = Downloader(FetcherSettings(s3=S3Settings(endpoint_url=url, engine=engine, **keys)))

def fetch(key, name):
    path = Path(folder) / name
    got = downloader.download(S3Object(bucket, key), path, cancelled=lambda: False)
    path.unlink()
    return got.size_bytes

def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

with ThreadPoolExecutor(4) as threads:
    list(threads.map(fetch, ["small"] * 8, map(str, range(8))))
    before = peak_bytes()
    fetched = sum(threads.map(fetch, ["large"] * 4, map(str, range(8))))
print(fetched, peak_bytes() - before)
downloader.close()
"""


def test_memory_is_that_of_chunks_not_of_files(server, engine, tmp_path):
    server.put(BUCKET, "small", b"x" * 1000)
    server.put(BUCKET, "large", bytes(64 * MIB))
    command = [sys.executable, "-c", FETCH, server.url, engine, BUCKET, str(tmp_path)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    fetched, grown_bytes = map(int, ran.stdout.split())
    assert fetched == 4 * 64 * MIB
    assert grown_bytes < 64 * MIB
