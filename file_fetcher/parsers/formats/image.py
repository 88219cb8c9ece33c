"""Images: how large they are, and what cameras write into them. There is no text in them: OCR is left to others."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

from file_fetcher.parsers.context import Context
from file_fetcher.parsers.protocol import Unreadable

_FORMATS = ("JPEG", "PNG", "GIF", "TIFF")
_MAX_PIXELS = 500_000_000  # headers are read, pixels are not: only absurd sizes are refused
_EXIF = ("Make", "Model", "Software", "Orientation", "DateTime", "Artist", "Copyright", "ImageDescription")
_EXIF_OF_CAMERA = ("DateTimeOriginal", "ExposureTime", "FNumber", "FocalLength", "ISOSpeedRatings", "LensModel")


class ImageParser:
    """JPEG, PNG, GIF and TIFF, read by Pillow; the pixels stay unread."""

    name = "pillow"
    version = version("pillow")
    media_types = frozenset({"image/jpeg", "image/png", "image/gif", "image/tiff"})

    def parse(self, path: Path, context: Context) -> None:
        """Read dimensions and EXIF. Raises `Unreadable` when it is no image, or of an absurd size."""
        Image.MAX_IMAGE_PIXELS = _MAX_PIXELS // 2  # an error at twice this
        try:
            with warnings.catch_warnings(action="ignore"), Image.open(path, formats=_FORMATS) as image:
                _describe(image, context)
        except Image.DecompressionBombError as exc:
            raise Unreadable("output_too_large", f"expected at most {_MAX_PIXELS} pixels, got more") from exc
        except UnidentifiedImageError as exc:
            raise Unreadable("parser_error", "the image is damaged") from exc


def _describe(image: Image.Image, context: Context) -> None:
    context.meta("width", str(image.width))
    context.meta("height", str(image.height))
    context.meta("mode", image.mode)
    exif = image.getexif()
    _facts(exif, _EXIF, context)
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    _facts(camera, _EXIF_OF_CAMERA, context)
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    for name, reference, value in (("latitude", 1, 2), ("longitude", 3, 4)):
        if value in gps:
            context.meta(name, _degrees(gps[value], str(gps.get(reference, ""))))


def _facts(tags: dict[int, object] | Image.Exif, names: tuple[str, ...], context: Context) -> None:
    for name in names:
        value = tags.get(ExifTags.Base[name])
        if isinstance(value, str | int | float) or hasattr(value, "numerator"):
            context.meta(name, str(value).strip("\x00 "))


def _degrees(value: object, reference: str) -> str:
    try:
        degrees, minutes, seconds = (float(part) for part in value)  # type: ignore[attr-defined]
        angle = degrees + minutes / 60 + seconds / 3600
    except (TypeError, ValueError, ZeroDivisionError):
        return ""
    return f"{-angle if reference in ('S', 'W') else angle:.6f}"
