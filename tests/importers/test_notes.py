"""What one line of notes says of a run, in the words of many hands."""

from __future__ import annotations

import pytest

from netspec.importers.cuda_convnet.learning.notes import Batch, Change, Colour, End, Note, Unread, interpret
from netspec.source import Source, Span


def read(line: str) -> tuple[Note, ...]:
    return interpret(line, whole(line), None)


def whole(line: str) -> Span:
    return Span(Source("params.cfg", line), 0, len(line))


def change(line: str, epoch: float, to: float, was: float | None = None, **more: object) -> Change:
    return Change(whole(line), epoch, to, was=was, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "epoch", "was"),
    [
        ("epoch 30: set epsw to 0.001 from 0.01", 30, 0.01),
        ("ep 30: set epsW to 0.001 from 0.01", 30, 0.01),
        ("- epoch 30: epsW 0.01 -> 0.001", 30, 0.01),
        ("epoch 30: set epsw to 0.001 (from 0.01)", 30, 0.01),
        ("epoch 30: set both epsw to .001", 30, None),
        ("2. reduced the learning rate to 1e-3 at epoch 30", 30, None),
        ("lowered lr to 0.001 after 30 epochs", 30, None),
        ("after 30 epochs: epsw = 0.001", 30, None),
        ("started with epsw 0.001", 0, None),
    ],
)
def test_a_rate_that_is_set(line: str, epoch: float, was: float | None) -> None:
    assert read(line) == (change(line, epoch, 0.001, was),)


@pytest.mark.parametrize("both", ["epsw,epsb", "epsw and epsb", "epsB & epsW", "epsw/epsb"])
def test_rates_of_weights_and_of_biases_at_once(both: str) -> None:
    line = f"epoch 30: set {both} to 0.001 from 0.01"
    assert read(line) == (change(line, 30, 0.001, 0.01, both=True),)


def test_what_stands_aside_counts() -> None:
    line = "epoch 30: set epsw to 0.001 from 0.01 (on fc6)"
    assert read(line) == (change(line, 30, 0.001, 0.01, layers=("fc6",)),)
    line = "epoch 30: set epsw to 0.001 from 0.01 (on gpu, as the others are)"
    assert [type(note) for note in read(line)] == [Change]


@pytest.mark.parametrize("line", ["epoch 61: set color noise from 0.1 to 0", "epoch 61: colour noise 0 from 0.1"])
def test_the_noise_of_colours(line: str) -> None:
    assert read(line) == (Colour(whole(line), 61, 0.0, 0.1),)


def test_a_run_ends_at_the_epoch_that_is_told_with_its_end() -> None:
    line = "epoch 30: set epsw to 0.001 from 0.01; killed at epoch 45"
    assert set(read(line)) == {change(line, 30, 0.001, 0.01), End(whole(line), 45)}
    assert read("batch 256") == (Batch(whole("batch 256"), 256),)


@pytest.mark.parametrize(
    "line",
    [
        "30: set epsw to 0.001 from 0.01",
        "batch 30.100: set epsw to 0.001",
        "(epoch 30) set epsw to 0.001",
        "epoch 30: wc=0.001",
        "epoch 30: mom 0.5 -> 0.9",
        "epoch 30: no more color noise",
        "epoch 30: set epsw to 0.001 from 0.01 (all but conv1)",
        "reduce learning rate by 10 every 30 epochs",
        "lower learning rates by a factor of 10 to 0.0001",
        "started with epsw 0.01, then 0.001 at epoch 30",
    ],
)
def test_what_is_of_learning_is_not_passed_over(line: str) -> None:
    assert [type(note) for note in read(line)].count(Unread) == 1


@pytest.mark.parametrize(
    "line",
    [
        "like the one before, but with epsw 0.01 in fc layers",
        "epoch 46: paused to look at dropout in conv layers",
        "(epsW) of 0.001 would be enough",
        "30: nothing happens",
        "3. test with all of it",
        "the noise is 3",
    ],
)
def test_remarks_say_nothing(line: str) -> None:
    assert read(line) == ()
