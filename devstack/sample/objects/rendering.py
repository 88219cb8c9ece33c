"""
Edge: the bytes of an object, written with the libraries that other people's programs use: reportlab, Pillow, openpyxl.

The same content and library versions give the same bytes.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping

from devstack.sample.draws import Draws
from devstack.sample.objects import contents
from devstack.sample.objects.catalogue import MAX_BYTES
from devstack.sample.objects.contents import HEADER, Content

PASSWORD = "not told"
_ZIP_DATE = (2026, 1, 5, 8, 0, 0)
_ZIP_MOMENT = b"2026-01-05T08:00:00Z"
_WRITTEN_AT = re.compile(rb"(?<=W3CDTF\">)[^<]+")
_EXIF_MODEL, _EXIF_DATE = 0x0110, 0x0132


def rendered(content: Content) -> bytes:
    """Return the object's bytes."""
    return _MAKERS[content.kind](content)


def _pdf(content: Content, encryption: object = None) -> bytes:
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    output = io.BytesIO()
    canvas = Canvas(output, pagesize=A4, invariant=1, pageCompression=1, encrypt=encryption)
    canvas.setTitle(content.mark)
    for lines in contents.pages(content):
        body = canvas.beginText(50, 780)
        body.setFont("Helvetica", 10)
        for line in lines:
            body.textLine(line)
        canvas.drawText(body)
        canvas.showPage()
    canvas.save()
    return output.getvalue()


def _encrypted(content: Content) -> bytes:
    from reportlab.lib.pdfencrypt import StandardEncryption

    return _pdf(content, StandardEncryption(PASSWORD, canPrint=0))


def _image(content: Content) -> bytes:
    from PIL import Image, ImageDraw

    draws = content.draws
    width, height = draws.between(160, 480), draws.between(120, 360)
    image = Image.new("RGB", (width, height), _colour(draws))
    pen = ImageDraw.Draw(image)
    for _ in range(40):
        left, top = draws.below(width), draws.below(height)
        pen.rectangle((left, top, left + draws.below(80), top + draws.below(60)), fill=_colour(draws))
    pen.text((8, 8), content.mark, fill="white")
    output = io.BytesIO()
    if content.kind == "jpg":
        exif = Image.Exif()
        exif[_EXIF_MODEL], exif[_EXIF_DATE] = f"Camera {content.number}", "2026:01:05 08:00:00"
        image.save(output, "JPEG", quality=80, exif=exif)
    else:
        image.save(output, content.kind.upper())
    return output.getvalue()


def _colour(draws: Draws) -> tuple[int, int, int]:
    return draws.below(256), draws.below(256), draws.below(256)


def _text(content: Content) -> bytes:
    (lines,) = contents.pages(content)
    return ("\n".join(lines) + "\n").encode()


def _csv(content: Content) -> bytes:
    (sheet,) = contents.sheets(content)
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(HEADER)
    number = 1
    for row in sheet.rows:
        for _ in range(row.number - number - 1):
            output.write("\r\n")
        writer.writerow(row.cells)
        number = row.number
    return output.getvalue().encode()


def _xlsx(content: Content) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for sheet in contents.sheets(content):
        page = book.create_sheet(sheet.name)
        page.append(HEADER)
        for row in sheet.rows:
            item, trade, quantity, cost, note = row.cells
            for column, value in enumerate((item, trade, int(quantity), float(cost), note), start=1):
                page.cell(row.number, column, value)
    output = io.BytesIO()
    book.save(output)
    with zipfile.ZipFile(output) as archive:
        members = [(name, _WRITTEN_AT.sub(_ZIP_MOMENT, archive.read(name))) for name in archive.namelist()]
    return _zipped(members)


def _docx(content: Content) -> bytes:
    (lines, *_) = contents.pages(content)
    body = "".join(f"<w:p><w:r><w:t>{line.replace('&', '&amp;')}</w:t></w:r></w:p>" for line in lines)
    types = b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    document = f'<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>'
    return _zipped([("[Content_Types].xml", types), ("word/document.xml", document.encode())])


def _zip(content: Content) -> bytes:
    return _zipped([("inside.pdf", _pdf(content)), ("inside.txt", content.mark.encode())])


def _zipped(members: Iterable[tuple[str, bytes]]) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), data, zipfile.ZIP_DEFLATED)
    return output.getvalue()


def _dwg(content: Content) -> bytes:
    return b"AC1032" + bytes(6) + content.mark.encode() * 200


def _html(content: Content) -> bytes:
    return f"<!DOCTYPE html>\n<html><body><h1>404 Not Found</h1><p>{content.mark}</p></body></html>\n".encode()


def _corrupt(content: Content) -> bytes:
    whole = _pdf(content)
    return whole[: len(whole) // 5]


def _large(content: Content) -> bytes:
    return content.mark.encode().ljust(MAX_BYTES + 1, b".")


_MAKERS: Mapping[str, Callable[[Content], bytes]] = {
    "pdf": _pdf,
    **dict.fromkeys(sorted(contents.IMAGES), _image),
    "txt": _text,
    "csv": _csv,
    "xlsx": _xlsx,
    "docx": _docx,
    "zip": _zip,
    "dwg": _dwg,
    "html": _html,
    "corrupt": _corrupt,
    "encrypted": _encrypted,
    "large": _large,
    "long": lambda content: contents.long_text(content).encode(),
    "empty": lambda _: b"",
}
