"""Builds the compiled modules. Where there is no C compiler the package works without them, slower.

Everything else about the package stands in `pyproject.toml`.
"""

from __future__ import annotations

from Cython.Build import cythonize
from setuptools import Extension, setup

# Each is the fast form of something that is also there in Python.
MODULES = {
    "cdc_reader.transcode.compiled": "cdc_reader/transcode/compiled.pyx",
    "schemas.compiled_events": "schemas/compiled_events.pyx",
}

extensions = cythonize(  # type: ignore[no-untyped-call]
    [Extension(name, [path]) for name, path in MODULES.items()],
    language_level="3",
    build_dir="build/cython",
)
for extension in extensions:
    extension.optional = True  # `cythonize` drops it from the extensions that it is given

setup(ext_modules=extensions)
