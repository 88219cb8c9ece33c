"""The doctor's checks of what files need: each is broken, and mended by carrying out the remedy that is printed."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.producer import IdempotentProducer
from cdc_runtime.settings.models import KafkaSettings
from devstack import s3 as devstack_s3
from devstack.s3 import S3Server
from devstack.vespa import DEFAULT_APPLICATION, VespaServer
from schemas.tables import Capture, FileColumn, TableEntry
from schemas.topics import Topics, TopicSpec, directory_topic, failure_topic, state_topic
from tests.integration.rowferry.patients import Patient, run_kafka_configs
from tests.relay import relay
from tests.servers import S3Address

Clients = Callable[[str], Any]


@pytest.fixture
def clients(own_s3: S3Server) -> Iterator[Clients]:
    """Makes clients of its services for an administrator."""
    made: list[Any] = []

    def client(service: str) -> Any:
        options = {
            "endpoint_url": own_s3.endpoint_url,
            "aws_access_key_id": devstack_s3.ACCESS_KEY_ID,
            "aws_secret_access_key": devstack_s3.SECRET_ACCESS_KEY,
            "region_name": devstack_s3.REGION,
        }
        made.append(boto3.client(service, **options))
        return made[-1]

    yield client
    for each in made:
        each.close()


def user_of(store: S3Address | S3Server) -> list[str]:
    """Flags for a user who may do everything in a store."""
    return [
        *("--s3.endpoint-url", store.endpoint_url, "--s3.region", devstack_s3.REGION),
        *("--s3.access-key-id", getattr(store, "access_key_id", devstack_s3.ACCESS_KEY_ID)),
        *("--s3.secret-access-key", getattr(store, "secret_access_key", devstack_s3.SECRET_ACCESS_KEY)),
    ]


def of_files(findings: dict[str, Any]) -> dict[str, str]:
    return {name: each["status"] for name, each in findings.items() if name.startswith("s3.")}


def run_aws(remedy: str, client: Any) -> None:
    """Carry out an `aws s3api create-bucket` command."""
    command = next(line for line in remedy.splitlines() if line.startswith("aws "))
    parser = argparse.ArgumentParser(exit_on_error=False)
    for name in ("bucket", "endpoint-url", "region", "create-bucket-configuration"):
        parser.add_argument(f"--{name}")
    program, service, action, *arguments = shlex.split(command)
    assert (program, service, action) == ("aws", "s3api", "create-bucket")
    found = parser.parse_args(arguments)
    assert found.endpoint_url == client.meta.endpoint_url
    more = {}
    if found.create_bucket_configuration:
        more["CreateBucketConfiguration"] = dict([found.create_bucket_configuration.split("=")])
    client.create_bucket(Bucket=found.bucket, **more)


def test_nothing_is_asked_where_no_bucket_is_named(patient: Patient) -> None:
    assert of_files(patient.examine()) == {}


def test_each_bucket_that_is_named_is_asked(patient: Patient, s3: S3Address, s3_bucket: str) -> None:
    patient.flags += [
        *user_of(s3),
        *("--s3.bucket", s3_bucket, "--s3.bucket-of", '{"photos.*": "elsewhere"}'),
        *("--s3.endpoint-of", '{"else*": "http://127.0.0.1:1"}', "--s3.region-of", '{"else*": "eu-west-1"}'),
        *("--store-url", "s3://nowhere/files"),
    ]

    found = patient.examine()

    assert of_files(found) == {
        "s3.elsewhere.reachable": "failed",
        "s3.nowhere.reachable": "ok",
        "s3.nowhere.clock": "ok",
        "s3.nowhere.exists": "failed",
        **dict.fromkeys(
            [f"s3.{s3_bucket}.{check}" for check in ("reachable", "clock", "exists", "region", "rights")], "ok"
        ),
    }


def test_contents_in_a_folder_need_no_bucket(patient: Patient, tmp_path: Path) -> None:
    patient.flags += ["--store-url", str(tmp_path)]

    assert of_files(patient.examine()) == {}


@pytest.mark.remedy("check s3.endpoint_url, or s3.endpoint_of for this bucket")
def test_store_that_does_not_answer_is_mended_by_its_address(patient: Patient, s3: S3Address, s3_bucket: str) -> None:
    patient.flags += [*user_of(s3), "--s3.bucket", s3_bucket]
    right = list(patient.flags)
    patient.flags += ["--s3.endpoint-url", "http://127.0.0.1:1"]

    finding = patient.examine()[f"s3.{s3_bucket}.reachable"]
    assert (finding["status"], finding["found"]) == ("failed", "none from http://127.0.0.1:1: EndpointConnectionError")
    assert "s3.endpoint_url" in finding["remedy"]
    patient.flags[:] = right

    assert patient.examine()[f"s3.{s3_bucket}.reachable"]["status"] == "ok"


@pytest.mark.remedy("correct its name in s3.bucket or s3.bucket_of, or create it")
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_bucket_that_is_not_there_is_made_by_its_command(
    patient: Patient, own_s3: S3Server, clients: Clients, region: str
) -> None:
    patient.flags += [*user_of(own_s3), "--s3.region", region, "--s3.bucket", "drawings"]

    finding = patient.examine()["s3.drawings.exists"]
    assert (finding["status"], finding["found"]) == ("failed", "none")
    run_aws(finding["remedy"], clients("s3"))

    assert set(of_files(patient.examine()).values()) == {"ok"}


@pytest.mark.remedy("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile or role")
@pytest.mark.parametrize("way", ["variables", "a profile"])
def test_credentials_that_are_nowhere_are_given_by_variables_or_a_profile(
    patient: Patient, s3: S3Address, s3_bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    patient.flags += ["--s3.endpoint-url", s3.endpoint_url, "--s3.region", s3.region, "--s3.bucket", s3_bucket]

    finding = patient.examine()[f"s3.{s3_bucket}.credentials"]
    assert finding["remedy"] == "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile or role"
    pair = {"AWS_ACCESS_KEY_ID": s3.access_key_id, "AWS_SECRET_ACCESS_KEY": s3.secret_access_key}
    if way == "variables":
        for name, value in pair.items():
            monkeypatch.setenv(name, value)
    else:
        lines = [f"{name.lower()} = {value}" for name, value in pair.items()]
        (tmp_path / "credentials").write_text("\n".join(["[files]", *lines, ""]))
        monkeypatch.setenv("AWS_PROFILE", "files")

    assert set(of_files(patient.examine()).values()) == {"ok"}


@pytest.mark.remedy("set the clock of this host (chronyc makestep), or that of the store, whichever is wrong")
def test_clock_of_the_store_that_is_wrong_is_set(patient: Patient, s3: S3Address, s3_bucket: str) -> None:
    """Its answers are from another hour, until somebody sets it."""
    host, _, port = s3.endpoint_url.removeprefix("http://").partition(":")
    fast = [True]

    def told(data: bytes) -> bytes:
        return re.sub(rb"(?i)(\r\ndate: )[^\r]*", rb"\1Tue, 01 Dec 2099 00:00:00 GMT", data) if fast[0] else data

    with relay((host, int(port)), told) as store:
        patient.flags += [*user_of(s3), "--s3.bucket", s3_bucket, "--s3.endpoint-url", f"http://{store.address}"]
        finding = patient.examine()[f"s3.{s3_bucket}.clock"]
        assert finding["status"] == "failed"
        assert finding["remedy"].startswith("set the clock of this host (chronyc makestep), or that of the store")
        fast[0] = False

        assert patient.examine()[f"s3.{s3_bucket}.clock"]["status"] == "ok"


@pytest.mark.remedy("give the key pair of a user of this store")
def test_key_that_the_store_does_not_know_is_mended_by_another(patient: Patient, s3: S3Address, s3_bucket: str) -> None:
    patient.flags += [*user_of(s3), "--s3.bucket", s3_bucket]
    right = list(patient.flags)
    patient.flags += ["--s3.access-key-id", "AKIAUNKNOWN"]

    finding = patient.examine()[f"s3.{s3_bucket}.credentials"]
    assert (finding["status"], finding["found"]) == ("failed", "InvalidAccessKeyId")
    assert "s3.access_key_id" in finding["remedy"]
    patient.flags[:] = right

    assert set(of_files(patient.examine()).values()) == {"ok"}


def test_secret_is_read_from_its_file(patient: Patient, s3: S3Address, s3_bucket: str, tmp_path: Path) -> None:
    (tmp_path / "s3__secret_access_key").write_text(f"{s3.secret_access_key}\n")
    patient.flags += ["--s3.endpoint-url", s3.endpoint_url, "--s3.region", s3.region, "--s3.bucket", s3_bucket]
    patient.flags += ["--s3.access-key-id", s3.access_key_id, "--secrets-dir", str(tmp_path)]

    assert set(of_files(patient.examine()).values()) == {"ok"}


@pytest.mark.remedy("give both, or neither")
def test_key_without_its_secret_is_told_with_the_setting(patient: Patient, s3: S3Address, s3_bucket: str) -> None:
    before = list(patient.flags)
    patient.flags += ["--s3.bucket", s3_bucket, "--s3.access-key-id", "test"]

    finding = patient.examine()["s3.settings"]

    assert (finding["status"], finding["found"].partition(":")[0]) == ("failed", "s3.secret_access_key")
    assert finding["remedy"] == "give both, or neither"
    patient.flags[:] = [*before, *user_of(s3), "--s3.bucket", s3_bucket]
    assert set(of_files(patient.examine()).values()) == {"ok"}
    patient.flags[:] = before
    assert "s3.settings" not in patient.examine()


ALLOWED: dict[str, tuple[list[tuple[str, str]], str]] = {
    "nothing": ([], "failed"),
    "only lists": ([("s3:ListBucket", "arn:aws:s3:::drawings")], "failed"),
    "only objects": ([("s3:GetObject", "arn:aws:s3:::drawings/*")], "warning"),
}


@pytest.mark.remedy("allow it with this policy")
@pytest.mark.parametrize(("allowed", "status"), ALLOWED.values(), ids=ALLOWED)
def test_right_that_is_lacking_is_given_by_the_policy(
    patient: Patient, own_s3: S3Server, clients: Clients, allowed: list[tuple[str, str]], status: str
) -> None:
    clients("s3").create_bucket(Bucket="drawings")
    iam = clients("iam")
    iam.create_user(UserName="fetcher")
    key = iam.create_access_key(UserName="fetcher")["AccessKey"]
    for number, (action, resource) in enumerate(allowed):
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="fetcher", PolicyName=f"p{number}", PolicyDocument=policy)
    patient.flags += [*user_of(own_s3), "--s3.bucket", "drawings"]
    patient.flags += ["--s3.access-key-id", key["AccessKeyId"], "--s3.secret-access-key", key["SecretAccessKey"]]

    finding = patient.examine()["s3.drawings.rights"]
    assert (finding["status"], finding["expected"]) == (status, "s3:GetObject and s3:ListBucket")
    policy = finding["remedy"].splitlines()[1]
    iam.put_user_policy(UserName="fetcher", PolicyName="remedy", PolicyDocument=policy)

    assert patient.examine()["s3.drawings.rights"]["status"] == "ok"


@pytest.mark.remedy("set this in the settings file")
def test_region_is_mended_in_the_settings_file(
    patient: Patient, own_s3: S3Server, clients: Clients, tmp_path: Path
) -> None:
    configuration = {"LocationConstraint": "eu-west-1"}
    clients("s3").create_bucket(Bucket="drawings", CreateBucketConfiguration=configuration)
    patient.flags += [*user_of(own_s3), "--s3.bucket", "drawings"]

    finding = patient.examine()["s3.drawings.region"]
    assert (finding["status"], finding["found"]) == ("warning", "one in eu-west-1")
    (tmp_path / "rowferry.yaml").write_text(finding["remedy"].splitlines()[1] + "\n")
    patient.flags += ["--config", str(tmp_path / "rowferry.yaml")]

    assert patient.examine()["s3.drawings.region"]["status"] == "ok"


def publish(kafka: str, spec: TopicSpec, key: bytes, value: bytes) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka)
    KafkaAdmin(settings).ensure_topics([spec])
    with closing(IdempotentProducer(settings)) as producer:
        producer.send(spec.name, key, value)
        producer.flush_or_raise()


@pytest.mark.remedy("set s3.bucket, or s3.bucket_of for these columns")
def test_column_without_a_bucket_is_mended_by_naming_one(
    patient: Patient, kafka: str, topic_prefix: str, s3: S3Address, s3_bucket: str
) -> None:
    photos = TableEntry(
        version=1,
        source="rowferry",
        database="d",
        schema="public",
        table="photos",
        oid=1,
        topic=f"{topic_prefix}.public.photos",
        partitions=3,
        columns=(),
        primary_key=("id",),
        capture=Capture("replication", "test"),
        file_columns=(FileColumn("s3_key", "s3_key", "s3_key"),),
    )
    publish(kafka, directory_topic(Topics(topic_prefix).tables), photos.record_key, photos.to_json())

    finding = patient.examine()["s3.bucket"]
    assert (finding["status"], finding["found"]) == ("warning", "none for photos.s3_key")
    assert "s3.bucket" in finding["remedy"]
    patient.flags += [*user_of(s3), "--s3.bucket", s3_bucket]

    assert patient.examine()["s3.bucket"]["status"] == "ok"


def of_topic(prefix: str, name: str) -> TopicSpec:
    topics = Topics(prefix)
    specs = [state_topic(each, 3) for each in (topics.files, topics.file_rows, topics.file_refs)]
    return next(
        spec for spec in (*specs, failure_topic(topics.retry("fetchers"), 3)) if spec.name == f"{prefix}.{name}"
    )


@pytest.mark.parametrize("name", ["_files", "_file_rows", "_file_refs", "_retry.fetchers"])
def test_topic_of_files_that_was_altered_is_mended(patient: Patient, kafka: str, topic_prefix: str, name: str) -> None:
    spec = of_topic(topic_prefix, name)
    altered = TopicSpec(spec.name, spec.partitions, {**spec.config, "max.message.bytes": "1000"})
    KafkaAdmin(KafkaSettings(bootstrap_servers=kafka)).ensure_topics([altered])
    patient.flags += ["--fetcher-group", "fetchers"]

    finding = patient.examine()[f"kafka.topics.{spec.name}.max.message.bytes"]
    assert (finding["status"], finding["found"]) == ("failed", "max.message.bytes=1000")
    run_kafka_configs(finding["remedy"])

    assert patient.examine()["kafka.topics"]["status"] == "ok"


@pytest.mark.remedy("kafka-topics.sh --bootstrap-server")
def test_f2_topics_of_files_have_as_many_partitions_as_the_memory_of_the_fetcher(
    patient: Patient, kafka: str, topic_prefix: str
) -> None:
    admin, topics = KafkaAdmin(KafkaSettings(bootstrap_servers=kafka)), Topics(topic_prefix)
    admin.ensure_topics([state_topic(topics.file_refs, 2), state_topic(topics.files, 2)])
    assert patient.examine()["kafka.topics"]["status"] == "ok"
    admin.ensure_topics([state_topic(topics.file_rows, 3), failure_topic(topics.retry("fetchers"), 1)])
    patient.flags += ["--fetcher-group", "fetchers"]

    findings = patient.examine()

    assert f"kafka.topics.{topics.file_rows}.partitions" not in findings, "more are not used"
    finding = findings[f"kafka.topics.{topics.retry('fetchers')}.partitions"]
    assert (finding["status"], finding["expected"], finding["found"]) == ("failed", "partitions=2", "partitions=1")
    _add_partitions(finding["remedy"])
    assert patient.examine()["kafka.topics"]["status"] == "ok"


def _add_partitions(remedy: str) -> None:
    """Carry out a `kafka-topics.sh --alter` command; the tool itself is not among the jars of the tests' broker."""
    said = argparse.ArgumentParser()
    said.add_argument("program", choices=["kafka-topics.sh"])
    said.add_argument("--bootstrap-server", required=True)
    said.add_argument("--alter", action="store_true", required=True)
    said.add_argument("--topic", required=True)
    said.add_argument("--partitions", type=int, required=True)
    given = said.parse_args(shlex.split(remedy))
    client = AdminClient({"bootstrap.servers": given.bootstrap_server})
    for done in client.create_partitions([NewPartitions(given.topic, given.partitions)]).values():
        done.result()


def test_schema_of_files_that_is_outdated_is_mended_by_the_package(
    patient: Patient, own_vespa: VespaServer, tmp_path: Path
) -> None:
    shutil.copytree(DEFAULT_APPLICATION, tmp_path / "application")
    schema = tmp_path / "application" / "schemas" / "procore_file.sd"
    text, count = re.subn(r"        field text_uri type string \{.*?\n        \}\n", "", schema.read_text(), flags=re.S)
    assert count == 1
    schema.write_text(text)
    own_vespa.restart(tmp_path / "application")
    patient.flags += ["--vespa-url", own_vespa.url, "--vespa.query-url", own_vespa.url]

    finding = patient.examine()["vespa.schema"]
    assert (finding["status"], finding["expected"]) == ("failed", "fields text_uri in procore_file")
    own_vespa.restart(DEFAULT_APPLICATION.parent.parent / finding["remedy"].split()[2])

    assert patient.examine()["vespa.schema"]["status"] == "ok"


@pytest.mark.parametrize("setting", ["file-type", "file-row-type"])
def test_document_type_of_files_that_is_not_there_is_found(patient: Patient, setting: str) -> None:
    patient.flags += [f"--vespa.{setting}", "unheard_of"]

    finding = patient.examine()["vespa.schema"]

    assert (finding["status"], finding["expected"]) == ("failed", "document type unheard_of")
