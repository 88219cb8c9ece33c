"""
Edge: everything that runs for the demo, started and ended together: four servers, three services, their folder.

Tied to this process, in temporary folders that go with it; detached, in the data folder, when the demo is to be kept.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from devstack import java, records
from devstack.demo import kept
from devstack.demo.services import Service, last_line
from devstack.kafka import KafkaServer
from devstack.postgres import PostgresServer
from devstack.s3 import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, S3Server
from devstack.sample.objects import cached
from devstack.sample.objects.expected import fetcher_settings
from devstack.sample.objects.links import ObjectStore
from devstack.server import Server
from devstack.vespa import VespaServer

Say = Callable[[str], None]
Fill = Callable[[str, ObjectStore], None]

BUCKET = "procore-files"
# What cannot be had is asked for again so soon that the demo sees the end of it.
_RETRY_DELAYS_S = "[0.5, 1]"


class Running:
    """Nothing runs until it is started; `close` ends all of it, whatever state it is in."""

    def __init__(self, data: Path, *, keep: bool, say: Say, more_settings: Mapping[str, str]) -> None:
        self.keep, self.more_settings = keep, more_settings
        self._say = say
        java.java()  # a machine without it is told at once
        if keep:
            kept.refuse_if_running(data)
            kept.end(data)  # what an earlier demo has left there
        self.folder = records.prepare(data if keep else Path(tempfile.mkdtemp(prefix="rowferry-demo-")))
        servers = kept.servers_folder(self.folder)
        tied = not keep
        self.postgres = PostgresServer(servers / "postgres" if keep else None, tied=tied)
        self.kafka = KafkaServer(servers / "kafka" if keep else None, tied=tied, say=say)
        self.vespa = VespaServer(servers / "vespa" if keep else None, tied=tied, say=say)
        self.s3 = S3Server(servers / "s3" if keep else None, cached.preload(BUCKET), tied=tied, say=say)
        self.reader = Service("cdc-reader", "cdc_reader", kept.log_file(self.folder, "cdc-reader"), tied=tied)
        self.sink = Service("vespa-sink", "vespa_sink", kept.log_file(self.folder, "vespa-sink"), tied=tied)
        self.fetcher = Service("file-fetcher", "file_fetcher", kept.log_file(self.folder, "file-fetcher"), tied=tied)

    @property
    def servers(self) -> Sequence[Server]:
        """All servers."""
        return (self.postgres, self.kafka, self.vespa, self.s3)

    @property
    def services(self) -> Sequence[Service]:
        """All services."""
        return (self.reader, self.sink, self.fetcher)

    @cached_property
    def store(self) -> ObjectStore:
        """The bucket that the sample's rows refer to, and its links signed now; for a server that was started."""
        return ObjectStore(self.s3.endpoint_url, BUCKET, datetime.now(UTC), ACCESS_KEY_ID, SECRET_ACCESS_KEY, REGION)

    @property
    def objects_url(self) -> str:
        """The bucket, as the sample's commands take it."""
        return f"{self.s3.endpoint_url}/{BUCKET}"

    @property
    def settings(self) -> dict[str, str]:
        """What the services and the operator's commands are told; all else is default."""
        return {
            "ROWFERRY_DATABASE_URL": self.postgres.dsn,
            "ROWFERRY_KAFKA__BOOTSTRAP_SERVERS": self.kafka.address,
            "ROWFERRY_VESPA__URL": self.vespa.url,
            **self.more_settings,
            **fetcher_settings(self.store),
            "ROWFERRY_RETRY__DELAYS_S": _RETRY_DELAYS_S,
            "ROWFERRY_DATA_DIRECTORY": str(kept.files_folder(self.folder).absolute()),
        }

    def start_servers(self, fill: Fill) -> None:
        """Start the servers at once; `fill` is given database and store as soon as they are there.

        Raises DevstackError.
        """
        with ThreadPoolExecutor(len(self.servers)) as pool:
            try:
                begun: list[Future[None]] = [pool.submit(self._begin, server) for server in self.servers[1:]]
                begun.append(pool.submit(self._begin_and_fill, fill, begun[-1]))
                done, _ = wait(begun, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            except BaseException:
                # The others would be waited for until they are ready.
                for server in self.servers:
                    server.close()
                raise

    def start_services(self) -> None:
        """Start all services; they are noted first of all when they will outlive us."""
        own = {"ROWFERRY_HTTP__HOST": self.vespa.host, "ROWFERRY_HTTP__PORT": "0", "ROWFERRY_LOG__FORMAT": "json"}
        for service in self.services:
            service.start({**self.settings, **own})
            if self.keep:
                kept.remember(self.folder, self.services)
            else:
                service.remove_at_end(self.folder)

    def require_alive(self) -> None:
        """Raise DevstackError when a service has ended."""
        for service in self.services:
            service.require_alive()

    def hints(self) -> str:
        """Where to look when nothing moves, and what was said last."""
        return "; ".join(f"{service.name}: {last_line(service.log)} (all: {service.log})" for service in self.services)

    def close(self, *, keep_logs: bool) -> None:
        """End all and remove the data; the folder with the logs may stay."""
        for service in self.services:
            if keep_logs and not self.keep:
                service.remove_at_end()
            service.close()
        for server in self.servers:
            server.wipe()
        if self.keep and not keep_logs:
            kept.end(self.folder)
        elif not keep_logs:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _begin(self, server: Server) -> None:
        began = time.monotonic()
        server.begin()
        self._say(f"{server.kind} on {server.host}:{server.port} after {time.monotonic() - began:.1f} s")

    def _begin_and_fill(self, fill: Fill, store_begun: Future[None]) -> None:
        self._begin(self.postgres)
        store_begun.result()  # links hold its port
        fill(self.postgres.dsn, self.store)
