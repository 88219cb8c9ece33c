"""PDF: the text of each page with its forms and notes, and what the document says of itself. OCR is left to others."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from pypdfium2 import PdfDocument, PdfiumError
from pypdfium2.raw import FPDF_ERR_PASSWORD

from file_fetcher.parsers.context import Context
from file_fetcher.parsers.formats.hyphens import joined
from file_fetcher.parsers.formats.pdf_annotations import texts_of
from file_fetcher.parsers.protocol import Unreadable


class PdfParser:
    """PDF, read by PDFium."""

    name = "pypdfium2"
    version = f"{version('pypdfium2')}/2"
    media_types = frozenset({"application/pdf"})

    def parse(self, path: Path, context: Context) -> None:
        """Read all pages; one that is damaged costs no other. Raises `Unreadable` for one with a password."""
        document = _open(path)
        document.init_forms()
        for key, value in document.get_metadata_dict(skip_empty=True).items():
            context.meta(key, value)
        damaged = 0
        for number in range(len(document)):
            context.page(of=len(document))
            try:
                context.text(_text_of(document, number))
            except PdfiumError:
                damaged += 1
        if damaged:
            context.warn(f"pages that cannot be read: {damaged} of {len(document)}")


def _open(path: Path) -> PdfDocument:
    try:
        return PdfDocument(path)
    except PdfiumError as exc:
        if getattr(exc, "err_code", None) == FPDF_ERR_PASSWORD:
            raise Unreadable("encrypted", "the document has a password") from exc
        raise Unreadable("parser_error", "the document is damaged") from exc


def _text_of(document: PdfDocument, number: int) -> str:
    page = document[number]
    try:
        text_page = page.get_textpage()
        try:
            return "\n".join([joined(text_page.get_text_bounded()), *texts_of(document, page)])
        finally:
            text_page.close()
    finally:
        page.close()
