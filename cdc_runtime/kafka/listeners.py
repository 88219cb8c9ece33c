"""
Whether the settings of a client fit the listener that it comes to (pure).

A broker that gets another protocol than the listener's just closes the connection, which looks like one that is away.
So it is asked by a request that each listener answers: which ways to log in it has.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from schemas.errors import Neighbour, ProtocolError, SettingsError

# A request of type 17 (SaslHandshake), version 1, with no client's name; the mechanism that it asks for is none.
_BODY = struct.pack(">hhihh", 17, 1, 1, -1, 0)
QUESTION = struct.pack(">i", len(_BODY)) + _BODY
LENGTH_BYTES = 4
# No answer is longer: a server that is none of Kafka's says anything.
MAX_ANSWER_BYTES = 4096
_DEFAULT_PORT = 9092
_PORT = re.compile(r"(?:^[^:]*|\]):[0-9]+$")
_UNSUPPORTED_MECHANISM, _NO_LOG_IN = 33, 34


@dataclass(frozen=True, slots=True)
class Listener:
    """
    Whether it speaks TLS, and the ways to log in: None where it takes none, or (with TLS) has not `said`.

    `alert`: OpenSSL's name of what it has against the certificate of ours.
    """

    tls: bool
    mechanisms: tuple[str, ...] | None
    said: bool = True
    alert: str | None = None

    @property
    def protocol(self) -> str:
        """As `security.protocol` names it."""
        return f"{'SASL_' if self.mechanisms is not None else ''}{'SSL' if self.tls else 'PLAINTEXT'}"


def place_of(address: str) -> tuple[str, int]:
    """Host and port of a broker as settings and librdkafka take it: `host`, `host:port`, `[::1]:port`, `SSL://...`."""
    text = address.strip().rpartition("://")[2]
    host, _, port = text.rpartition(":") if _PORT.search(text) else (text, "", "")
    return host.strip("[]"), int(port or _DEFAULT_PORT)


def answered(body: bytes) -> tuple[str, ...] | None:
    """The ways to log in, None for none. Raises `ProtocolError` for what is no answer of a broker."""
    try:
        number, code, count = struct.unpack_from(">ihi", body)
        mechanisms, at = [], struct.calcsize(">ihi")
        for _ in range(max(0, min(count, len(body)))):
            (size,) = struct.unpack_from(">h", body, at)
            mechanisms.append(body[at + 2 : at + 2 + size].decode())
            at += 2 + size
    except (struct.error, UnicodeDecodeError) as exc:
        raise ProtocolError("expected a broker's answer, got other bytes") from exc
    if number != 1 or at != len(body) or code not in (_UNSUPPORTED_MECHANISM, _NO_LOG_IN):
        raise ProtocolError("expected a broker's answer, got other bytes")
    return None if code == _NO_LOG_IN else tuple(mechanisms)


def mismatch(listener: Listener, address: str, options: dict[str, str]) -> SettingsError | None:
    """What `kafka.client` has to be changed to; None where it fits."""
    wanted = options.get("security.protocol", "plaintext").upper()
    # One that wants a certificate of ours first says nothing.
    fits = wanted == listener.protocol if listener.said else wanted.endswith("SSL")
    if not fits:
        return SettingsError(
            expected=f"a listener of Kafka at {address} for security.protocol {wanted}",
            found=f"one for {listener.protocol}",
            neighbour=Neighbour.KAFKA,
            remedy=f"set security.protocol in kafka.client to {listener.protocol}{_log_in(listener, wanted)}, "
            "or name another listener of the brokers in kafka.bootstrap_servers",
        )
    mechanism = options.get("sasl.mechanism", options.get("sasl.mechanisms", "GSSAPI")).upper()
    if listener.mechanisms and wanted.startswith("SASL") and mechanism not in listener.mechanisms:
        return SettingsError(
            expected=f"a listener of Kafka at {address} for sasl.mechanism {mechanism}",
            found=f"one for {', '.join(listener.mechanisms)}",
            neighbour=Neighbour.KAFKA,
            remedy=f"set sasl.mechanism in kafka.client to {' or '.join(listener.mechanisms)}",
        )
    return None


def _log_in(listener: Listener, wanted: str) -> str:
    if listener.mechanisms is None or wanted.startswith("SASL"):
        return ""
    return f" with sasl.mechanism {' or '.join(listener.mechanisms)}, sasl.username, and kafka.sasl_password"
