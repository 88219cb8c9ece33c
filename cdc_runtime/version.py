"""The version of the product, from the installed package; a checkout that was never installed says so."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("rowferry")
except PackageNotFoundError:
    VERSION = "0+checkout"
