"""Builds the compiled encoder. Where there is no C compiler the package works without it, slower.

Everything else about the package stands in `pyproject.toml`.
"""

from __future__ import annotations

from Cython.Build import cythonize
from setuptools import Extension, setup

extensions = cythonize(  # type: ignore[no-untyped-call]
    [Extension("cdc_reader.transcode.compiled", ["cdc_reader/transcode/compiled.pyx"])],
    language_level="3",
)
for extension in extensions:
    extension.optional = True  # `cythonize` drops it from the extensions that it is given

setup(ext_modules=extensions)
