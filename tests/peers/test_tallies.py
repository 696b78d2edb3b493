"""The tally of a peer's cases."""

from __future__ import annotations

import numpy as np
from equivalents import DoesNotApply, Reason
from tallies import Tally, assert_equal


def test_failed_cases_are_named_and_inapplicable_ones_counted() -> None:
    def wrong_value() -> None:
        assert_equal(np.array([1.0, 2.0]), np.array([1.0, 2.01]), rtol=1e-3, atol=0)

    def wrong_shape() -> None:
        assert_equal(np.ones((1, 2)), np.ones(2), rtol=1e-3, atol=0)

    def inapplicable() -> None:
        raise DoesNotApply(Reason.RANDOM)

    tally = Tally()
    for name, check in {
        "fine": lambda: None,
        "value": wrong_value,
        "shape": wrong_shape,
        "beyond": inapplicable,
    }.items():
        tally.count("Conv", name, check)
    assert tally.table == {"Conv": (4, 3)}
    assert list(tally.failed) == ["value", "shape"]
    assert dict(tally.reasons) == {Reason.RANDOM: 1}
