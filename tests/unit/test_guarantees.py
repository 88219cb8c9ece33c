"""The page of guarantees says where each rule is kept and proved, and what it says is true of the code."""

from __future__ import annotations

import pytest

from tests.rules import PAGE, current, filled, kept_by, listed, proved_by
from tests.unit.sources import PRODUCT, Module, modules


def test_the_page_is_what_the_code_says():
    assert PAGE.read_text("utf-8") == current(), "run `make guarantees`"


def test_every_rule_of_the_page_is_kept_and_proved_and_no_other_is_named():
    rules = set(listed(PAGE.read_text("utf-8")))
    assert kept_by(modules(*PRODUCT).values()).keys() == rules
    assert proved_by(modules("tests").values()).keys() == rules


def test_a_line_in_the_docstring_says_what_a_module_keeps():
    found = [
        Module.parse(name, f'"""Edge: x.\n\n{line}\n"""') for name, line in [("a.b", "Keeps: S1, V10."), ("a.c", "")]
    ]
    assert kept_by(found) == {"S1": ["a/b.py"], "V10": ["a/b.py"]}


@pytest.mark.parametrize("line", ["Keeps: S1", "Keeps S1.", "Keeps: s1.", "Keeps: S1 and V5.", "Keeps:"])
def test_another_form_of_the_line_is_refused(line):
    with pytest.raises(ValueError, match=r"a\.b: expected 'Keeps: S1, V5\.', got"):
        kept_by([Module.parse("a.b", f'"""Edge: x.\n\n{line}\n"""')])


@pytest.mark.parametrize(
    ("text", "rules"),
    {
        "by name": ("def test_s1_waits(): ...", {"S1"}),
        "by marker": ("@pytest.mark.rule('S1', 'V5')\ndef test_waits(): ...", {"S1", "V5"}),
        "by both": ("@pytest.mark.rule('V5')\nasync def test_s1_waits(): ...", {"S1", "V5"}),
        "no test": ("@pytest.mark.rule('V5')\ndef s1_waits(): ...", set()),
        "another marker": ("@pytest.mark.slow('V5')\ndef test_s3s_wait(): ...", set()),
    }.values(),
)
def test_a_test_says_by_name_or_marker_what_it_proves(text, rules):
    assert proved_by([Module.parse("tests.x", text)]).keys() == rules


def test_modules_and_tests_stand_below_their_rule():
    page = "* **S1** Sees.\n  <!-- rule S1 -->old<!-- end -->\n* **S2** Void."
    assert filled(page, {"S1": ["a/b.py"]}, {"S1": {"tests/t.py": ["test_b", "test_a"]}}) == (
        "* **S1** Sees.\n  <!-- rule S1 -->\n  Kept in [`a/b.py`](../../a/b.py).\n"
        "  Proved by [`t.py`](../../tests/t.py) (`test_a`, `test_b`).\n  <!-- end -->\n* **S2** Void."
    )


@pytest.mark.parametrize(("keepers", "proofs"), [({}, {"S1": {}}), ({"S1": ["a.py"]}, {})])
def test_a_rule_without_module_or_test_is_refused(keepers, proofs):
    with pytest.raises(ValueError, match="expected a module that keeps S1 and a test that proves it"):
        filled("<!-- rule S1 --><!-- end -->", keepers, proofs)
