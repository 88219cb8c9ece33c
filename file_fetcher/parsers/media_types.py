"""
What a file is, told by its bytes.

A name or a declared type never makes a file something that its bytes are not; they only tell apart what looks
alike: tables and other plain text. An error page saved as `plan.pdf` is nothing we know. What is not built in is told
by the signatures of parsers. Leaves to others: reading the bytes and the names in a zip archive, and what is allowed.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEAD_BYTES = 64 * 1024  # what `sniff` wants of a file
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # of Office's old formats, and of new ones with a password
_PDF_MARK = re.compile(rb"%PDF-\d\.\d")
_PDF_MARK_WITHIN = 1024  # readers accept so much before it
_BINARY_SUFFIXES = (".pdf", ".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".xlsx", ".xls", ".docx", ".doc", ".dwg")
_BYTE_ORDER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_END_OF_FILE = b"\x1a"  # of CP/M and DOS; some programs write it still
_MARKUP = re.compile(rb"<(?:!doctype|\?xml|html|head|body|svg|error)[\s>]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MediaType:
    """`word`: as `limits.types` says it; `mime`: as documents say it."""

    word: str
    mime: str


@dataclass(frozen=True, slots=True)
class Signature:
    """
    How files of a type are known.

    By their first bytes, by a member of a zip archive, or, where they are plain text, by the end of their name or
    the type that the server declares.
    """

    word: str
    mime: str
    starts: bytes = b""
    member: str = ""
    suffixes: tuple[str, ...] = ()

    @property
    def media_type(self) -> MediaType:
        """What a file with this signature is."""
        return MediaType(self.word, self.mime)


PDF = MediaType("pdf", "application/pdf")
JPEG = MediaType("jpg", "image/jpeg")
PNG = MediaType("png", "image/png")
GIF = MediaType("gif", "image/gif")
TIFF = MediaType("tiff", "image/tiff")
XLSX = MediaType("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
CSV = MediaType("csv", "text/csv")
TEXT = MediaType("txt", "text/plain")

_BUILT_IN = (
    Signature(JPEG.word, JPEG.mime, starts=b"\xff\xd8\xff"),
    Signature(PNG.word, PNG.mime, starts=b"\x89PNG\r\n\x1a\n"),
    Signature(GIF.word, GIF.mime, starts=b"GIF87a"),
    Signature(GIF.word, GIF.mime, starts=b"GIF89a"),
    Signature(TIFF.word, TIFF.mime, starts=b"II*\x00"),
    Signature(TIFF.word, TIFF.mime, starts=b"MM\x00*"),
    Signature(TIFF.word, TIFF.mime, starts=b"II+\x00"),
    Signature(TIFF.word, TIFF.mime, starts=b"MM\x00+"),
    Signature(CSV.word, CSV.mime, suffixes=(".csv", ".tsv")),
    Signature(CSV.word, "text/tab-separated-values"),  # only ever declared
)
_CONTENT_TYPES, _BINARY_WORKBOOK = "[Content_Types].xml", "xl/workbook.bin"
_WORKBOOK_SUFFIXES = (".xlsx", ".xlsm")
_SAME_WORD = {"jpeg": "jpg", "tif": "tiff"}


def sniff(
    head: bytes,
    file_name: str,
    zip_members: Sequence[str] = (),
    *,
    declared_type: str = "",
    signatures: Iterable[Signature] = (),
) -> MediaType | None:
    """
    What a file is; None when it is nothing known.

    `head`: its first `HEAD_BYTES`; `zip_members`: the names in it, where it is a zip archive; `signatures`: of
    types that are not built in, which come first.
    """
    known = (*signatures, *_BUILT_IN)
    for signature in known:
        begins = signature.starts and head.startswith(signature.starts)
        if begins or (signature.member and signature.member in zip_members):
            return signature.media_type
    if _PDF_MARK.search(head, 0, _PDF_MARK_WITHIN):
        return PDF
    if _is_workbook(head, file_name, zip_members):
        return XLSX
    return _kind_of_text(known, file_name, declared_type) if is_text(head) else None


def _is_workbook(head: bytes, file_name: str, zip_members: Sequence[str]) -> bool:
    """
    Whether it is a workbook in XML: its parts may have any names, but nearly all are in this folder.

    With a password it is a file in a container of the old formats; that one is known by its name.
    """
    if head.startswith(OLE):
        return file_name.lower().endswith(_WORKBOOK_SUFFIXES)
    return (
        _CONTENT_TYPES in zip_members
        and any(name.startswith("xl/") and name.endswith(".xml") for name in zip_members)
        and _BINARY_WORKBOOK not in zip_members
    )


def is_zip(head: bytes) -> bool:
    """Whether the names in it are worth reading."""
    return head.startswith(b"PK\x03\x04")


def is_text(head: bytes) -> bool:
    """Whether bytes are plain text in some encoding; markup is not."""
    marked = next((mark for mark in _BYTE_ORDER_MARKS if head.startswith(mark)), b"")
    plain = head[len(marked) :].rstrip(_END_OF_FILE)
    if _MARKUP.match(plain.lstrip()):
        return False
    return marked in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or not _CONTROL.search(plain)


def allowed_words(types: Iterable[str]) -> frozenset[str]:
    """The words of `limits.types` as `MediaType.word` has them: `jpeg` is `jpg`."""
    lower = (word.lower().lstrip(".") for word in types)
    return frozenset(_SAME_WORD.get(word, word) for word in lower)


def unknown_words(types: Iterable[str], signatures: Iterable[Signature]) -> list[str]:
    """Words of `limits.types` that no file can have: of no type here, and of none in `signatures`."""
    known = {PDF.word, TEXT.word, XLSX.word, *(each.word for each in (*_BUILT_IN, *signatures))}
    return sorted(allowed_words(types) - known)


def _kind_of_text(known: Iterable[Signature], file_name: str, declared_type: str) -> MediaType | None:
    suffix = "." + file_name.rpartition(".")[2].lower() if "." in file_name else ""
    of_text = [each for each in known if not each.starts and not each.member]
    for signature in of_text:
        if suffix in signature.suffixes:
            return signature.media_type
    if suffix in _BINARY_SUFFIXES:
        return None
    declared = declared_type.partition(";")[0].strip().lower()
    for signature in of_text:
        if declared == signature.mime and suffix != ".txt":
            return CSV if signature.word == CSV.word else signature.media_type  # whatever its cells are separated by
    return TEXT
