"""What an operator hears of an option that librdkafka does not take."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.client import ErrorMemory, client_config, make_client
from cdc_runtime.kafka.producer import IdempotentProducer, TransactionalProducer
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import SettingsError

SECRET = "h4nter2.secret"
REFUSED = {
    "a name that it does not know": ({"sasl.mecanism": SECRET}, "sasl.mecanism"),
    "a value that it does not know": ({"security.protocol": SECRET}, "security.protocol"),
    "a value that is no number": ({"fetch.min.bytes": SECRET}, "fetch.min.bytes"),
    "a value that is out of bounds": ({"message.max.bytes": "5"}, "message.max.bytes"),
    "another name than its own": ({"linger.ms": SECRET}, "queue.buffering.max.ms (kafka.client sets linger.ms)"),
    "a file that is not there": ({"security.protocol": "SSL", "ssl.ca.location": f"/{SECRET}"}, "ssl.ca.location"),
    "a name of the Python client": ({"stats_cb": SECRET}, "stats_cb"),
    "a name of the Java client": ({"sasl.jaas.config": SECRET}, "sasl.jaas.config"),
    "an option that it lacks": (
        {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": SECRET},
        "sasl.password, sasl.username",
    ),
    "a mechanism that was not built in": (
        {"security.protocol": "SASL_SSL", "sasl.mechanism": "GSSAPI"},
        "sasl.mechanism, security.protocol",
    ),
}


@pytest.mark.parametrize(("options", "named"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("kind", [AdminClient, Consumer])
def test_a_refused_option_is_a_settings_error_with_its_name_and_without_its_value(kind, options, named):
    settings = KafkaSettings(client=options)
    with pytest.raises(SettingsError) as caught:
        make_client(kind, settings, client_config(settings, ErrorMemory(), group_id="g"))
    assert str(caught.value) == (
        f"kafka.client: expected options that librdkafka takes, got another name or value for {named}"
    )
    assert caught.value.exit_code == 78
    assert SECRET not in (caught.value.remedy or "")
    assert caught.value.__suppress_context__


@pytest.mark.remedy("compare them with CONFIGURATION.md of librdkafka")
@pytest.mark.parametrize(
    ("wrong", "right"),
    [({"linger": "5"}, {"linger.ms": "5"}), ({"socket.timeout.ms": "soon"}, {"socket.timeout.ms": "60000"})],
    ids=["its name", "its value"],
)
def test_an_option_as_librdkafka_documents_it_is_taken(wrong, right):
    with pytest.raises(SettingsError) as caught:
        KafkaAdmin(KafkaSettings(client=wrong))
    assert next(iter(wrong)) in str(caught.value)
    assert caught.value.remedy == "compare them with CONFIGURATION.md of librdkafka"
    KafkaAdmin(KafkaSettings(client=right))


@pytest.mark.parametrize(
    "make", [KafkaAdmin, IdempotentProducer, lambda settings: TransactionalProducer(settings, "t")]
)
def test_every_client_is_made_so(make):
    with pytest.raises(SettingsError, match=r"no\.such\.option"):
        make(KafkaSettings(client={"no.such.option": "x"}))
