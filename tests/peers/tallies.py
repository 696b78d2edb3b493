"""What came of a peer's cases, counted: how many there are, how many apply, and why the others do not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
from places import ROOT
from questions import Array, DoesNotApply, Reason


@dataclass
class Tally:
    """``cases`` and ``apply`` count by operator, ``reasons`` the cases that do not apply; ``wrong`` names those that
    apply and do not pass, with what is wrong."""

    cases: Counter[str] = field(default_factory=Counter)
    apply: Counter[str] = field(default_factory=Counter)
    reasons: Counter[Reason] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)

    def put(self, operator: str, name: str, check: Callable[[], None]) -> None:
        """Count a case. ``check`` raises ``DoesNotApply``, or anything else where netspec is wrong."""
        self.cases[operator] += 1
        try:
            check()
        except DoesNotApply as case:
            self.reasons[case.reason] += 1
            return
        except Exception as problem:
            self.wrong[name] = f"{type(problem).__name__}: {problem}"
        self.apply[operator] += 1

    @property
    def table(self) -> dict[str, tuple[int, int]]:
        """How many cases an operator has, and how many of them apply."""
        return {operator: (count, self.apply[operator]) for operator, count in sorted(self.cases.items())}


def assert_equal(found: Array, wanted: Array, rtol: float, atol: float) -> None:
    """Raise ``AssertionError`` unless the arrays have one shape and are equal to these tolerances."""
    assert found.shape == wanted.shape, f"{found.shape} instead of {wanted.shape}"
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol)


def is_pinned(library: str) -> bool:
    """Whether a library is installed in the version of constraints.txt, whose cases have been counted."""
    pinned = re.search(rf"^{library}==(.+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    return pinned is not None and version(library).partition("+")[0] == pinned[1]


def said() -> str:
    """What docs/architecture.md says of the counts, in one line."""
    return (ROOT / "docs" / "architecture.md").read_text("utf-8").replace("\n", " ")
