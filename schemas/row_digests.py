"""What a polled row was when it was published: a header of its event, that tells the next poll whether it changed."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

HEADER_DIGEST = "rowferry.row"
_BYTES = 16


def row_digest(fingerprint: bytes, row: bytes, omitted: Iterable[tuple[str, str]] = ()) -> bytes:
    """The digest of a row's Avro bytes under the schema of this fingerprint; 16 bytes.

    `omitted`: the columns that are left out, with the reasons.
    """
    digest = blake2b(row, digest_size=_BYTES, key=fingerprint)
    for column, reason in omitted:
        digest.update(f"\0{column}\0{reason}".encode())
    return digest.digest()
