"""The rates that a run began with, from notes at the end of its parameter file."""

from __future__ import annotations

import pytest
from chances import examples
from hypothesis import example, given
from hypothesis import strategies as st
from layerfiles import SHAPE, TWINS, ending

from netspec.diagnostics import Diagnostic, SpecError
from netspec.diff import compare
from netspec.ir.settings import Augment, Fixed, Steps
from netspec.net import LayerFileOptions, Net, load_source, loads
from netspec.source import Source

LAYERS = {"conv1a": 1, "conv1b": 1, "conv2a": 1, "conv2b": 1, "fca": 2, "fcb": 2, "out": 2}
"""The layers with weights of ``TWINS``, and how many inputs each has."""


def params(notes: str, usual: str = "0.00001", more: str = "", **own: str) -> str:
    """A parameter file in which every rate of weights is ``usual`` but for those of some layers, with notes."""
    text = ""
    for name, inputs in LAYERS.items():
        eps, _, bias = own.get(name, usual).partition(" ")
        lists = (",".join([value] * inputs) if "," not in value else value for value in (eps, "0.9", "0.0005"))
        text += "[{}]\nepsW={}\nmomW={}\nwc={}\nepsB={}\nmomB=0.9\n{}".format(name, *lists, bias or "0.02", more)
    text += "".join(f"[n2{half}]\nscale=0.0001\npow=0.75\nminDiv=2\n" for half in "ab") + "[logprob]\ncoeff=1\n"
    return f"{text}\n{notes}"


def read(text: str, *, history: bool = True) -> Net:
    foreign = LayerFileOptions(Source("params.cfg", text), merged=True, history=history)
    return load_source(Source("net.cfg", TWINS + ending("fca,fcb")), SHAPE, options=foreign)


def told(text: str, *, history: bool = True) -> list[tuple[str, str, str]]:
    """Code, line of notes and message of what is said of a parameter file."""
    try:
        found: tuple[Diagnostic, ...] = read(text, history=history).warnings
    except SpecError as error:
        found = error.diagnostics
    return [(d.code, d.span.text.strip("# "), d.message) for d in found]


NOTES = """\
# init epsb 0.02
# epoch 4: set epsw to 0.001 from 0.01, epsb to 0.002 from 0.02
# epoch 6: set epsw to 0.0001 from 0.001, epsb to 0.0002 from 0.002
# epoch 9: killed
"""


def test_a_run_whose_notes_say_all_of_it() -> None:
    net = read(params(NOTES, "0.0001"))
    assert net.warnings == ()
    train = net.graph.train
    assert (train.epochs, train.batch, train.lr, train.schedule) == (9, 128, 0.01, Steps((4, 6), 0.1))
    assert {p.lr for p in net.graph.parameters.values()} == {0.01, 0.02}
    assert net.graph.augment == Augment()
    assert compare(net, loads(net.source.text)).same


def test_without_the_option_the_file_counts_and_is_told_to_be_the_last() -> None:
    text = params(NOTES, "0.0001", conv1a="0", conv1b="0")
    net = read(text, history=False)
    assert (net.graph.train.lr, net.graph.train.schedule) == (0.0001, Fixed())
    (found,) = net.warnings
    assert (found.code, found.span.line) == ("cfg-last-state", text[: text.index("# epoch 4")].count("\n") + 1)
    assert found.message.endswith("epsW=0.0001, which was 0.01 at first")
    assert found.notes[0] == "conv1a, conv1b: 0, 0.01 at first"


@pytest.mark.parametrize("usual", ["0.01", "0.02"])
def test_a_file_that_has_been_set_back_is_no_last_state(usual: str) -> None:
    assert told(params(NOTES, usual), history=False) == []


def test_what_was_stopped_learns_again() -> None:
    net = read(params("# epoch 4: set epsw to 0.001 from 0.01\n# epoch 5: set epsw to 0 on conv1\n# epoch 9: killed\n",
                      "0.001", conv1a="0 0", conv1b="0 0"))  # fmt: skip
    learnt = {key: (p.lr, net.graph.schedule_of(p)) for key, p in net.graph.parameters.items()}
    assert learnt["conv1.weight"] == (0.01, Steps((4,), 0.1, freeze=5))
    assert learnt["conv1.bias"] == (0.02, Steps((), 0.1, freeze=5))
    assert (learnt["conv2.weight"], learnt["conv2.bias"]) == ((0.01, Steps((4,), 0.1)), (0.02, Fixed()))
    (biases,) = [d for d in net.warnings if d.code == "cfg-substitute"]
    assert "conv1a, conv1b: the notes do not say what epsB was at first; 0.02, that of most layers" in biases.message
    assert biases.span.text == "0"


def test_layers_have_the_schedules_that_the_notes_give_them() -> None:
    net = read(params("# init epsw 0.01, 0.001 on conv1-2\n# epoch 4: set epsw to 0.001 from 0.01 on fc, conv2\n"
                      "# epoch 6: set epsw to 0.0001 on conv1, 0.0002 elsewhere\n# epoch 9: killed\n",
                      "0.0002", conv1a="0.0001", conv1b="0.0001"))  # fmt: skip
    learnt = {p.key: (p.lr, net.graph.schedule_of(p)) for p in net.graph.parameters.values() if p.role == "weight"}
    assert learnt["conv1.weight"] == (0.001, Steps((6,), 0.1))
    assert learnt["conv2.weight"] == (0.001, Steps((6,), 0.2))
    assert {learnt[key] for key in learnt if not key.startswith("conv")} == {(0.01, Steps((4,), 0.1))}
    assert [d.message for d in net.warnings if d.code == "cfg-left-out"] == [
        "fca, fcb, out: a spec's steps have one factor, and this is another; the rate stays from here on"
    ]
    (odd,) = [d for d in net.warnings if d.code == "cfg-unread-note"]
    assert odd.message.endswith("by the notes above it, the rate of conv2a was 0.001")


def test_the_noise_of_colours_and_the_size_of_batches() -> None:
    net = read(params("# with minibatch 256\n# epoch 4: set epsw to 0.001 from 0.01, epsb to 0.002 from 0.02\n"
                      "#    set color noise to 0 from 0.2\n# epoch 9: killed\n", "0.001"))  # fmt: skip
    assert (net.graph.augment.colour, net.graph.train.batch) == (0.2, 256)
    (left,) = net.warnings
    assert (left.code, left.span.text) == ("cfg-left-out", "#    set color noise to 0 from 0.2")


def test_instructions_count_from_what_the_file_holds() -> None:
    notes = "# Reduce all learning rates by factor of 10 after 120 epochs.\n"
    notes += "# Then another factor of 10 after 10 more epochs.\n"
    net = read(params(notes, "0.01"))
    assert (net.graph.train.lr, net.graph.train.schedule) == (0.01, Steps((120, 130), 0.1))
    assert [d.code for d in net.warnings] == ["cfg-substitute"]
    assert told(params(notes, "0.01"), history=False) == []


def test_a_rate_of_its_own_fell_as_those_beside_it() -> None:
    net = read(params(NOTES, "0.0001", fca="0.0001,0.0002", fcb="0.0001,0.0002"))
    assert [p.lr for p in net.graph.parameters_of("fca")] == [0.01, 0.02, 0.02]
    (found,) = [d for d in net.warnings if d.code == "cfg-substitute"]
    assert found.message == "fca: the notes know no rate of 0.0002; 0.02 is taken for the first"
    assert found.notes == (
        "others that were lowered with it have 0.0001, and had 0.01", "the same in 1 other section: fcb"
    )  # fmt: skip


END = "# epoch 9: killed\n"
FIRST = "# epoch 4: set epsw to 0.001 from 0.01, epsb to 0.002 from 0.02\n"


@pytest.mark.parametrize(
    ("notes", "code", "line", "message"),
    [
        (FIRST + "# epoch 6: set epsw to 0.0001 from 0.001 on conv9\n" + END,
         "cfg-unread-note", "epoch 6", "no layer with weights is called conv9"),
        (FIRST + "# epoch 3: set epsw to 0.0001 from 0.001\n" + END,
         "cfg-unread-note", "epoch 3", "it stands below what was done at epoch 4"),
        (FIRST + "# epoch 6: set epsw to 0.0001 from 0.005\n" + END,
         "cfg-unread-note", "epoch 6", "no layer had the rate 0.005"),
        (FIRST + "# epoch 6: set epsw to 0.0001 from 0.005 on fc\n" + END,
         "cfg-unread-note", "epoch 6", "the rate of fca was 0.001"),
        (FIRST + "# epoch 6: set epsw to 0.01 from 0.001\n" + END,
         "cfg-unread-note", "epoch 6", "the rate is raised"),
        (FIRST + "# epoch 6: set epsw to 0.0005 from 0.001\n" + END,
         "cfg-left-out", "epoch 6", "a spec's steps have one factor"),
        (FIRST.replace("4", "4.6") + END,
         "cfg-left-out", "epoch 4.6", "a spec's steps are at whole epochs: 5, not 4.6"),
        (FIRST + "# epoch 12: set epsw to 0.0001 from 0.001\n" + END,
         "cfg-unread-note", "epoch 12", ""),
        (FIRST + "# epoch 8.5: killed\n", "cfg-left-out", "epoch 8.5", "a spec's epochs are whole: 9, not 8.5"),
        (FIRST, "cfg-substitute", "epoch 4", "the notes do not say at which epoch the run ended; say how many"),
        (FIRST + "# epoch 8: moved to gpu\n", "cfg-substitute", "epoch 4", "the last that they name, 8, is taken"),
        (FIRST + END + "\n# again\n" + FIRST, "cfg-left-out", "epoch 4", "the notes tell of 2 runs"),
    ],
)  # fmt: skip
def test_what_of_the_notes_is_not_followed(notes: str, code: str, line: str, message: str) -> None:
    if not message:
        code, message = "cfg-left-out", "the run ended at epoch 9"
    found = [d for d in told(params(notes, "0.0001")) if d[1].startswith(line) and message in d[2]]
    assert [d[0] for d in found] == [code]


@pytest.mark.parametrize("notes", ["", "# epoch 9: killed\n", "# epoch 3: set color noise to 0 from 0.1\n"])
def test_without_notes_of_rates_nothing_can_be_taken(notes: str) -> None:
    ((code, _, message),) = told(params(notes))
    assert (code, message) == ("cfg-no-history", "params.cfg has no notes of rates that were changed")


@pytest.mark.parametrize(
    "text", ["", "# epoch 3: set epsw to 0.001 from 0.01\n", "# epoch 3: set epsw to 0.001\n", "[other]\nepsW=1\n"]
)
def test_a_parameter_file_without_these_layers_is_told_of_them(text: str) -> None:
    assert "cfg-no-section" in {code for code, _, _ in told(text)}


def test_a_schedule_of_the_file_stays() -> None:
    schedule = "".join(f"sched{which}=dexp[tgtFactor=250,noiseStdev=0,numSteps=4]\n" for which in "WB")
    notes = "# epoch 5: set conv1 epsw to 0 from 0.01\n# epoch 9: killed\n"
    text = params(notes, "0.01", schedule, conv1a="0", conv1b="0")
    net = read(text)
    assert str(net.graph.train.schedule).startswith("DiscreteExponential")
    assert net.graph.parameters["conv1.weight"].lr == 0.01
    assert ("cfg-left-out", "epoch 5: set conv1 epsw to 0 from 0.01") in [(c, line) for c, line, _ in told(text)]
    assert [d[0] for d in told(text, history=False)] == ["cfg-last-state"]


RATE = st.sampled_from(["0.01", "0.001", "0.0001", "1e-5", "0", ".02", "3", "-1", "0.01 0.1", "1e400"])
LAYER = st.sampled_from(
    ["conv1", "conv1,conv2", "conv1-2", "conv1/2", "fc", "conv layers", "conv9", "out", "elsewhere", ""]
)
TIME = st.sampled_from(
    ["epoch 3: ", "epoch 7: ", "epcoh 9 ", "epoch 4.5: ", "300 batches: ", "after 5 epochs: ", "    ", ""]
)
WHAT = st.one_of(
    st.builds("set epsw to {} from {} on {}".format, RATE, RATE, LAYER),
    st.builds("set epsw to {} from {}".format, RATE, RATE),
    st.builds("set {} epsw to {}, {} elsewhere".format, LAYER, RATE, RATE),
    st.builds("init epsw {}, {} on {}".format, RATE, RATE, LAYER),
    st.builds("set epsb to {}".format, RATE),
    st.builds("divided epsw by {}".format, RATE),
    st.builds("set color noise to {} from {}".format, RATE, RATE),
    st.sampled_from(
        [
            "killed", "", "minibatch 0", "minibatch 64", "reduce learning rates by factor of 10 after 2 epochs",
            "another factor of 10 after 3 more epochs", "enabled dropout", "what is it",
        ]
    ),
)  # fmt: skip
NOTE = st.builds("# {}{}\n".format, TIME, WHAT) | st.just("\n")


@given(st.lists(NOTE, max_size=9), st.sampled_from(["0", "0.001", "0.01"]))
@example(["# epoch 3: set conv1 epsw to 0, -1 elsewhere\n", "# epoch 3: divided epsw by 0.01\n"], "0")  # of a rate of 0
@examples(60)
def test_of_any_notes_comes_a_spec_or_a_diagnostic(notes: list[str], usual: str) -> None:
    text = params("".join(notes), usual, conv1a="0 0", conv1b="0 0")
    for history in (True, False):
        try:
            net = read(text, history=history)
        except SpecError as error:
            assert history and {d.code for d in error.diagnostics if d.severity == "error"} == {"cfg-no-history"}
            continue
        assert all(0 <= p.lr <= 3 for p in net.graph.parameters.values())
        assert all(d.span.line >= 1 for d in net.warnings)
