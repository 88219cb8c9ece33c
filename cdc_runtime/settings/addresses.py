"""
Types of settings that say where a neighbour is, taken apart when they are loaded.

Pure. What a library says of an address that it cannot read quotes the address, and with it the password; so an
address is judged here first, in words that repeat nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from cdc_runtime.settings.problems import Expected

_DATABASE_SCHEMES = ("postgresql://", "postgres://")
_ENCODE = "percent-encode '@', ':', '/', '?', '#' and '%' in user and password ('@' is %40)"
_ESCAPE = re.compile(r"%(?!00)[0-9A-Fa-f]{2}")
# libpq's grammar: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
_DATABASE_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%\w]+\]|[^\s:@/?#\[\]]*)(?::\d{0,5})?")
_OPTION = re.compile(r"[A-Za-z_]+=[^&]*")
_PAIR = r"[a-z_]+\s*=\s*(?:'(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*|(?=\s|$))"
_PAIRS = re.compile(rf"\s*{_PAIR}(?:\s+{_PAIR})*\s*", re.DOTALL)
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)"
_SERVER = re.compile(rf"https?://{_HOST}(?::\d{{1,5}})?/?")
_ADDRESS = re.compile(rf"https?://{_HOST}(?::\d{{1,5}})?(?:/[^?#@]*)?")
_BROKER = re.compile(rf"\s*(?:[A-Za-z_]+://)?{_HOST}(?::\d{{1,5}})?\s*")
_BUCKET = re.compile(r"s3://[^/?#@\s]+(?:/[^?#]*)?")
_FOLDER = re.compile(r"file:///.*|(?!s3:)(?!.*://).*", re.DOTALL)


def check_database_url(text: str) -> str:
    """Returns a connection string of libpq, `postgresql://...` or `name=value ...`; raises `ValueError` for another."""
    if text.startswith(_DATABASE_SCHEMES):
        _check_uri(text.partition("://")[2])
    elif "://" in text.partition("=")[0]:
        raise ValueError("expected a URL that begins with 'postgresql://', got another scheme")
    elif text and _PAIRS.fullmatch(text) is None:
        raise ValueError(
            "expected 'postgresql://user@host/database', or 'name=value' pairs with values that hold spaces or quotes "
            "in single quotes, got something else"
        )
    return text


def _check_uri(rest: str) -> None:
    """Split as libpq does: at the first '@' that no '/' stands before."""
    user, at, behind = rest.partition("@")
    place = behind if at and "/" not in user else rest
    hosts, _, query = place.partition("?")
    hosts, _, database = hosts.partition("/")
    if "@" in hosts + database:
        raise ValueError(f"expected one '@', in front of the host, got more or one elsewhere: {_ENCODE}")
    if not all(_DATABASE_HOST.fullmatch(host) for host in hosts.split(",")) or "/" in database:
        raise ValueError(f"expected 'host:port' and '/database' behind '@', got something else: {_ENCODE}")
    if "%" in _ESCAPE.sub("", rest):
        raise ValueError(f"expected two hexadecimal digits behind every '%', got something else: {_ENCODE}")
    if query and not all(_OPTION.fullmatch(option) for option in query.split("&")):
        raise ValueError(f"expected 'name=value' options behind '?', got something else: {_ENCODE}")


def check_server_url(text: str) -> str:
    """Returns the http(s) URL of a server, without a path; raises `ValueError` for another."""
    return _matching(text, _SERVER, "a URL like 'http://host:8080', without path, user and password")


def _server_or_none(text: str) -> str:
    return text and check_server_url(text)


def _address(text: str) -> str:
    return _matching(text, _ADDRESS, "a URL like 'https://host/path', without user, password and query")


def _brokers(text: str) -> str:
    for broker in text.split(","):
        _matching(broker, _BROKER, "'host:port', separated by commas, without user and password")
    return text


def _store(text: str) -> str:
    words = "'s3://bucket/prefix' without user and password, or a folder"
    return _matching(text, _BUCKET if text.startswith("s3://") else _FOLDER, words)


def _matching(text: str, pattern: re.Pattern[str], words: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError(f"expected {words}, got something else")
    return text


def _secretly(check: Callable[[str], str]) -> Callable[[SecretStr], SecretStr]:
    return lambda secret: SecretStr(check(secret.get_secret_value()))


DatabaseUrl = Annotated[SecretStr, AfterValidator(_secretly(check_database_url))]
ServerUrl = Annotated[str, AfterValidator(check_server_url), Expected("a URL like `http://host:8080`")]
OptionalServerUrl = Annotated[
    str, AfterValidator(_server_or_none), Expected("a URL like `http://host:8080`, or nothing")
]
HttpAddress = Annotated[str, AfterValidator(_address), Expected("a URL like `https://host/path`")]
Brokers = Annotated[str, AfterValidator(_brokers), Expected("`host:port`, separated by commas")]
StoreUrl = Annotated[str, AfterValidator(_store), Expected("`s3://bucket/prefix`, or a folder")]
