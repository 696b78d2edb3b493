"""Count a peer's cases: how many there are, how many apply, and why the others do not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
from equivalents import Array, DoesNotApply, Reason
from places import ROOT


@dataclass
class Tally:
    """Counts of cases: ``cases`` and ``apply`` by operator, ``reasons`` of those that do not apply.

    ``failed`` maps the names of cases that apply and fail to their errors.
    """

    cases: Counter[str] = field(default_factory=Counter)
    apply: Counter[str] = field(default_factory=Counter)
    reasons: Counter[Reason] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)

    def count(self, operator: str, name: str, check: Callable[[], None]) -> None:
        """Run and count a case. ``check`` raises ``DoesNotApply``, or another exception if the result is wrong."""
        self.cases[operator] += 1
        try:
            check()
        except DoesNotApply as case:
            self.reasons[case.reason] += 1
            return
        except Exception as problem:
            self.failed[name] = f"{type(problem).__name__}: {problem}"
        self.apply[operator] += 1

    @property
    def table(self) -> dict[str, tuple[int, int]]:
        """The number of cases of each operator, and how many of them apply."""
        return {operator: (count, self.apply[operator]) for operator, count in sorted(self.cases.items())}


def assert_equal(result: Array, expected: Array, rtol: float, atol: float) -> None:
    """Raise ``AssertionError`` unless the arrays have the same shape and are equal within these tolerances."""
    assert result.shape == expected.shape, f"{result.shape} instead of {expected.shape}"
    np.testing.assert_allclose(result, expected, rtol=rtol, atol=atol)


def is_pinned(library: str) -> bool:
    """Whether the installed version of a library is that of constraints.txt, for which the counts hold."""
    pinned = re.search(rf"^{library}==(.+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    return pinned is not None and version(library).partition("+")[0] == pinned[1]


def architecture_page() -> str:
    """The text of docs/architecture.md, which states the counts, without line breaks."""
    return (ROOT / "docs" / "architecture.md").read_text("utf-8").replace("\n", " ")
