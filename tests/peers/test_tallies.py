"""A case that applies and does not pass is named, and one that does not apply is counted by its reason."""

from __future__ import annotations

import numpy as np
from questions import DoesNotApply, Reason
from tallies import Tally, assert_equal


def test_a_tally_tells_the_wrong_from_what_does_not_apply() -> None:
    def unlike() -> None:
        assert_equal(np.array([1.0, 2.0]), np.array([1.0, 2.01]), rtol=1e-3, atol=0)

    def other_shape() -> None:
        assert_equal(np.ones((1, 2)), np.ones(2), rtol=1e-3, atol=0)

    def beyond() -> None:
        raise DoesNotApply(Reason.RANDOM)

    tally = Tally()
    for name, check in {"fine": lambda: None, "unlike": unlike, "shape": other_shape, "beyond": beyond}.items():
        tally.put("Conv", name, check)
    assert tally.table == {"Conv": (4, 3)}
    assert list(tally.wrong) == ["unlike", "shape"]
    assert dict(tally.reasons) == {Reason.RANDOM: 1}
