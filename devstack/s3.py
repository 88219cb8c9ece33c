"""
An S3 server: ministack, in a virtual environment of its own, which is made once (`requirements/s3.txt`).

Objects lie on disk and survive a restart. Signed links are checked, their expiry too; requests without a signature or
with an unknown key are refused. A wrong secret in a request's header is noticed for users (`add_user`) alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devstack import cache, health, logs, ports
from devstack.cache import Say
from devstack.errors import DevstackError
from devstack.processes import Command
from devstack.server import Server

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.client import BaseClient

ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"
REGION = "us-east-1"
DEFAULT_REQUIREMENTS = Path(__file__).parent.parent / "requirements" / "s3.txt"

Preload = Callable[[Path], None]
"""Fills a new data folder before the server reads it; see `devstack.s3_files`."""

# Beside S3 the services that give tests users with few rights.
_SERVICES = "s3,iam,sts"


class S3Server(Server):
    """A running S3 server; ``endpoint_url`` has buckets in its path, not in its host name."""

    kind = "s3"

    def __init__(
        self, folder: Path | None = None, preload: Preload | None = None, *, tied: bool = True, say: Say = print
    ) -> None:
        super().__init__(folder, tied=tied)
        self._preload = preload
        self._say = say
        self._python = Path()

    @property
    def endpoint_url(self) -> str:
        """The root of its API, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    address = endpoint_url

    def healthy(self) -> bool:
        """Whether it answers a client now; raises nothing."""
        return health.s3(self.endpoint_url) is None

    def restart(self) -> None:
        """Stop it in order if it runs, and start it again; its objects stay."""
        self._start_again()

    def client(self) -> BaseClient:
        """A new boto3 client for it."""
        return client(self.endpoint_url)

    def add_user(self, name: str, statements: Sequence[Mapping[str, object]]) -> tuple[str, str]:
        """
        Make a user with no rights but those of the policy statements; returns access key id and secret.

        Users do not survive a restart.
        """
        iam = _session(ACCESS_KEY_ID, SECRET_ACCESS_KEY).client("iam", endpoint_url=self.endpoint_url)
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        iam.close()
        return key["AccessKeyId"], key["SecretAccessKey"]

    def _prepare(self) -> None:
        self._python = _environment(self._say) / "bin" / "python"
        if not self._data.exists():
            self._data.mkdir()
            if self._preload is not None:
                self._preload(self._data)

    def _command(self) -> Command:
        for folder in (self._home, self._home / "tmp"):
            folder.mkdir(exist_ok=True)
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self._home),
            "TMPDIR": str(self._home / "tmp"),
            "BIND_HOST": ports.HOST,
            "GATEWAY_PORT": str(self.port),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._data),
            "SERVICES": _SERVICES,
            "AUTH": "true",
            "LOG_LEVEL": "WARNING",
            # They would listen on ports of their own.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
        }
        return Command((str(self._python), "-m", "ministack"), self.folder, environment, self.log)

    def _ready(self) -> bool:
        return ports.accepts(self.port) and self.healthy()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _home(self) -> Path:
        return self.folder / "home"


def start(
    data_dir: Path | None = None,
    preload: Preload | None = None,
    *,
    port: int | None = None,
    tied: bool = True,
    say: Say = print,
) -> S3Server:
    """
    Start the S3 server with its objects in that folder, and return when it serves clients.

    ``preload`` is called for a folder that is new. A folder that has been used before goes on with its objects and, if
    it is free, port. ``say`` gets lines of progress. Raises DevstackError, with one line.
    """
    return S3Server(data_dir, preload, tied=tied, say=say).begin(port)


def client(
    endpoint_url: str, access_key_id: str = ACCESS_KEY_ID, secret_access_key: str = SECRET_ACCESS_KEY
) -> BaseClient:
    """A new boto3 client for a server with buckets in the path, whatever this process's environment says of AWS."""
    from botocore.config import Config

    return _session(access_key_id, secret_access_key).client(
        "s3",
        endpoint_url=endpoint_url,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            max_pool_connections=16,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )


def _session(access_key_id: str, secret_access_key: str) -> Session:
    import boto3

    return boto3.session.Session(
        aws_access_key_id=access_key_id, aws_secret_access_key=secret_access_key, region_name=REGION
    )


def _environment(say: Say) -> Path:
    """The virtual environment with the server, made if it is not there."""
    requirements = DEFAULT_REQUIREMENTS
    python = f"{sys.version_info.major}.{sys.version_info.minor} {sys.base_prefix}"

    def make(place: Path) -> None:
        say("s3: installing the server into an environment of its own (once)")
        _run([sys.executable, "-m", "venv", "--without-pip", str(place)], place)
        pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install", "--quiet"]
        _run([*pip, "--disable-pip-version-check", "--require-hashes", "--requirement", str(requirements)], place)

    return cache.folder("s3", cache.stamp([requirements], requirements.parent, python), make)


def _run(argv: list[str], place: Path) -> None:
    log = place.with_suffix(".log")
    with log.open("wb") as file:
        result = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False)
    if result.returncode != 0:
        raise DevstackError(f"{argv[2]} failed for the S3 server: {logs.last_words(log)} (all: {log})")
