"""
Edge: looks at the first broker that answers, beside librdkafka, which does not tell what a refused connection was.

Only what a listener has said counts: one that is away, or closes each connection, is no reason for anything.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from pathlib import Path

from cdc_runtime.kafka.certificates import ALERTS, problem, problem_of_ours
from cdc_runtime.kafka.listeners import LENGTH_BYTES, MAX_ANSWER_BYTES, QUESTION, Listener, answered, mismatch, place_of
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import ProtocolError, RowferryError

_STEP_S = 2.0
_ALL_S = 6.0
# With TLS 1.3 what a broker says of our certificate comes behind the handshake, and unasked.
_ALERT_S = 1.0
_OFF = ("false", "f", "0")  # as librdkafka takes them
# Ways to give a certificate of ours that only librdkafka can go.
_OTHER_WAYS = ("ssl.keystore.location", "ssl.certificate.pem", "ssl.key.pem", "ssl.engine.location", "ssl.providers")


def misfit(settings: KafkaSettings, *, refused: bool) -> RowferryError | None:
    """
    Why no client with these settings will ever be served by this broker; None where nothing is known of that.

    `refused`: librdkafka calls it a refusal. Only then the certificate of the broker is looked at: what librdkafka
    trusts is its own matter, and where it has not said no, another store of authorities is no reason to end.
    """
    until = time.monotonic() + _ALL_S
    for address in settings.bootstrap_servers.split(","):
        place = place_of(address)
        listener = _listener(place, settings.client)
        if listener is not None:
            found = mismatch(listener, address, settings.client) or _unwelcome(listener, address, settings.client)
            return found or (_mistrust(place, listener, address, settings.client) if refused else None)
        if time.monotonic() > until:
            break
    return None


def _listener(place: tuple[str, int], options: dict[str, str]) -> Listener | None:
    context = _context(options)
    try:
        plain = socket.create_connection(place, _STEP_S)
    except (OSError, OverflowError, ValueError):
        return None
    shaken = False
    try:
        with plain, context.wrap_socket(plain, server_hostname=place[0]) as connection:
            shaken = True
            _wait_for_alert(connection)
            return Listener(tls=True, mechanisms=_asked(connection))
    except (OSError, ProtocolError, ValueError) as exc:
        alert = getattr(exc, "reason", None)
        if shaken or alert in ALERTS:
            return Listener(tls=True, mechanisms=None, said=False, alert=alert if alert in ALERTS else None)
    try:  # no TLS: asked without
        with socket.create_connection(place, _STEP_S) as connection:
            return Listener(tls=False, mechanisms=_asked(connection))
    except (OSError, ProtocolError):
        return None


def _context(options: dict[str, str]) -> ssl.SSLContext:
    """Trusts everybody, and shows the certificate of ours where there is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError):
        _show_ours(context, options)
    return context


def _show_ours(context: ssl.SSLContext, options: dict[str, str]) -> bool:
    """Whether it has one to show. Raises `OSError` when it cannot be read."""
    if "ssl.certificate.location" not in options:
        return False
    # An empty password keeps OpenSSL from asking for one.
    password = options.get("ssl.key.password", "")
    context.load_cert_chain(options["ssl.certificate.location"], options.get("ssl.key.location"), password)
    return True


def _wait_for_alert(connection: socket.socket) -> None:
    """Raises `ssl.SSLError` with what the broker has against us, `ProtocolError` where it ends or speaks first."""
    connection.settimeout(_ALERT_S)
    with suppress(TimeoutError):
        if connection.recv(1):
            raise ProtocolError("expected a broker that waits to be asked, got bytes")
        raise ProtocolError("expected a broker that waits to be asked, got an end")


def _asked(connection: socket.socket) -> tuple[str, ...] | None:
    connection.settimeout(_STEP_S)
    connection.sendall(QUESTION)
    size = int.from_bytes(_read(connection, LENGTH_BYTES))
    return answered(_read(connection, min(size, MAX_ANSWER_BYTES)))


def _read(connection: socket.socket, size: int) -> bytes:
    taken = b""
    while len(taken) < size:
        part = connection.recv(size - len(taken))
        if not part:
            raise ProtocolError("expected a broker's answer, got an end")
        taken += part
    return taken


def _unwelcome(listener: Listener, address: str, options: dict[str, str]) -> RowferryError | None:
    """What the broker has against our certificate; None where librdkafka may show another than we can."""
    if listener.alert is None or any(name in options for name in _OTHER_WAYS):
        return None
    try:
        shown = _show_ours(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), options)
    except OSError:
        return None
    return problem_of_ours(listener.alert, address, shown=shown)


def _mistrust(
    place: tuple[str, int], listener: Listener, address: str, options: dict[str, str]
) -> RowferryError | None:
    """What is wrong with the broker's certificate for us."""
    if not listener.tls or options.get("enable.ssl.certificate.verification", "true").lower() in _OFF:
        return None
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = options.get("ssl.endpoint.identification.algorithm", "https").lower() != "none"
        _trust(context, options)
        with socket.create_connection(place, _STEP_S) as plain, context.wrap_socket(plain, server_hostname=place[0]):
            return None
    except ssl.SSLCertVerificationError as exc:
        return problem(exc.verify_code, exc.verify_message, address, named="ssl.ca.location" in options)
    except (OSError, ValueError):
        return None


def _trust(context: ssl.SSLContext, options: dict[str, str]) -> None:
    if "ssl.ca.pem" in options:
        context.load_verify_locations(cadata=options["ssl.ca.pem"])
    elif "ssl.ca.location" in options:
        where = Path(options["ssl.ca.location"])
        context.load_verify_locations(**{"capath" if where.is_dir() else "cafile": str(where)})
    else:
        context.load_default_certs()
