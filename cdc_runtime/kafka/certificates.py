"""What is wrong with a certificate (pure): a broker's by OpenSSL's number, ours by the alert that the broker sends."""

from __future__ import annotations

from schemas.errors import AccessDenied, Neighbour, RowferryError, ServerSetting, SettingsError

_ENDED = 10
_OTHER_NAME = (62, 64)  # of a host, of an address
_UNKNOWN_SIGNER = (18, 19, 20, 21)
# OpenSSL's names. That a handshake failed, without a reason, is not among them: it may have many.
ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "none was shown",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it is none that it can use",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it is of a kind that it does not take",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it was revoked",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "its time is over",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not trust it",
    "TLSV1_ALERT_UNKNOWN_CA": "it is of an authority that it does not know",
}
_SHOW = (
    "set ssl.certificate.location and ssl.key.location in kafka.client to a certificate of ours that the brokers "
    "trust, and to its key"
)


def problem(code: int, words: str, address: str, *, named: bool) -> RowferryError:
    """The error, with the remedy that fits; `named`: `ssl.ca.location` is set. `words` are OpenSSL's own."""
    expected = f"Kafka at {address} to have a certificate that we trust"
    if code in _UNKNOWN_SIGNER:
        now = "is of another authority" if named else "is not set"
        return SettingsError(
            expected=expected,
            found=f"one of an authority that is not known here (ssl.ca.location {now})",
            neighbour=Neighbour.KAFKA,
            remedy="set ssl.ca.location in kafka.client to the certificate of the authority (CA) of the brokers",
        )
    if code in _OTHER_NAME:
        return SettingsError(
            expected=expected,
            found=f"one for other names: {words}",
            neighbour=Neighbour.KAFKA,
            remedy="name the brokers in kafka.bootstrap_servers, and in their own advertised.listeners, as their "
            "certificates do",
        )
    return ServerSetting(
        expected=expected,
        found="one whose time is over" if code == _ENDED else f"one that is refused: {words}",
        neighbour=Neighbour.KAFKA,
        remedy="give the brokers a new certificate, or set the clock of this host where it is wrong",
    )


def problem_of_ours(alert: str, address: str, *, shown: bool) -> RowferryError:
    """The error, with its remedy; `shown`: a certificate is set."""
    if not shown:
        return SettingsError(
            expected=f"Kafka at {address} to take clients that show no certificate",
            found="one that wants to see ours",
            neighbour=Neighbour.KAFKA,
            remedy=_SHOW,
        )
    return AccessDenied(
        expected=f"Kafka at {address} to take the certificate that ssl.certificate.location names",
        found=f"a refusal: {ALERTS[alert]}",
        neighbour=Neighbour.KAFKA,
        remedy=_SHOW,
    )
