"""Every command of the README prints what stands there."""

from __future__ import annotations

from readme import README, fresh, without_measurements


def test_the_readme_is_what_comes_out() -> None:
    text = README.read_text()
    found = without_measurements(fresh(text))
    assert found == without_measurements(text), "python tests/helpers/readme.py writes it anew"


def test_measurements_are_the_only_thing_left_out() -> None:
    assert without_measurements("loss 0.5, top-1 98.9 %, 1,024 images/s") == "loss ..., top-1 ... %, ..."
    assert without_measurements("60,965,224 parameters") == "60,965,224 parameters"
