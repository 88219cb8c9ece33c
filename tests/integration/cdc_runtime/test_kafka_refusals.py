"""
What Kafka refuses for good is told at once, with the remedy that helps: it is done as printed, and all is well.

On a real broker with TLS, log-ins and rights. The time to wait for a broker is longer than any test may take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.consumer import GroupConsumer
from cdc_runtime.kafka.producer import IdempotentProducer, TransactionalProducer
from cdc_runtime.kafka.tail import Tail
from cdc_runtime.settings.models import KafkaSettings
from devstack.kafka_secured import Listener, SecuredKafka, start
from schemas.errors import AccessDenied, RowferryError, ServerSetting, SettingsError, TransientError
from schemas.topics import TopicSpec
from tests.kafka_remedies import run_kafka_acls, with_client
from tests.tls_front import certificate
from tests.waiting import eventually

NEVER_S = 3600
USER, PASSWORD = "someone", "the password of someone"
# One for each test: rights stay.
STRANGERS = tuple(f"stranger{number}" for number in range(8))
LOG_IN = {"sasl.mechanism": "PLAIN", "sasl.username": USER}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    made = {"here": (), "named": ("localhost",), "ended": ()}
    return {
        name: certificate(tmp_path_factory.mktemp(name), *names, ended=name == "ended") for name, names in made.items()
    }


@pytest.fixture(scope="module")
def secured(certificates: dict[str, tuple[Path, Path]]) -> Iterator[SecuredKafka]:
    users = dict.fromkeys((USER, *STRANGERS), PASSWORD)
    listeners = {
        "TLS": Listener(certificates["here"]),
        "NAMED": Listener(certificates["named"], host="localhost"),
        "KNOWN": Listener(certificates["here"], clients=certificates["here"][0]),
        "ELSEWHERE": Listener(certificates["here"], host="localhost"),
        "LOGIN": Listener(users=users),
        "BOTH": Listener(certificates["here"], users),
    }
    with start(listeners) as server:
        yield server


@pytest.fixture
def settings_of(secured: SecuredKafka, topic_prefix: str) -> Callable[..., KafkaSettings]:
    def settings(listener: str | None, client: dict[str, str], *, address: str | None = None) -> KafkaSettings:
        address = address or (secured.bootstrap_servers if listener is None else secured.at(listener))
        return KafkaSettings(
            bootstrap_servers=address,
            prefix=topic_prefix,
            client=client,
            sasl_password=PASSWORD,  # type: ignore[arg-type]
        )

    return settings


@pytest.fixture(scope="module")
def strangers() -> Iterator[str]:
    return iter(STRANGERS)


@pytest.fixture
def nobody(settings_of: Callable[..., KafkaSettings], strangers: Iterator[str]) -> KafkaSettings:
    """As somebody who may log in, and nothing else."""
    return settings_of("LOGIN", {**LOG_IN_NEEDED, "sasl.username": next(strangers)})


@pytest.fixture
def granted(secured: SecuredKafka) -> Callable[[str | None], None]:
    def grant(command: str | None) -> None:
        run_kafka_acls(command or "", secured.bootstrap_servers)

    return grant


@pytest.fixture
def given(secured: SecuredKafka, nobody: KafkaSettings) -> Callable[[str], None]:
    """Rights that it has from the beginning."""
    command = f"kafka-acls.sh --bootstrap-server x --add --allow-principal User:{nobody.client['sasl.username']}"
    return lambda words: run_kafka_acls(f"{command} {words}", secured.bootstrap_servers)


@pytest.fixture
def topics(secured: SecuredKafka, topic_prefix: str) -> list[str]:
    names = [f"{topic_prefix}.public.{name}" for name in ("a", "b")]
    KafkaAdmin(KafkaSettings(bootstrap_servers=secured.bootstrap_servers)).ensure_topics(
        [TopicSpec(name, 1, {}) for name in names]
    )
    return names


def refused(settings: KafkaSettings, kind: type[RowferryError]) -> str:
    """The remedy that is printed at once; no word of it has to do with brokers that are away."""
    with pytest.raises(kind) as caught:
        KafkaAdmin(settings).wait_until_reachable(NEVER_S)
    assert caught.value.exit_code in (77, 78)
    assert caught.value.remedy is not None
    assert PASSWORD not in f"{caught.value} {caught.value.remedy}"
    return caught.value.remedy


def served(settings: KafkaSettings) -> bool:
    return KafkaAdmin(settings).wait_until_reachable(NEVER_S)


TLS_NEEDED, LOG_IN_NEEDED = {"security.protocol": "SSL"}, {"security.protocol": "SASL_PLAINTEXT", **LOG_IN}
OTHER_PROTOCOLS = {
    "plain client at a TLS listener": ("TLS", {}),
    "TLS client at a plain listener": (None, TLS_NEEDED),
    "plain client where one logs in": ("LOGIN", {}),
    "log-in where there is none": (None, LOG_IN_NEEDED),
    "log-in without TLS where there is TLS": ("BOTH", LOG_IN_NEEDED),
    "log-in without TLS where there is only TLS": ("TLS", LOG_IN_NEEDED),
    "TLS without log-in where one logs in": ("BOTH", TLS_NEEDED),
    "TLS client where one logs in without": ("LOGIN", TLS_NEEDED),
    "another way to log in": ("LOGIN", {**LOG_IN_NEEDED, "sasl.mechanism": "SCRAM-SHA-256"}),
}


@pytest.mark.remedy("set security.protocol in kafka.client to ", "set sasl.mechanism in kafka.client to ")
@pytest.mark.parametrize(("listener", "client"), OTHER_PROTOCOLS.values(), ids=OTHER_PROTOCOLS)
def test_listener_of_another_protocol_ends_at_once(settings_of, certificates, listener, client) -> None:
    trusted = {"ssl.ca.location": str(certificates["here"][0]), "sasl.username": USER}
    settings = settings_of(listener, {**trusted, **client})
    assert served(with_client(settings, refused(settings, SettingsError)))


@pytest.mark.remedy("set ssl.ca.location in kafka.client to the certificate of the authority (CA) of the brokers")
@pytest.mark.parametrize("named", ["", "named"])
def test_unknown_authority_ends_at_once(settings_of, certificates, named) -> None:
    client = {"security.protocol": "SSL"} | ({"ssl.ca.location": str(certificates[named][0])} if named else {})
    refused(settings_of("TLS", client), SettingsError)
    assert served(settings_of("TLS", {**client, "ssl.ca.location": str(certificates["here"][0])}))


@pytest.mark.remedy("name the brokers in kafka.bootstrap_servers, and in their own advertised.listeners, as their ")
def test_certificate_of_another_name_ends_at_once(settings_of, secured, certificates) -> None:
    client = {"security.protocol": "SSL", "ssl.ca.location": str(certificates["named"][0])}
    port = secured.at("NAMED").rpartition(":")[2]
    refused(settings_of("NAMED", client, address=f"127.0.0.1:{port}"), SettingsError)
    assert served(settings_of("NAMED", client, address=f"localhost:{port}"))


@pytest.mark.remedy(
    "check ssl.ca.location in kafka.client, and that the certificates of the brokers are for the names "
)
def test_broker_that_sends_to_another_name_is_no_broker_that_is_away(settings_of, secured, certificates) -> None:
    """The first broker is reached by an address that fits, and all of them by the names that they give themselves."""

    def made(listener: str, address: str, authority: str) -> list[str]:
        client = {"security.protocol": "SSL", "ssl.ca.location": str(certificates[authority][0])}
        settings = settings_of(listener, client, address=f"{address}:{secured.at(listener).rpartition(':')[2]}")
        assert served(settings)
        return KafkaAdmin(settings).ensure_topics([TopicSpec(f"{settings.prefix}.public.t", 1)])

    assert failing(lambda: made("ELSEWHERE", "127.0.0.1", "here")) is not None
    assert made("NAMED", "localhost", "named") != []


@pytest.mark.remedy("give the brokers a new certificate, or set the clock of this host where it is wrong")
def test_certificate_whose_time_is_over_ends_at_once(certificates, topic_prefix) -> None:
    client = {"security.protocol": "SSL", "ssl.ca.location": str(certificates["ended"][0])}
    with start({"TLS": Listener(certificates["ended"])}) as server:
        settings = KafkaSettings(bootstrap_servers=server.at("TLS"), prefix=topic_prefix, client=client)
        refused(settings, ServerSetting)
        server.change("TLS", Listener(certificates["here"]))
        server.restart()
        new = {**client, "ssl.ca.location": str(certificates["here"][0])}
        assert served(settings.model_copy(update={"client": new}))


@pytest.mark.remedy("set ssl.certificate.location and ssl.key.location in kafka.client to a certificate of ours that ")
@pytest.mark.parametrize(("shown", "kind"), [(None, SettingsError), ("named", AccessDenied), ("ended", AccessDenied)])
def test_client_without_the_certificate_that_is_wanted_ends_at_once(settings_of, certificates, shown, kind) -> None:
    """With TLS 1.3 the broker says so behind the handshake, and librdkafka may call it away."""
    client = {"security.protocol": "SSL", "ssl.ca.location": str(certificates["here"][0])}

    def showing(name: str) -> dict[str, str]:
        public, private = map(str, certificates[name])
        return {**client, "ssl.certificate.location": public, "ssl.key.location": private}

    refused(settings_of("KNOWN", showing(shown) if shown else client), kind)
    assert served(settings_of("KNOWN", showing("here")))


@pytest.mark.remedy("check sasl.username in kafka.client, and kafka.sasl_password")
@pytest.mark.parametrize("user", [USER, "somebody else"])
def test_wrong_password_or_user_ends_at_once(settings_of, topic_prefix, user) -> None:
    settings = settings_of("LOGIN", {**LOG_IN_NEEDED, "sasl.username": user})
    wrong = KafkaSettings(
        bootstrap_servers=settings.bootstrap_servers,
        client=settings.client,
        sasl_password="not it",  # type: ignore[arg-type]
    )
    refused(wrong if user == USER else settings, AccessDenied)
    assert served(settings_of("LOGIN", LOG_IN_NEEDED))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:1"])
def test_broker_that_is_away_is_waited_for(settings_of, address) -> None:
    with pytest.raises(RowferryError) as caught:
        KafkaAdmin(settings_of(None, {"security.protocol": "SSL"}, address=address)).wait_until_reachable(0.5)
    assert caught.value.exit_code == 69


def failing(work: Callable[[], object], kind: type[RowferryError] = AccessDenied) -> str | None:
    with pytest.raises(kind) as caught:
        work()
    return caught.value.remedy


def transaction(settings: KafkaSettings, *topics: str) -> None:
    with closing(TransactionalProducer(settings, f"{settings.prefix}-t", transaction_timeout_s=20)) as producer:
        producer.init(60)
        producer.begin()
        for topic in topics:
            producer.produce(topic, b"k", b"v")
        producer.commit()


@pytest.mark.remedy("kafka-acls.sh")
def test_rights_that_are_lacking_are_granted_by_the_printed_commands(nobody, granted, topics, topic_prefix) -> None:
    admin, new = KafkaAdmin(nobody), f"{topic_prefix}.new"
    granted(failing(lambda: admin.ensure_topics([TopicSpec(new, 1, {})])))
    assert admin.ensure_topics([TopicSpec(new, 1, {})]) == [new]

    granted(failing(lambda: transaction(nobody, new)))
    transaction(nobody, new)

    def followed() -> list[Record]:
        with closing(Tail(nobody, new, admin=admin)) as tail:
            return list(tail.read_to_end())

    granted(failing(followed))
    assert len(followed()) == 1


class Held:
    def on_assign(self, topic_partitions: Sequence[TopicPartition]) -> None: ...
    def on_revoke(self, topic_partitions: Sequence[TopicPartition]) -> None: ...
    def on_lost(self, topic_partitions: Sequence[TopicPartition]) -> None: ...


@pytest.mark.remedy("kafka-acls.sh")
@pytest.mark.rule("D8")
def test_d8_topic_that_may_not_be_read_stops_no_other(nobody, secured, given, granted, topics, capsys) -> None:
    """A member of a group names the topic, and reads it once it may."""
    group, (one, other) = f"{nobody.prefix}-g", topics
    everybody = KafkaSettings(bootstrap_servers=secured.bootstrap_servers, prefix=nobody.prefix)
    transaction(everybody, one, other)
    given(f"--operation Read --topic {one}")
    given(f"--operation Describe --topic {other}")
    with closing(GroupConsumer(nobody, group, topics, Held())) as consumer:
        granted(failing(lambda: eventually(lambda: consumer.poll_batch(10, 0.1), what="records")))
    seen: set[str] = set()
    with closing(GroupConsumer(nobody, group, topics, Held())) as consumer:

        def read(topic: str) -> bool:
            seen.update(record.topic for record in consumer.poll_batch(10, 0.1))
            return topic in seen

        eventually(lambda: read(one), 150, what="records of the topic that may be read")
        told = eventually(lambda: read(one) and capsys.readouterr().out, 150, what="a warning")
        assert other not in seen
        assert "topic may not be read" in told
        granted(told.partition("remedy='")[2].partition("'")[0])
        eventually(lambda: read(other), 120, what="records of the other topic")


def test_lacking_right_to_write_is_named_by_the_transaction_and_the_record(nobody, given, granted, topics) -> None:
    admin, (one, other) = KafkaAdmin(nobody), topics
    given(f"--operation Write --operation Describe --transactional-id {nobody.prefix}-t")
    given(f"--operation Describe --topic {one}")
    assert "--topic" in str(failing(lambda: transaction(nobody, one), TransientError))

    def alone() -> None:
        with closing(IdempotentProducer(nobody, delivery_timeout_s=20)) as producer:
            producer.send(one, b"k", b"v")
            producer.flush_or_raise()

    granted(failing(alone))  # a fatal error of the client, which is told in the middle of another call
    granted(failing(alone))
    alone()
    transaction(nobody, one, other)
    place = TopicPartition(one, 0)
    eventually(lambda: admin.end_offsets([place])[place] > 1, what="the end of the transaction")
