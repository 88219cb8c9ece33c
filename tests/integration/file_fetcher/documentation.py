"""The parser that the documentation shows, as a module."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "parsers.md"


def documented_parser(folder: Path) -> dict[str, str]:
    """Write the page's module to a folder; gives its entry point, name -> `module:class`, as the page has it."""
    page = PAGE.read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    point = re.search(r'^(\w+) = "(\w+):(\w+)"$', page, re.MULTILINE)
    assert code is not None
    assert point is not None
    (folder / f"{point[2]}.py").write_text(code[1])
    return {point[1]: f"{point[2]}:{point[3]}"}
