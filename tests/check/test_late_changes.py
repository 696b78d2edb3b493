"""Schedules that change the rate after the end of the training."""

from __future__ import annotations

import pytest
from checking import only_diagnostic

from netspec.net import loads

IMAGE = "[image] input 3x8x8\n"


def warnings(text: str) -> list[str]:
    return [found.code for found in loads(text).warnings]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("epochs=60 schedule=steps(30, 60, 80)", "the rate changes at epoch 60, and the training ends after 60 epochs"),
        ("epochs=61 schedule=steps(30, 60, 80)", "the rate changes at epoch 80, and the training ends after 61 epochs"),
        ("epochs=81 schedule=steps(30, 60, 80)", None),
        ("schedule=step(30)", "the rate changes at epoch 30, and the training ends after 10 epochs"),
        ("epochs=3 schedule=step(2.4)", None),
        ("epochs=2 schedule=step(2.4)", "the rate changes at epoch 2.4, and the training ends after 2 epochs"),
        ("epochs=5 schedule=restarts(6)", "the first cycle takes 6 epochs, and the training ends after 5 epochs"),
        ("epochs=5 schedule=restarts(5)", None),
        ("epochs=7 schedule=restarts(2, mult=2)", None),  # the second cycle is cut short: usual
        ("steps=9 schedule=step(9, unit=steps)", "the rate changes at step 9, and the training ends after 9 steps"),
        ("steps=9 bias_schedule=steps(2, freeze=8, unit=steps)", None),
        ("epochs=5 schedule=steps(9000, unit=steps)", None),  # how many steps an epoch has is not in the file
        ("steps=50 schedule=steps(70)", None),
    ],
)
def test_a_rate_that_changes_after_the_training_gives_a_warning(written: str, message: str | None) -> None:
    found = loads(f"{IMAGE}train {written}").warnings
    assert [w.message for w in found if w.code == "schedule-too-long"] == ([message] if message else [])
    assert warnings(f"{IMAGE}train {written}  # allow: schedule-too-long") == ([] if message else ["unused-allow"])


def test_the_schedules_of_layers_are_compared_with_the_training_too() -> None:
    late = "schedule=steps(2, freeze=20)"
    (found,) = loads(f"{IMAGE}[f] fc outputs=2 bias_{late}\ntrain epochs=20").warnings
    assert (found.message, found.layer) == ("f's rate changes at epoch 20, and the training ends after 20 epochs", "f")
    two = f"default fc {late}\n[f] fc outputs=2 neuron=tanh\n[g] fc outputs=2\n"
    assert warnings(f"{IMAGE}{two}train epochs=20") == [found.code]
    assert warnings(f"{IMAGE}[f] fc outputs=2 {late}\ntrain epochs=21") == []


@pytest.mark.parametrize(
    ("optimizer", "why"),
    [
        ("sgd(lr=0.1, momentum=0.95)", None),
        ("sgd(lr=0.1, momentum=0.85)", "the momentum of the optimizer is 0.85, which is not higher"),
        ("adam(lr=0.01)", "it belongs to sgd, rmsprop or lars, and the train line has optimizer=adam"),
    ],
)
def test_a_momentum_that_cannot_fall_gives_a_warning(optimizer: str, why: str | None) -> None:
    found = loads(f"{IMAGE}[f] fc outputs=2\ntrain optimizer={optimizer} schedule=onecycle(low_momentum=0.85)").warnings
    assert [(w.code, w.notes) for w in found] == ([("no-effect", (why,))] if why else [])


def test_only_the_schedule_of_the_train_line_lowers_the_momentum() -> None:
    text = f"{IMAGE}[f] fc outputs=2 schedule=onecycle(low_momentum=0.85)\n"
    found = only_diagnostic(text)
    assert found.message == "schedule: low_momentum is for the schedule of the train line"
