"""Documents for tests: ordinary ones, and such as are made to harm who reads them."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
import zlib
from collections.abc import Sequence

import openpyxl
from PIL import Image
from reportlab.pdfgen.canvas import Canvas


def pdf(pages: Sequence[str | Sequence[str]], title: str = "", password: str = "") -> bytes:
    """A PDF with a line of text, or some lines, on each page."""
    target = io.BytesIO()
    canvas = Canvas(target, encrypt=password or None)
    canvas.setTitle(title)
    for text in pages:
        for number, line in enumerate([text] if isinstance(text, str) else text):
            canvas.drawString(72, 720 - 14 * number, line)
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def filled_form() -> bytes:
    """A PDF with a form: two texts, a choice and a box that is ticked."""
    target = io.BytesIO()
    canvas = Canvas(target)
    canvas.drawString(72, 760, "Permit form")
    canvas.acroForm.textfield(name="applicant", value="Maria Beispiel", x=72, y=700, width=200, height=20)
    canvas.acroForm.textfield(name="lot", value="Lot 4711", x=72, y=660, width=200, height=20)
    canvas.acroForm.checkbox(name="urgent", checked=True, x=72, y=620)
    canvas.acroForm.choice(name="kind", value="demolition", options=["new", "demolition"], x=72, y=580)
    canvas.save()
    return target.getvalue()


def noted_pdf() -> bytes:
    """A PDF with a sticky note, a note on the plan, and a second page without any."""
    target = io.BytesIO()
    canvas = Canvas(target)
    canvas.drawString(72, 760, "Concrete wall")
    canvas.textAnnotation("Check the slab", Rect=[72, 600, 92, 620])
    canvas.freeTextAnnotation("Moved by 20 cm", DA="/Helv 12 Tf", Rect=[72, 500, 272, 520])
    canvas.showPage()
    canvas.drawString(72, 760, "second")
    canvas.save()
    return target.getvalue()


def xlsx(sheets: dict[str, Sequence[Sequence[object]]]) -> bytes:
    """A workbook: rows of cells by sheet; None is an empty cell."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def image(form: str, size: tuple[int, int], **options: object) -> bytes:
    """An image of one colour, in a format of Pillow's."""
    target = io.BytesIO()
    Image.new("RGB", size, "teal").save(target, form, **options)
    return target.getvalue()


def swollen_pdf() -> bytes:
    """2 KB that unpack to 1 GiB in two steps."""
    packer = zlib.compressobj(9)
    once = b"".join([packer.compress(b" " * 2**20) for _ in range(1024)]) + packer.flush()
    return _pdf_of_objects([*_page(b""), _stream(b"/Filter[/FlateDecode/FlateDecode]", zlib.compress(once, 9))])


def laughing_pdf(depth: int = 9) -> bytes:
    """2 KB in which a form draws ten forms, each of which draws ten, and so on."""
    forms = [
        _stream(
            b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>" % (number + 1),
            b"/X Do " * 10,
        )
        for number in range(5, 5 + depth)
    ]
    last = _stream(b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]", b"0 0 1 1 re f")
    return _pdf_of_objects(
        [*_page(b"/Resources<</XObject<</X 5 0 R>>>>"), _stream(b"", b"/X Do " * 10), *forms, last],
    )


def far_xlsx() -> bytes:
    """A workbook of few cells that span a whole sheet: 17,000 million cells for who makes room for all."""
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet["A1"], sheet["B1"], sheet["C1"], sheet["C1"].data_type = "name", "due", "qty", "s"
    sheet["A3"], sheet["B3"], sheet["C3"] = "beam", dt.date(2024, 1, 5), "#REF!"
    sheet["C3"].data_type = "e"
    sheet["XFD1048576"] = "last"
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def renamed_xlsx() -> bytes:
    """A workbook whose main part has another name, which its relationships tell, as the format allows."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx({"Data": [["name"], ["beam"]]}))) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name).replace(b"xl/workbook.xml", b"xl/book.xml")
            new.writestr(name.replace("workbook.xml", "book.xml"), content)
    return target.getvalue()


def swollen_xlsx(unpacked_bytes: int) -> bytes:
    """A workbook with a sheet that is spaces for the most part."""
    target = io.BytesIO(xlsx({"Data": [["name"], ["beam"]]}))
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/x.bin", "w") as member:
        for _ in range(unpacked_bytes // 2**20):
            member.write(b" " * 2**20)
    return target.getvalue()


def giant_tiff() -> bytes:
    """A TIFF whose header says that it is 200,000 by 200,000 pixels."""
    small = bytearray(image("TIFF", (8, 8)))
    at = int.from_bytes(small[4:8], "little")
    for entry in range(int.from_bytes(small[at : at + 2], "little")):
        place = at + 2 + 12 * entry
        if int.from_bytes(small[place : place + 2], "little") in (256, 257):
            small[place + 2 : place + 12] = (
                (4).to_bytes(2, "little") + (1).to_bytes(4, "little") + (200_000).to_bytes(4, "little")
            )
    return bytes(small)


def _page(more: bytes) -> list[bytes]:
    return [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R" + more + b">>",
    ]


def _stream(entries: bytes, body: bytes) -> bytes:
    return b"<<" + entries + b"/Length %d>>\nstream\n" % len(body) + body + b"\nendstream"


def _pdf_of_objects(objects: Sequence[bytes]) -> bytes:
    written, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(written))
        written += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n" % size + table
    return written + end + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(written))
