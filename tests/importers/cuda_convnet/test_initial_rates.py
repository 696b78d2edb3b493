"""Initial learning rates of a run, recovered from the notes at the end of its parameter file (``history``)."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from layerfiles import SHAPE, TWINS, ending

from netspec.diagnostics import Diagnostic, SpecError
from netspec.diff import compare
from netspec.ir.schedules import Fixed, Steps
from netspec.ir.settings import Augment
from netspec.net import ImportOptions, Net, load_source, loads
from netspec.source import Source

LAYERS = {"conv1a": 1, "conv1b": 1, "conv2a": 1, "conv2b": 1, "fca": 2, "fcb": 2, "out": 2}
"""The layers with weights of ``TWINS``, and how many inputs each has."""


def params(notes: str, usual: str = "0.00001", more: str = "", **other_rates: str) -> str:
    """A parameter file with notes, in which the weights' rate is ``usual`` except for the layers in ``own``."""
    text = ""
    for name, inputs in LAYERS.items():
        eps, _, bias = other_rates.get(name, usual).partition(" ")
        lists = (",".join([value] * inputs) if "," not in value else value for value in (eps, "0.9", "0.0005"))
        text += "[{}]\nepsW={}\nmomW={}\nwc={}\nepsB={}\nmomB=0.9\n{}".format(name, *lists, bias or "0.02", more)
    text += "".join(f"[n2{half}]\nscale=0.0001\npow=0.75\nminDiv=2\n" for half in "ab") + "[logprob]\ncoeff=1\n"
    return f"{text}\n{notes}"


def read(text: str, *, history: bool = True) -> Net:
    options = ImportOptions(Source("params.cfg", text), merged=True, history=history)
    return load_source(Source("net.cfg", TWINS + ending("fca,fcb")), SHAPE, options=options)


def diagnose(text: str, *, history: bool = True) -> list[tuple[str, str, str]]:
    """Code, underlined note and message of each diagnostic of a parameter file."""
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


def test_complete_notes_give_rates_and_schedule_without_warnings() -> None:
    net = read(params(NOTES, "0.0001"))
    assert net.warnings == ()
    train = net.graph.train
    assert (train.epochs, train.batch, train.lr, train.schedule) == (9, 128, 0.01, Steps((4, 6), 0.1))
    assert {p.lr for p in net.graph.parameters.values()} == {0.01, 0.02}
    assert net.graph.augment == Augment()
    assert compare(net, loads(net.source.text)).same


def test_without_history_the_file_is_reported_as_the_last_state() -> None:
    text = params(NOTES, "0.0001", conv1a="0", conv1b="0")
    net = read(text, history=False)
    assert (net.graph.train.lr, net.graph.train.schedule) == (0.0001, Fixed())
    (warning,) = net.warnings
    assert (warning.code, warning.span.line) == ("cfg-last-state", text[: text.index("# epoch 4")].count("\n") + 1)
    assert warning.message.endswith("epsW=0.0001, initially 0.01")
    assert warning.notes[0] == "conv1a, conv1b: 0, initially 0.01"


@pytest.mark.parametrize("usual", ["0.01", "0.02"])
def test_file_with_initial_rates_is_not_a_last_state(usual: str) -> None:
    assert diagnose(params(NOTES, usual), history=False) == []


def test_stopped_layers_get_their_initial_rates_and_a_freeze() -> None:
    net = read(params("# epoch 4: set epsw to 0.001 from 0.01\n# epoch 5: set epsw to 0 on conv1\n# epoch 9: killed\n",
                      "0.001", conv1a="0 0", conv1b="0 0"))  # fmt: skip
    rates = {key: (p.lr, net.graph.schedule_of(p)) for key, p in net.graph.parameters.items()}
    assert rates["conv1.weight"] == (0.01, Steps((4,), 0.1, freeze=5))
    assert rates["conv1.bias"] == (0.02, Steps((), 0.1, freeze=5))
    assert (rates["conv2.weight"], rates["conv2.bias"]) == ((0.01, Steps((4,), 0.1)), (0.02, Fixed()))
    (biases,) = [d for d in net.warnings if d.code == "cfg-substitute"]
    assert "conv1a, conv1b: the notes do not give the initial epsB; 0.02, that of most layers" in biases.message
    assert biases.span.text == "0"


def test_layers_named_in_notes_get_their_own_schedules() -> None:
    net = read(params("# init epsw 0.01, 0.001 on conv1-2\n# epoch 4: set epsw to 0.001 from 0.01 on fc, conv2\n"
                      "# epoch 6: set epsw to 0.0001 on conv1, 0.0002 elsewhere\n# epoch 9: killed\n",
                      "0.0002", conv1a="0.0001", conv1b="0.0001"))  # fmt: skip
    rates = {p.key: (p.lr, net.graph.schedule_of(p)) for p in net.graph.parameters.values() if p.role == "weight"}
    assert rates["conv1.weight"] == (0.001, Steps((6,), 0.1))
    assert rates["conv2.weight"] == (0.001, Steps((6,), 0.2))
    assert {rates[key] for key in rates if not key.startswith("conv")} == {(0.01, Steps((4,), 0.1))}
    assert [d.message for d in net.warnings if d.code == "cfg-left-out"] == [
        "fca, fcb, out: a spec's steps have one factor, and this is another one; the rate stays constant from here on"
    ]
    (unread,) = [d for d in net.warnings if d.code == "cfg-unread-note"]
    assert unread.message.endswith("by the notes above it, the rate of conv2a was 0.001")


def test_colour_noise_and_batch_size_are_read_from_notes() -> None:
    net = read(params("# with minibatch 256\n# epoch 4: set epsw to 0.001 from 0.01, epsb to 0.002 from 0.02\n"
                      "#    set color noise to 0 from 0.2\n# epoch 9: killed\n", "0.001"))  # fmt: skip
    assert (net.graph.augment.colour, net.graph.train.batch) == (0.2, 256)
    (warning,) = net.warnings
    assert (warning.code, warning.span.text) == ("cfg-left-out", "#    set color noise to 0 from 0.2")


def test_instructions_start_from_the_rates_in_the_file() -> None:
    notes = "# Reduce all learning rates by factor of 10 after 120 epochs.\n"
    notes += "# Then another factor of 10 after 10 more epochs.\n"
    net = read(params(notes, "0.01"))
    assert (net.graph.train.lr, net.graph.train.schedule) == (0.01, Steps((120, 130), 0.1))
    assert [d.code for d in net.warnings] == ["schedule-too-long", "cfg-substitute"]  # the files state no epochs
    assert diagnose(params(notes, "0.01"), history=False) == []


def test_unrecorded_rate_is_scaled_like_the_others() -> None:
    net = read(params(NOTES, "0.0001", fca="0.0001,0.0002", fcb="0.0001,0.0002"))
    assert [p.lr for p in net.graph.parameters_of("fca")] == [0.01, 0.02, 0.02]
    (warning,) = [d for d in net.warnings if d.code == "cfg-substitute"]
    assert warning.message == "fca: the notes do not mention the rate 0.0002; its initial value is assumed to be 0.02"
    assert warning.notes == (
        "others that were lowered with it have 0.0001, initially 0.01", "the same in 1 other section: fcb"
    )  # fmt: skip


END = "# epoch 9: killed\n"
FIRST = "# epoch 4: set epsw to 0.001 from 0.01, epsb to 0.002 from 0.02\n"


@pytest.mark.parametrize(
    ("notes", "code", "line", "message"),
    [
        (FIRST + "# epoch 6: set epsw to 0.0001 from 0.001 on conv9\n" + END,
         "cfg-unread-note", "epoch 6", "no layer with weights is called conv9"),
        (FIRST + "# epoch 3: set epsw to 0.0001 from 0.001\n" + END,
         "cfg-unread-note", "epoch 3", "it comes after a note about epoch 4"),
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
        (FIRST, "cfg-substitute", "epoch 4", "the notes do not say at which epoch the run ended; state the number"),
        (FIRST + "# epoch 8: moved to gpu\n", "cfg-substitute", "epoch 4", "the last that they name, 8, is assumed"),
        (FIRST + END + "\n# again\n" + FIRST, "cfg-left-out", "epoch 4", "the notes describe 2 runs"),
    ],
)  # fmt: skip
def test_notes_that_cannot_be_followed_are_reported(notes: str, code: str, line: str, message: str) -> None:
    if not message:
        code, message = "cfg-left-out", "the run ended at epoch 9"
    found = [d for d in diagnose(params(notes, "0.0001")) if d[1].startswith(line) and message in d[2]]
    assert [d[0] for d in found] == [code]


@pytest.mark.parametrize("notes", ["", "# epoch 9: killed\n", "# epoch 3: set color noise to 0 from 0.1\n"])
def test_history_without_notes_of_rates_is_an_error(notes: str) -> None:
    ((code, _, message),) = diagnose(params(notes))
    assert (code, message) == ("cfg-no-history", "params.cfg has no notes about changed rates")


@pytest.mark.parametrize(
    "text", ["", "# epoch 3: set epsw to 0.001 from 0.01\n", "# epoch 3: set epsw to 0.001\n", "[other]\nepsW=1\n"]
)
def test_missing_sections_are_reported_with_history(text: str) -> None:
    assert "cfg-no-section" in {code for code, _, _ in diagnose(text)}


def test_schedule_in_the_file_is_kept() -> None:
    schedule = "".join(f"sched{which}=dexp[tgtFactor=250,noiseStdev=0,numSteps=4]\n" for which in "WB")
    notes = "# epoch 5: set conv1 epsw to 0 from 0.01\n# epoch 9: killed\n"
    text = params(notes, "0.01", schedule, conv1a="0", conv1b="0")
    net = read(text)
    assert str(net.graph.train.schedule).startswith("DiscreteExponential")
    assert net.graph.parameters["conv1.weight"].lr == 0.01
    assert ("cfg-left-out", "epoch 5: set conv1 epsw to 0 from 0.01") in [(c, line) for c, line, _ in diagnose(text)]
    assert [d[0] for d in diagnose(text, history=False)] == ["cfg-last-state"]


RATE = st.sampled_from(["0.01", "0.001", "0.0001", "1e-5", "0", ".02", "3", "-1", "0.01 0.1", "1e400"])
LAYER = st.sampled_from(
    ["conv1", "conv1,conv2", "conv1-2", "conv1/2", "fc", "conv layers", "conv9", "out", "elsewhere", ""]
)
TIME = st.sampled_from(
    ["epoch 3: ", "epoch 7: ", "epcoh 9 ", "epoch 4.5: ", "300 batches: ", "after 5 epochs: ", "    ", ""]
)
ACTION = st.one_of(
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
NOTE = st.builds("# {}{}\n".format, TIME, ACTION) | st.just("\n")


@given(st.lists(NOTE, max_size=9), st.sampled_from(["0", "0.001", "0.01"]))
@example(
    ["# epoch 3: set conv1 epsw to 0, -1 elsewhere\n", "# epoch 3: divided epsw by 0.01\n"], "0"
)  # divides a rate of 0
@examples(60)
def test_any_notes_give_a_spec_or_a_diagnostic(notes: list[str], usual: str) -> None:
    text = params("".join(notes), usual, conv1a="0 0", conv1b="0 0")
    for history in (True, False):
        try:
            net = read(text, history=history)
        except SpecError as error:
            assert history and {d.code for d in error.diagnostics if d.severity == "error"} == {"cfg-no-history"}
            continue
        assert all(0 <= p.lr <= 3 for p in net.graph.parameters.values())
        assert all(d.span.line >= 1 for d in net.warnings)
