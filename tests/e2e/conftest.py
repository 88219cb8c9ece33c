"""
Whole pipelines: a database, both services as processes, and a namespace of the index.

`standing` runs for all tests of a worker that only change rows and tables of their own. A test that stops, kills or
fills takes a pipeline of its own: `pipeline`, or `sample_pipeline` on a copy of the sample database.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests import databases
from tests.databases import Database
from tests.e2e.services import Index, Pipeline, environment
from tests.servers import S3Address, VespaAddress


@pytest.fixture(scope="package")
def standing(
    postgres_dsn: str, kafka: str, vespa: VespaAddress, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """A pipeline that runs already."""
    prefix = f"t{secrets.token_hex(6)}"
    index = Index(vespa, prefix)
    with databases.temporary(postgres_dsn) as database:
        settings = environment(database, kafka, index, prefix)
        pipeline = Pipeline(database, index, settings, tmp_path_factory.mktemp("standing"))
        try:
            yield pipeline.start()
        finally:
            pipeline.close()
    index.clear()
    delete_topics(kafka, prefix)


@pytest.fixture
def index(vespa: VespaAddress, vespa_namespace: str) -> Iterator[Index]:
    """The documents of this test alone."""
    index = Index(vespa, vespa_namespace)
    yield index
    index.clear()


@pytest.fixture
def pipeline(database: Database, kafka: str, topic_prefix: str, index: Index, tmp_path: Path) -> Iterator[Pipeline]:
    """Neither service runs yet, so that the test can fill the database first."""
    pipeline = Pipeline(database, index, environment(database, kafka, index, topic_prefix), tmp_path)
    yield pipeline
    pipeline.close()


@pytest.fixture
def sample_pipeline(
    sample_database: Database, kafka: str, topic_prefix: str, index: Index, tmp_path: Path
) -> Iterator[Pipeline]:
    """As `pipeline`, on a copy of the sample database."""
    settings = environment(sample_database, kafka, index, topic_prefix)
    pipeline = Pipeline(sample_database, index, settings, tmp_path)
    yield pipeline
    pipeline.close()


@pytest.fixture
def files_pipeline(pipeline: Pipeline, s3: S3Address, s3_bucket: str) -> Iterator[Pipeline]:
    """As `pipeline`, with a bucket of its own for the fetcher."""
    settings = {
        "S3__ENDPOINT_URL": s3.endpoint_url,
        "S3__BUCKET": s3_bucket,
        "S3__REGION": s3.region,
        "S3__ACCESS_KEY_ID": s3.access_key_id,
        "S3__SECRET_ACCESS_KEY": s3.secret_access_key,
        "RETRY__DELAYS_S": "[0.5, 1]",
    }
    environment = pipeline.environment | {f"ROWFERRY_{name}": value for name, value in settings.items()}
    whole = Pipeline(pipeline.database, pipeline.index, environment, pipeline.folder)
    yield whole
    whole.close()


def delete_topics(kafka: str, prefix: str) -> None:
    """As the fixture `topic_prefix` does for a single test."""
    silent = logging.getLogger(f"{__name__}.silent")
    silent.disabled = True
    client = AdminClient({"bootstrap.servers": kafka, "log_level": 0}, logger=silent)
    topics = [name for name in client.list_topics(timeout=60).topics if name.startswith(f"{prefix}.")]
    if topics:
        for deletion in client.delete_topics(topics, operation_timeout=60).values():
            deletion.result()
