"""What people filled in and noted on a page of a PDF: values of form fields, texts of annotations."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import partial

import pypdfium2.raw as pdfium
from pypdfium2 import PdfDocument, PdfPage

_MOST = 10_000  # of a page; plans have some hundreds
_MOST_BYTES = 1024 * 1024  # of one text
# A pop-up shows its parent's text, and a link's text stands on the page.
_WITHOUT_TEXT = (pdfium.FPDF_ANNOT_POPUP, pdfium.FPDF_ANNOT_LINK)
# Boxes and buttons have the name of a state.
_FIELDS = (pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX)


def texts_of(document: PdfDocument, page: PdfPage) -> Iterator[str]:
    """Each text that is not empty, in the document's order; values of forms where its forms were initialised."""
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), _MOST)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
        if not annotation:
            continue
        try:
            text = _text(document, annotation).strip()
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
        if text:
            yield text


def _text(document: PdfDocument, annotation: pdfium.FPDF_ANNOTATION) -> str:
    subtype = pdfium.FPDFAnnot_GetSubtype(annotation)
    if subtype in _WITHOUT_TEXT:
        return ""
    if subtype != pdfium.FPDF_ANNOT_WIDGET:
        return _string(partial(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents"))
    if document.formenv is None:
        return ""
    form = document.formenv.raw
    if pdfium.FPDFAnnot_GetFormFieldType(form, annotation) not in _FIELDS:
        return ""
    return _string(partial(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation))


def _string(read: Callable[[object, int], int]) -> str:
    """PDFium gives the size in bytes first, with two for the end, then UTF-16."""
    size = read(None, 0)
    if not 2 < size <= _MOST_BYTES:
        return ""
    buffer = ctypes.create_string_buffer(size)
    read(ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")
