"""
Which hosts links may lead to, and the parts of a link that a request needs.

Leaves to others: addresses behind a name (`addresses`), following redirects, and what a link to S3 means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from file_fetcher.failures import Skipped
from schemas.errors import SettingsError

_PORTS = {"https": 443, "http": 80}
_ENTRY = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<host>\[[0-9a-f:.]+\]|(?:\*\.)?[^\s:/?#@*\[\]]+)(?::(?P<port>\d{1,5}))?/?"
    r"(?P<private>\s+private)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class WebAddress:
    """A link taken apart; `target` is path and query, signature included: never for messages."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)

    @property
    def origin(self) -> str:
        """Scheme and host, for people and metrics."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One entry of the hosts that are allowed."""

    scheme: str
    host: str  # a name, or `*.` and the end of names
    port: int
    private: bool

    @property
    def named(self) -> bool:
        """Whether it names one host, which then is expected to be there."""
        return not self.host.startswith("*.")

    def allows(self, address: WebAddress) -> bool:
        """Whether a link to this address may be followed."""
        if (address.scheme, address.port) != (self.scheme, self.port):
            return False
        return address.host == self.host if self.named else address.host.endswith(self.host[1:])


_PUBLIC = HostEntry("https", "*.", 443, private=False)


@dataclass(frozen=True, slots=True)
class Hosts:
    """All entries; `any_public` allows https to every host with public addresses."""

    entries: tuple[HostEntry, ...] = ()
    any_public: bool = False

    def entry(self, address: WebAddress) -> HostEntry | None:
        """The entry that allows an address, one that names the host before a wider one; None: it is not allowed."""
        found = [entry for entry in self.entries if entry.allows(address)]
        if found:
            return max(found, key=lambda entry: (entry.named, len(entry.host), entry.private))
        return _PUBLIC if self.any_public and (address.scheme, address.port) == ("https", 443) else None


def host_entries(texts: Iterable[str]) -> tuple[HostEntry, ...]:
    """Read entries like `*.example.com` or `http://host:8000 private`; raises `SettingsError`."""
    return tuple(_entry(number, text) for number, text in enumerate(texts, 1))


def web_address(url: str) -> WebAddress:
    """Take a link apart; raises `Skipped` for one that no request can be made of, or that has user information."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        host = host if host.isascii() else host.encode("idna").decode("ascii")
        port = parts.port
    except ValueError as exc:
        raise Skipped("host_not_allowed", "expected a link with a host, got one that cannot be read") from exc
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not host:
        raise Skipped("host_not_allowed", "expected an http(s) link with a host, got another")
    if parts.username is not None or parts.password is not None:
        raise Skipped("host_not_allowed", f"expected a link without user information, got one to {host!r}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebAddress(scheme, host, _PORTS[scheme] if port is None else port, target)


def _entry(number: int, text: str) -> HostEntry:
    match = _ENTRY.fullmatch(text.strip())
    if match is None:
        # Not repeated: it may be a link with user and password.
        raise SettingsError(
            "urls.hosts: expected entries like 'files.example.com' or 'http://host:8000 private', "
            f"got something else in entry {number}"
        )
    scheme = (match["scheme"] or "https").lower()
    host = match["host"].lower().strip("[]")
    return HostEntry(scheme, host, int(match["port"] or _PORTS[scheme]), private=bool(match["private"]))
