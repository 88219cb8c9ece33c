from __future__ import annotations

import pytest

from file_fetcher.parsers.media_types import MediaType, Signature, allowed_words, is_zip, sniff, unknown_words
from file_fetcher.settings import LimitSettings

CASES = {
    "a PDF": (b"%PDF-1.7\n...", "a.pdf", "pdf"),
    "a PDF behind junk": (b"\x00" * 100 + b"%PDF-1.4\n", "a.pdf", "pdf"),
    "a PDF behind a byte order mark": (b"\xef\xbb\xbf%PDF-1.4\n", "a.pdf", "pdf"),
    "a PDF that is called .jpg": (b"%PDF-1.7\n", "a.jpg", "pdf"),
    "a JPEG": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a.jpg", "jpg"),
    "a PNG": (b"\x89PNG\r\n\x1a\n\x00", "a", "png"),
    "a GIF of 1987": (b"GIF87a\x01\x00", "a", "gif"),
    "a GIF of 1989": (b"GIF89a\x01\x00", "a", "gif"),
    "a TIFF, little-endian": (b"II*\x00\x08\x00\x00\x00", "a", "tiff"),
    "a TIFF, big-endian": (b"MM\x00*\x00\x00\x00\x08", "a", "tiff"),
    "a BigTIFF": (b"II+\x00\x08\x00", "a", "tiff"),
    "text": (b"concrete\n", "notes.txt", "txt"),
    "text without a name": (b"concrete\n", "", "txt"),
    "text that speaks of PDF": (b"files begin with %PDF-\n", "notes.txt", "txt"),
    "text in UTF-16": ("Bëam".encode("utf-16"), "notes.txt", "txt"),
    "text in an old encoding": ("Träger".encode("cp1252"), "notes.txt", "txt"),
    "a table": (b"a,b\n1,2\n", "list.CSV", "csv"),
    "a table with tabs": (b"a\tb\n1\t2\n", "list.tsv", "csv"),
    "a table with the old mark of its end": (b"a,b\r\n1,2\r\n\x1a", "list.csv", "csv"),
    "nothing known": (b"\x00\x01\x02\x03", "a.bin", None),
    "a drawing": (b"AC1032\x00\x00\x00", "a.dwg", None),
    "an error page called .pdf": (b"<!DOCTYPE html><html>...", "a.pdf", None),
    "an error page called .txt": (b" \n<html><body>gone", "a.txt", None),
    "an error of S3": (b'<?xml version="1.0"?><Error><Code>NoSuchKey', "a.pdf", None),
    "a short error of S3": (b"<Error><Code>AccessDenied</Code></Error>", "a.jpg", None),
    "plain words called .pdf": (b"not found", "a.pdf", None),
}


@pytest.mark.parametrize(("head", "name", "word"), CASES.values(), ids=CASES)
def test_bytes_decide_what_a_file_is(head, name, word):
    found = sniff(head, name)
    assert (found and found.word) == word


@pytest.mark.parametrize(
    ("declared", "name", "word"),
    [
        ("text/csv", "edit", "csv"),
        ("text/csv; charset=utf-8", "", "csv"),
        ("text/tab-separated-values", "", "csv"),
        ("text/csv", "notes.txt", "txt"),
        ("application/pdf", "", "txt"),
        ("text/plain", "list.csv", "csv"),
    ],
)
def test_declared_type_tells_apart_texts_alone(declared, name, word):
    found = sniff(b"a,b\n", name, declared_type=declared)
    assert found is not None
    assert found.word == word


def test_workbook_is_known_by_its_member():
    head = b"PK\x03\x04..."
    assert is_zip(head)
    found = sniff(head, "a.zip", ("[Content_Types].xml", "xl/workbook.xml"))
    assert found == MediaType("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    assert sniff(head, "a.xlsx", ("[Content_Types].xml", "_rels/.rels", "xl/book.xml")) == found
    assert sniff(head, "a.xlsx", ("word/document.xml",)) is None
    assert sniff(head, "a.xlsb", ("[Content_Types].xml", "xl/workbook.bin", "xl/theme/theme1.xml")) is None


def test_workbook_with_a_password_is_known_by_its_name():
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)
    found = sniff(head, "Plan.XLSX")
    assert found is not None
    assert found.word == "xlsx"
    assert sniff(head, "plan.xls") is None


@pytest.mark.parametrize(
    ("signature", "head", "name", "members"),
    [
        (Signature("dwg", "image/vnd.dwg", starts=b"AC10"), b"AC1032\x00", "", ()),
        (
            Signature("docx", "application/x-docx", member="word/document.xml"),
            b"PK\x03\x04",
            "",
            ("word/document.xml",),
        ),
        (Signature("eml", "message/rfc822", suffixes=(".eml",)), b"From: a\n", "letter.eml", ()),
    ],
)
def test_parsers_bring_their_own_types(signature, head, name, members):
    found = sniff(head, name, members, signatures=[signature])
    assert found == MediaType(signature.word, signature.mime)


def test_types_that_no_file_can_have_are_told():
    mail = Signature("eml", "message/rfc822", suffixes=(".eml",))
    assert unknown_words(LimitSettings().types, ()) == []
    assert unknown_words(["pdf", "xls", ".DOC", "eml", "tif"], [mail]) == ["doc", "xls"]
    assert unknown_words(["eml"], ()) == ["eml"]


def test_types_of_the_settings_have_one_word_each():
    assert allowed_words(["jpg", "JPEG", ".tif", "pdf"]) == {"jpg", "tiff", "pdf"}
