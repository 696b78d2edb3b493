"""Schedules, against numbers worked out by hand."""

from __future__ import annotations

import pytest

from netspec.ir.settings import Exponential, Fixed, Plateau, Schedule, Step, Steps
from netspec.train.schedule import Watch, factor, observe


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Fixed(), [1, 1, 1, 1, 1, 1]),
        (Step(factor=0.5, every=2), [1, 1, 0.5, 0.5, 0.25, 0.25]),
        (Steps(epochs=(1, 4), factor=0.1), [1, 0.1, 0.1, 0.1, 0.01, 0.01]),
        (Exponential(factor=0.25), [1, 0.25**0.2, 0.25**0.4, 0.25**0.6, 0.25**0.8, 0.25]),
    ],
)
def test_factors_of_six_epochs(schedule: Schedule, expected: list[float]) -> None:
    found = [factor(schedule, epoch=epoch, progress=epoch / 5, watch=Watch()) for epoch in range(6)]
    assert found == pytest.approx(expected)


def test_exponential_is_halfway_at_the_geometric_mean() -> None:
    assert factor(Exponential(0.01), epoch=0, progress=0.5, watch=Watch()) == pytest.approx(0.1)


def test_plateau_cuts_after_patience_and_no_more_than_times() -> None:
    plateau = Plateau(factor=0.1, times=2, patience=2, threshold=0.01)
    watch, factors = Watch(), []
    #         best   better  0.005 less is not   cut    again: one, cut    a third cut is not made
    for error in (0.5, 0.4, 0.395, 0.4, 0.4, 0.4, 0.4, 0.4):
        watch = observe(plateau, watch, error)
        factors.append(factor(plateau, epoch=0, progress=0, watch=watch))
    assert factors == pytest.approx([1, 1, 1, 0.1, 0.1, 0.01, 0.01, 0.01])
    assert watch.best == 0.4


def test_a_better_error_starts_the_count_anew() -> None:
    plateau = Plateau(factor=0.1, times=3, patience=2, threshold=0.0)
    watch = Watch()
    for error in (0.5, 0.5, 0.4, 0.4):
        watch = observe(plateau, watch, error)
    assert watch == Watch(best=0.4, waited=1, cuts=0)


def test_other_schedules_watch_nothing() -> None:
    assert observe(Fixed(), Watch(), 0.5) == Watch()
