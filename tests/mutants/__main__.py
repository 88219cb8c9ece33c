"""
Takes every rule of the lists out, one after the other, and expects its tests to be red.

    python -m tests.mutants [-n JOBS] [--list] [WORD ...]

A word chooses the entries whose rule it is, or whose file, tests or description hold it. First all named tests are
run as they are, and must be green. Returns 1 when a test stayed green without its rule, or when an entry did not fit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.lists import MUTANTS
from tests.mutants.mutant import Mutant, unlisted
from tests.mutants.trees import Ran, Tree

RED, GREEN, BROKEN = "red", "GREEN", "BROKEN"
# An edit that makes these has taken out more than a rule.
_NO_PROOF = ("NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError", "SyntaxError")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant; `told` says why, unless it is red."""

    mutant: Mutant
    verdict: str
    seconds: float
    told: str = ""


def main(arguments: Sequence[str]) -> int:
    """Run the chosen mutants."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="take rules out, expect red tests")
    parser.add_argument("words", nargs="*", metavar="WORD", help="a rule, or a part of a file, a test or a description")
    parser.add_argument("-n", "--jobs", type=int, default=2, help="how many at a time (default %(default)s)")
    parser.add_argument("--list", action="store_true", help="show the chosen ones, run nothing")
    given = parser.parse_args(arguments)
    mutants = [each for each in MUTANTS if chosen(each, given.words)]
    if given.list or not mutants:
        print("\n".join(f"{each}  ({each.file})" for each in mutants) or "expected a mutant, found none")
        return 0 if mutants else 1
    stale = [Verdict(each, BROKEN, 0.0, told) for each in mutants if (told := "; ".join(each.problems()))]
    fitting = [each for each in mutants if each not in [verdict.mutant for verdict in stale]]
    verdicts = stale + (verdicts_of(fitting, given.jobs) if fitting else [])
    print(table(verdicts))
    if not given.words and (claiming := unlisted(MUTANTS)):
        print("unit tests that are marked with a rule, and that no mutant names:", *claiming, sep="\n  ")
    return 0 if all(each.verdict == RED for each in verdicts) else 1


def verdicts_of(mutants: Sequence[Mutant], jobs: int) -> list[Verdict]:
    """Run mutants that fit; none of them when their tests are not green as things are."""
    with tempfile.TemporaryDirectory(prefix="rowferry-mutants-") as folder:
        trees: SimpleQueue[Tree] = SimpleQueue()
        for number in range(max(1, min(jobs, len(mutants)))):
            trees.put(Tree(Path(folder) / str(number)))
        if not green(trees, mutants):
            return [
                Verdict(each, BROKEN, 0.0, "its tests were not run: expected all green at first") for each in mutants
            ]
        with ThreadPoolExecutor(trees.qsize()) as pool:
            return list(pool.map(lambda mutant: judged(trees, mutant), mutants))


def chosen(mutant: Mutant, words: Sequence[str]) -> bool:
    """Whether a mutant is one of those that were asked for."""
    texts = (mutant.file, mutant.without, *mutant.tests)
    return not words or any(word == mutant.rule or any(word in text for text in texts) for word in words)


def green(trees: SimpleQueue[Tree], mutants: Sequence[Mutant]) -> bool:
    """Whether all named tests pass as they are."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    tree = trees.get()
    ran = tree.run(tests)
    trees.put(tree)
    if ran.code:
        print(f"{ran.output}\nexpected {len(tests)} tests to be green with all rules, got exit {ran.code}")
    else:
        print(f"{len(tests)} tests are green with all rules; taking out {len(mutants)}", flush=True)
    return ran.code == 0


def judged(trees: SimpleQueue[Tree], mutant: Mutant) -> Verdict:
    """Run a mutant's tests without its rule."""
    tree = trees.get()
    began = time.monotonic()
    try:
        with tree.without(mutant):
            ran = tree.run(mutant.tests)
    finally:
        trees.put(tree)
    verdict, told = judge(mutant, ran)
    print(f"{verdict:6} {mutant}", flush=True)
    return Verdict(mutant, verdict, time.monotonic() - began, told)


def judge(mutant: Mutant, ran: Ran) -> tuple[str, str]:
    """Whether every named test is red for a good reason; and why not."""
    if ran.code not in (0, 1):
        return BROKEN, f"exit {ran.code}: {ran.output[-600:]}"
    if ran.errors:
        return BROKEN, "; ".join(f"{test}: {message}" for test, message in ran.errors.items())
    if odd := [message for message in ran.failed.values() if message.startswith(_NO_PROOF)]:
        return BROKEN, odd[0]
    survived = [test for test in mutant.tests if test not in ran.failed]
    return (GREEN, f"green: {', '.join(survived)}") if survived else (RED, "")


def table(verdicts: Sequence[Verdict]) -> str:
    """All verdicts, a line each; below them why some are not red."""
    head = ("rule", "file", "taken out", "tests", "verdict", "s")
    rows = [head, *(_row(each) for each in sorted(verdicts, key=_order))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    counts = {kind: sum(each.verdict == kind for each in verdicts) for kind in (RED, GREEN, BROKEN)}
    lines.append(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    lines += [f"{each.verdict} {each.mutant}: {each.told}" for each in verdicts if each.told]
    return "\n".join(lines)


def _row(each: Verdict) -> tuple[str, ...]:
    mutant = each.mutant
    names = ", ".join(test.partition("::")[2].removeprefix("test_") for test in mutant.tests)
    return mutant.rule, mutant.file, mutant.without, names, each.verdict, f"{each.seconds:.0f}"


def _order(each: Verdict) -> tuple[str, int, str]:
    rule = each.mutant.rule
    return rule[0], int(rule[1:]), each.mutant.file


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
