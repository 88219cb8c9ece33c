from __future__ import annotations

import pytest
from PIL import Image

from file_fetcher.parsers.formats.image import ImageParser
from file_fetcher.parsers.protocol import Unreadable
from tests.unit.file_fetcher.documents import giant_tiff, image
from tests.unit.file_fetcher.parsers.written import parse


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF"])
def test_dimensions_are_read(tmp_path, form):
    read = parse(ImageParser(), image(form, (40, 30)), tmp_path)
    assert (read.facts["meta"]["width"], read.facts["meta"]["height"], read.text) == ("40", "30", "")


def test_what_the_camera_wrote_is_read(tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Acme", "Cam 1"
    exif.get_ifd(0x8769)[0x9003] = "2024:01:05 10:05:03"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "S", (33.0, 30.0, 0.0), "E", (151.0, 15.0, 36.0)
    meta = parse(ImageParser(), image("JPEG", (8, 8), exif=exif), tmp_path).facts["meta"]
    assert (meta["Make"], meta["Model"], meta["DateTimeOriginal"]) == ("Acme", "Cam 1", "2024:01:05 10:05:03")
    assert (meta["latitude"], meta["longitude"]) == ("-33.500000", "151.260000")


def test_image_of_an_absurd_size_is_not_opened(tmp_path):
    with pytest.raises(Unreadable) as raised:
        parse(ImageParser(), giant_tiff(), tmp_path)
    assert raised.value.status == "output_too_large"


def test_damaged_image_is_unreadable(tmp_path):
    with pytest.raises(Unreadable) as raised:
        parse(ImageParser(), b"\x89PNG\r\n\x1a\nnothing", tmp_path)
    assert raised.value.status == "parser_error"
