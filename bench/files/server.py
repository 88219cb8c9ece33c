"""Objects on disk, and nginx that serves them as S3 with buckets in the path; signatures are not looked at."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack import ports

BUCKET = "bench"
OBJECT_BYTES = 64 * 1024
_START_S = 10.0
_WORDS = ("concrete", "pour", "level", "north", "wing", "formwork", "beam", "column", "drawing", "inspection")
_CONFIGURATION = """\
{user}daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    types {{ text/plain txt; }}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {host}:{port};
        root {folder}/objects;
    }}
}}
"""


def make_objects(folder: Path, count: int) -> list[str]:
    """Write so many texts of their own, 64 KiB each, below `folder/objects/BUCKET`; returns their keys."""
    words = " ".join(random.Random(7).choices(_WORDS, k=OBJECT_BYTES // 4)).encode()
    keys = []
    for number in range(count):
        key = f"drawings/{number // 1000:03}/{number:06}.txt"
        path = folder / "objects" / BUCKET / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((b"drawing number %d\n" % number + words)[:OBJECT_BYTES])
        keys.append(key)
    return keys


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve what `make_objects` made in that folder; returns the endpoint. Ends the run when there is no nginx."""
    binary = shutil.which("nginx", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise SystemExit("bench: expected nginx on the PATH, found none: apt-get install nginx-light")
    port = ports.choose()
    user = "user root;\n" if os.geteuid() == 0 else ""  # its workers would not see a temporary folder of root's
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(user=user, folder=folder, host=ports.HOST, port=port))
    log = folder / "error.log"
    process = subprocess.Popen([binary, "-p", str(folder), "-e", str(log), "-c", str(configuration)])
    try:
        deadline = time.monotonic() + _START_S
        while not ports.accepts(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"bench: expected nginx to start: {log.read_text()[-500:] if log.exists() else ''}")
            time.sleep(0.02)
        yield f"http://{ports.HOST}:{port}"
    finally:
        process.terminate()
        process.wait(_START_S)
