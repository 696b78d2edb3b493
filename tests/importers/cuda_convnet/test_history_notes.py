"""Interpretation of single lines of notes, in the wordings that different authors used."""

from __future__ import annotations

import pytest

from netspec.importers.cuda_convnet.learning.notes import Batch, Change, Colour, End, Note, Unread, interpret
from netspec.source import Source, Span


def interpret_line(line: str) -> tuple[Note, ...]:
    return interpret(line, span_of(line), None)


def span_of(line: str) -> Span:
    return Span(Source("params.cfg", line), 0, len(line))


def change(line: str, epoch: float, to: float, was: float | None = None, **more: object) -> Change:
    return Change(span_of(line), epoch, to, was=was, **more)  # type: ignore[arg-type]


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
def test_rate_change_is_read(line: str, epoch: float, was: float | None) -> None:
    assert interpret_line(line) == (change(line, epoch, 0.001, was),)


@pytest.mark.parametrize("both", ["epsw,epsb", "epsw and epsb", "epsB & epsW", "epsw/epsb"])
def test_weight_and_bias_rates_change_together(both: str) -> None:
    line = f"epoch 30: set {both} to 0.001 from 0.01"
    assert interpret_line(line) == (change(line, 30, 0.001, 0.01, both=True),)


@pytest.mark.parametrize(
    ("rates", "which"),
    [
        ("divided epsw", {}),
        ("divided epsB", {"biases": True}),
        ("divided epsw and epsb", {"both": True}),
        ("reduce all learning rates", {"both": True}),
    ],
)
def test_only_the_named_rates_are_divided(rates: str, which: dict[str, bool]) -> None:
    line = f"epoch 30: {rates} by 10"
    assert interpret_line(line) == (change(line, 30, 0.0, by=10.0, **which),)


def test_parentheses_may_name_layers() -> None:
    line = "epoch 30: set epsw to 0.001 from 0.01 (on fc6)"
    assert interpret_line(line) == (change(line, 30, 0.001, 0.01, layers=("fc6",)),)
    line = "epoch 30: set epsw to 0.001 from 0.01 (on gpu, as the others are)"
    assert [type(note) for note in interpret_line(line)] == [Change]


@pytest.mark.parametrize("line", ["epoch 61: set color noise from 0.1 to 0", "epoch 61: colour noise 0 from 0.1"])
def test_colour_noise_is_read(line: str) -> None:
    assert interpret_line(line) == (Colour(span_of(line), 61, 0.0, 0.1),)


def test_end_of_run_and_batch_size_are_read() -> None:
    line = "epoch 30: set epsw to 0.001 from 0.01; killed at epoch 45"
    assert set(interpret_line(line)) == {change(line, 30, 0.001, 0.01), End(span_of(line), 45)}
    assert interpret_line("batch 256") == (Batch(span_of("batch 256"), 256),)


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
def test_unclear_note_about_learning_is_reported_as_unread(line: str) -> None:
    assert [type(note) for note in interpret_line(line)].count(Unread) == 1


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
def test_other_remarks_are_ignored(line: str) -> None:
    assert interpret_line(line) == ()
