"""What lines of notes say: as they stand in the files of 2012, and as others may write them."""

from __future__ import annotations

import time

import pytest

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.learning.notes import Batch, Change, Colour, End, Unread, said
from netspec.importers.cuda_convnet.learning.runs import Run, runs_of
from netspec.importers.cuda_convnet.reading import read
from netspec.source import Source, Span

HERE = Span(Source("params.cfg", ""), 0, 0)


def change(epoch: float, to: float, was: float | None = None, *layers: str, **more: bool) -> Change:
    return Change(HERE, epoch, to, was=was, layers=layers, **more)


@pytest.mark.parametrize(
    ("line", "notes"),
    [
        (" epoch 25: set epsw to 0.001 from 0.01", [change(25, 0.001, 0.01)]),
        (" epoch 72: set epsw to 0 on conv1", [change(72, 0, None, "conv1")]),
        (" epoch 67: set epsw to 0.00001 from 0.0001 on conv1,conv2", [change(67, 1e-5, 1e-4, "conv1", "conv2")]),
        (" epoch 3: set conv1 epsw to 0.00001 from 0.0001", [change(3, 1e-5, 1e-4, "conv1")]),
        (" epoch 73: set epsw conv1 to 0 from 0.01", [change(73, 0, 0.01, "conv1")]),
        (" epoch  77: set epsw to 0 from 0.04 on conv1", [change(77, 0, 0.04, "conv1")]),
        (" epoch 36: set epsw to 0 on conv1/2", [change(36, 0, None, "conv1/2")]),
        (" epoch 20: set epstw ot 0.001 from 0.01", [change(20, 0.001, 0.01)]),
        (
            " epoch 79: set epsw to 0 on conv1, 0.00001 elsewhere",
            [change(79, 0, None, "conv1"), change(79, 1e-5, elsewhere=True)],
        ),
        (
            " epoch 66: set epsw to 0.00001 from 0.0001 on conv1, set color noise to 0 from 0.1",
            [Colour(HERE, 66, 0, 0.1), change(66, 1e-5, 1e-4, "conv1")],
        ),
        (" init epsw 0.001, 0.0001 on conv1", [change(0, 0.001), change(0, 1e-4, None, "conv1")]),
        (
            " init epsw 0.001 on conv1-5, 0.01 on fc, conv6",
            [change(0, 0.001, None, "conv1-5"), change(0, 0.01, None, "fc", "conv6")],
        ),
        (" init epw 0.001 on conv layers, 0.01 on fc",
         [change(0, 0.001, None, "conv layers"), change(0, 0.01, None, "fc")]),
        (" init epsw 0.01 -- this run does not sale epsw by node size", [change(0, 0.01)]),
        (" start epsw 0.001 (still 0 on conv1)", [change(0, 0.001), change(0, 0, None, "conv1")]),
        (" color noise put back to 0.1", []),
        (" epcoh 98: killed", [End(HERE, 98)]),
        (" epoch 60: this seems overfitty....killing", [End(HERE, 60)]),
        (" killed after 19 epochs..seems no good", [End(HERE, 19)]),
        (" killed, since we know now that full sucks.", [End(HERE, None)]),
        (" epoch 13: on hold", [End(HERE, 13)]),
        (" epoch 58: paused for imgnet-20k experiments", []),
        (" epoch 61: moved to gpu", []),
        (" this is 170 but running with minibatch 256 on krunch:", [Batch(HERE, 256)]),
        (" batch size 128 x 8:", []),
        (" now lets run this for 80 epochs instead of 95:", [End(HERE, 80, planned=True)]),
        (" its also like #154, but with learning rates in the range 0.02 to 0.000005", []),
        (" logprob:  1.741473, 0.406640, 0.182100", []),
        (" initialized from 24 epochs of #169", []),
        # In words that others may use.
        ("epoch 25 - lowered learning rate to 1e-3", [change(25, 0.001)]),
        (" after 30 epochs: set learning rate from 0.01 to .001", [change(30, 0.001, 0.01)]),
        (" at epoch 30, dropped the eps on conv1 to 0", [change(30, 0, None, "conv1")]),
        (" epoch 60: set conv1,conv2 epsw to 0 from 0.00001", [change(60, 0, 1e-5, "conv1+conv2")]),
        (" epoch 60: set conv1 and conv2 epsw to 0", [change(60, 0, None, "conv1+conv2")]),
        (" epoch 60: set epsw to 0 on conv1 and 2", [change(60, 0, None, "conv1", "conv2")]),
        (" epoch 60: lr to 0.001 from 0.01, paused", [change(60, 0.001, 0.01)]),
        (" epoch 9: epsw = 0.001", [change(9, 0.001)]),
        (" epoch 9: epsw 0.01 -> 0.001", [change(9, 0.001, 0.01)]),
        (" epoch 25: set epsw to 0.001 from 0.01, epsb to 0.002 from 0.02",
         [change(25, 0.001, 0.01), change(25, 0.002, 0.02, biases=True)]),
        (" epoch 25: set epsw to 0.001 from 0.01 on fc and conv6. looks better now.",
         [change(25, 0.001, 0.01, "fc", "conv6")]),
        (" Reduce all learning rates by factor of 10 after 120 epochs.", [Change(HERE, 120, by=10, both=True)]),
        (" Then another factor of 10 after 10 more epochs.", [Change(HERE, -10, by=10, both=True)]),
        (" epoch 40: divided epsw by 10", [Change(HERE, 40, by=10, both=True)]),
        (" epoch 5: set colour noise to 0", [Colour(HERE, 5, 0)]),
    ],
)  # fmt: skip
def test_what_a_line_says(line: str, notes: list[object]) -> None:
    assert list(said(line, HERE, None)) == notes


@pytest.mark.parametrize(
    "line",
    [
        " 300 batches: set epsw to 0.01 from 0.001 on fc1000",
        " epoch 6: enabled dropout",
        " epoch 91: changed schedw factor to 250 from 125",
        " epoch 69: set pool2a,pool2b domax=true from false",
        " set epsw to 0.001 from 0.01",
        " epoch 12: set epsw to something smaller",
        " epoch 12: set epsw to 0.001 from 0.01 from 0.1",
        " epoch 12: lowered epsw a little",
        " epoch 12: a smaller epsw now",
        " epoch 12: momw to 0.95",
    ],
)
def test_what_is_of_learning_and_is_not_understood_is_kept(line: str) -> None:
    assert [type(note) for note in said(line, HERE, None)] == [Unread]


def test_a_line_goes_on_with_the_epoch_above_it() -> None:
    assert said("           set color noise to 0 from 0.1", HERE, 67) == (Colour(HERE, 67, 0, 0.1),)
    assert said(" set epsw to 0 on conv1", HERE, 67) == (change(67, 0, None, "conv1"),)
    assert said(" set color noise to 0 from 0.1", HERE, None) == (Colour(HERE, 0, 0, 0.1),)


SECTION = "[conv1]\nepsW=0\n"


def runs(notes: str) -> list[Run]:
    source = Source("params.cfg", SECTION + notes)
    return runs_of(read(source, Findings(source)))


def test_runs_are_parted_by_blank_lines() -> None:
    found = runs(
        "# epoch 5: set epsw to 0.001 from 0.01\n# epoch 9: killed\n# \n"
        "# a second one\n# epoch 7: set epsw to 0.001 from 0.01\n\n# nothing of learning\n"
    )
    assert [([c.epoch for c in run.changes], run.end) for run in found] == [([5], 9), ([7], None)]


def test_a_run_goes_on_below_a_blank_line_with_nothing_but_later_epochs() -> None:
    first = "# epoch 5: set epsw to 0.001 from 0.01\n\n"
    (one,) = runs(
        first + "# epoch 9: set epsw to 0.0001 from 0.001\n#    set color noise to 0 from 0.1\n# epoch 12: killed\n"
    )
    assert ([c.epoch for c in one.changes], [c.epoch for c in one.colours], one.end) == ([5, 9], [9], 12)
    assert len(runs(first + "# epoch 3: set epsw to 0.0001 from 0.001\n")) == 2
    assert len(runs(first + "# again:\n# epoch 9: set epsw to 0.0001 from 0.001\n")) == 2


def test_what_stands_in_a_section_is_no_run() -> None:
    source = Source(
        "params.cfg", "# epoch 5: set epsw to 0.001 from 0.01\n[a]\nx=1\n# epoch 7: set epsw to 0\n[b]\ny=1\n"
    )
    (run,) = runs_of(read(source, Findings(source)))
    assert [c.epoch for c in run.changes] == [5]


@pytest.mark.many
@pytest.mark.parametrize(
    "line",
    [
        "# epoch 1: " + "a1," * 130 + " epsw",
        "# epoch 1: set " + "epsw to " * 100,
        "# " + "a " * 5000,
        "# epoch 1: " + "(" * 400,
        "# set" + " , set" * 70,
    ],
)
def test_many_lines_of_anything_are_read_in_time(line: str) -> None:
    began = time.process_time()
    runs("\n".join([line] * 1200))
    assert time.process_time() - began < 5
