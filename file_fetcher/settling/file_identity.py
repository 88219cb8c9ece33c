"""
Whether two locations mean the same file, judged by digests: what is remembered gives no location away.

Rule 1: a link that was only signed again means the same file. Nothing but a signature is left out of the comparison:
        `?id=5` and `?id=6`, two versions of an object and two sheets of a spreadsheet are different files.
Rule 2: how a link is signed is remembered as well: what failed with the old signature is tried with the new one.
"""

from __future__ import annotations

import hashlib

# What belongs to a signature, and changes with each, by the parameter that says that a link is signed so.
_QUERY_SIGNED = frozenset({"signature", "expires", "policy", "key-pair-id", "awsaccesskeyid", "googleaccessid"})
_SHARED = frozenset({"sig", "se", "st", "sp", "sv", "sr", "spr", "sip", "ss", "srt"})  # Azure
_SHARED_BY_USER = frozenset({"skoid", "sktid", "skt", "ske", "sks", "skv"})
_SIGNED_BY: dict[str, frozenset[str]] = {
    "x-amz-signature": frozenset(),
    "x-goog-signature": frozenset(),
    "signature": _QUERY_SIGNED,  # CloudFront, and S3 and Google Cloud of old
    "sig": _SHARED | _SHARED_BY_USER,
}
_PREFIXES = ("x-amz-", "x-goog-")
_BETWEEN = ":"


def digest(text: str) -> str:
    """A short digest: tells two texts apart and gives neither away."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24] if text else ""


def location_digest(location: str) -> str:
    """What is remembered of a location: a digest of what it means and, where it is signed, one of all of it."""
    meant = without_signature(location)
    return digest(meant) if meant == location else f"{digest(meant)}{_BETWEEN}{digest(location)}"


def same_file(one: str, other: str) -> bool:
    """Whether two digests mean the same file, however they are signed."""
    return one.partition(_BETWEEN)[0] == other.partition(_BETWEEN)[0]


def without_signature(location: str) -> str:
    """A signed link without its signature; anything else unchanged."""
    head, mark, rest = location.partition("?")
    if not mark or "://" not in head:
        return location
    query, hash_mark, fragment = rest.partition("#")
    parts = query.split("&")
    signing = [names for name, names in _SIGNED_BY.items() if any(_name(part) == name for part in parts)]
    if not signing:
        return location
    left_out: frozenset[str] = frozenset().union(*signing)
    kept = "&".join(part for part in parts if _name(part) not in left_out and not _name(part).startswith(_PREFIXES))
    return head + (mark + kept if kept else "") + hash_mark + fragment


def _name(part: str) -> str:
    return part.partition("=")[0].lower()
