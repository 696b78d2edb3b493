"""Irregular layer files: from other systems, written by hand, from forks, truncated, or wrong."""

from __future__ import annotations

import re
import time

import pytest
from layerfiles import DATA, SHAPE, conv, diagnose, ending, load, locations, net

from netspec.importers.cuda_convnet import Dialect, translate
from netspec.net import ImportOptions, import_layer_file
from netspec.opening import is_layer_file
from netspec.source import Source

BASE = net(conv("c", "data", 3), "c")
PARAMETERS = load(BASE).total.parameters


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("\n", "\r\n"),
        BASE.replace("\n", "  \n"),
        BASE.replace("\n", "\t\n\n"),
        BASE.replace("=", "\t=\t"),
        BASE.replace("=", ": "),
        BASE.replace("type=", "TYPE=").replace("inputs=", "Inputs="),
        BASE.replace("filters=16", "filters=16 ; as before"),
        BASE.replace("filters=16", "filters=+16"),
        BASE.replace("filters=16", "filters=16\nfilters=16"),
        BASE.replace("[out]", "# an output\n;and a second remark\nrem and a third\n[out]"),
        BASE.replace("initW=0.02", "initW=.02"),
        BASE.replace("initW=0.02", "initW=2e-2"),
        BASE + "[c]\ninitB=0.01\n",
        BASE.replace("neuron=relu", "neuron=tanh [1.7159, .667]"),
        BASE.replace("neuron=relu", 'neuron=""'),
        BASE.replace("[c]", "[conv 1 (first)]").replace("inputs=c", "inputs=conv 1 (first)"),
    ],
)
def test_accepted_variations_do_not_change_the_network(text: str) -> None:
    network = load(text)
    found = [w for w in network.warnings if w.code != "linear-layers"]  # one of them has no neuron
    assert (network.total.parameters, found) == (PARAMETERS, [])


def test_default_section_and_interpolation_are_applied() -> None:
    text = "[DEFAULT]\ngpu=0\nside=3\n" + BASE.replace("gpu=0\n", "").replace("filterSize=3", "filterSize=%(side)s")
    network = load(text)
    assert network.total.parameters == PARAMETERS
    assert {d.code for d in network.warnings} == {"cfg-ignored-key"}


@pytest.mark.parametrize(
    ("old", "new", "code", "underlined"),
    [
        ("type=conv", "type=Conv", "unknown-type", "Conv"),
        ("type=conv", 'type="conv"', "unknown-type", '"conv"'),
        ("type=conv\n", "", "missing-key", "[c]"),
        ("filters=16", "filters=16.0", "bad-value", "16.0"),
        ("filters=16", "filters=16L", "bad-value", "16L"),
        ("filters=16", "filters=0x10", "bad-value", "0x10"),
        ("filters=16", "filters=1e1", "bad-value", "1e1"),
        ("filters=16", "filters=16 # as before", "bad-value", "16 # as before"),
        ("filters=16", "filters=16; as before", "bad-value", "16; as before"),
        ("filters=16", "filters=", "bad-value", "filters"),
        ("filters=16", "filters=16,", "bad-value", "16,"),
        ("filters=16", "filters=16%", "cfg-syntax", "16%"),
        ("filters=16", "filters=%(sides)s", "cfg-syntax", "%(sides)s"),
        ("filters=16", "filters", "cfg-syntax", "filters"),
        ("inputs=data", "inputs=data,", "unknown-layer", "data,"),
        ("inputs=data", "inputs=Data", "unknown-layer", "Data"),
        ("inputs=data", "inputs=", "unknown-layer", "inputs"),
        ("initW=0.02", "initW=0,3", "bad-value", "0,3"),
        ("initW=0.02", "initW=inf", "bad-value", "inf"),
        ("padding=1", "padding=-1", "bad-value", "-1"),
        ("dataIdx=0\n", "", "missing-key", "[data]"),
    ],
)
def test_invalid_value_is_an_error(old: str, new: str, code: str, underlined: str) -> None:
    assert old in BASE
    diagnostics = diagnose(BASE.replace(old, new, 1))
    assert (code, underlined) in [(d.code, d.span.text) for d in diagnostics if d.severity == "error"]


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("dropout=0.5", "dropout"),  # a key of forks
        ("cropborder=16", "cropborder"),
        ("note=50% more than before", "note"),  # the original did not read it
        ("note=%(nothing)s", "note"),
        ("name=conv1", "name"),
    ],
)
def test_unknown_key_gives_a_warning(more: str, key: str) -> None:
    network = load(BASE.replace("[c]\n", f"[c]\n{more}\n"))
    assert locations(network.warnings) == [("cfg-ignored-key", 8, key)]


def test_indented_key_continues_the_value_above() -> None:
    diagnostics = diagnose(BASE.replace("filters=16", "  filters=16"))
    assert ("bad-value", 10) in [(d.code, d.span.line) for d in diagnostics]


def test_reading_a_later_layer_is_an_error() -> None:
    early = locations(diagnose(DATA + ending("c") + conv("c", "data", 3)))
    assert early == [("reads-later-layer", 9, "c")]
    cycle = locations(diagnose(DATA + conv("c", "d", 16) + conv("d", "c", 16) + ending("d")))
    assert cycle == [("reads-later-layer", 9, "d")]


@pytest.mark.parametrize(
    ("text", "recognised"),
    [
        (BASE, True),
        ("# said\n\n; more\n[data]\n# of it\ndataIdx=0\nTYPE: data\n", True),
        ("\n" * 10_000 + "x", False),
        ("[data]\n[other]\ntype=data\n", False),
        ("[image] input 3x32x32\n[fc] fc outputs=10\n", False),
        ("[c] conv kernel=3\n  filters=16\n", False),
        ("", False),
    ],
)
def test_layer_file_is_recognised_by_its_first_section(text: str, recognised: bool) -> None:
    assert is_layer_file(Source("<stdin>", text)) is is_layer_file(Source("layers_def", text)) is recognised
    assert is_layer_file(Source("layers.cfg", text)) and not is_layer_file(Source("layers.net", text))


def test_unread_labels_are_not_a_second_input() -> None:
    half = BASE.partition("[probs]")[0].replace("initW=0.01", "initW=")
    assert locations(diagnose(half)) == [("bad-value", 24, "initW")]


@pytest.mark.parametrize("length", range(10, len(BASE) - 20, 37))
def test_truncated_file_gives_errors_inside_it(length: int) -> None:
    diagnostics = diagnose(BASE[:length])
    errors = [d for d in diagnostics if d.severity == "error"]
    assert errors
    assert all(1 <= d.span.line <= BASE[:length].count("\n") + 1 for d in errors)


QUARTER = 2**18  # of a megabyte
LARGE_FILES = {
    "sections": "".join(f"[a{i}]\ntype=fc\n" for i in range(QUARTER // 12)),
    "keys": BASE + "[c]\n" + "".join(f"key{i}=1\n" for i in range(QUARTER // 12)),
    "lines of a value": BASE + "[c]\nfilters=16\n" + " 1\n" * (QUARTER // 3),
    "inputs": BASE + "[f]\ntype=fc\ninputs=" + "data," * (QUARTER // 5),
    "an endless key": BASE + "[c]\nx" + " " * QUARTER,
    "an endless name": BASE + "[" + "x" * QUARTER,
    "interpolations": BASE + "[c]\nfilters=" + "%(x)s" * (QUARTER // 5),
    "semicolons": BASE + "[c]\nfilters=1" + ";" * QUARTER,
    "a cycle": "".join(f"[a{i}]\ntype=neuron\nneuron=relu\ninputs=a{i + 1}\n" for i in range(4_000)),
}


@pytest.mark.ci  # takes seconds
def test_deep_columns_that_are_not_twins_take_little_time() -> None:
    """The last two convolutions have different readers, so that no pair above them are twins."""
    depth = 600
    pairs = [(half, gpu, i) for i in range(depth) for gpu, half in enumerate("ab")]
    convs = (conv(f"c{i}{half}", f"c{i - 1}{half}" if i else "data", 16 if i else 3, gpu=gpu) for half, gpu, i in pairs)
    extra_reader = f"[cost]\ntype=cost.sum2\ninputs=c{depth - 1}b\ngpu=1\n"
    start = time.process_time()
    net = load(DATA + "".join(convs) + extra_reader + ending(f"c{depth - 1}a"), merged=True)
    assert time.process_time() - start < 5
    assert {"c0a", "c0b", "c599a", "c599b"} <= set(net.layers)


@pytest.mark.ci
@pytest.mark.parametrize("text", LARGE_FILES.values(), ids=LARGE_FILES.keys())
def test_large_file_takes_little_time(text: str) -> None:
    start = time.process_time()
    diagnostics = diagnose(text)
    assert time.process_time() - start < 5
    assert all(d.span.line >= 1 for d in diagnostics)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [("filters=16", "numFilters=16", "filters"), ("outputs=10", "numOutputs=10", "outputs")],
)
def test_old_key_names_are_accepted(old: str, new: str, key: str) -> None:
    network = load(BASE.replace(old, new))
    assert network.total.parameters == PARAMETERS
    message = f"{new.partition('=')[0]} is read as {key}; old files use this name"
    assert [(d.code, d.message.partition(": ")[2]) for d in network.warnings] == [("cfg-old-habit", message)]


def test_new_key_name_takes_precedence_over_the_old_one() -> None:
    network = load(BASE.replace("filters=16", "filters=16\nnumFilters=32"))
    assert network.total.parameters == PARAMETERS
    assert locations(network.warnings) == [("cfg-ignored-key", 12, "numFilters")]


RATES = "epsW=0.01\nepsB=0.01\nmomW=0.9\nmomB=0.9\n"
BASE_PARAMS = f"[c]\n{RATES}[out]\n{RATES}[logprob]\ncoeff=1\n"


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("[c]\n", "[c]\ndropout=0.5\n", "here dropout is a section after the layer, type=hs with keep="),
        ("[c]\n", "[c]\nwball=0.1\n", "wball is read in the parameter file, not in this one"),
        ("type=fc\n", "type=fc\nrate=0.5\n", "here dropout is a section after the layer, type=hs with keep="),
        ("type=fc", "type=fcdrop", "type=fc and a section after it, type=hs with keep=; keep is 1 - rate"),
        ("type=fc", "type=fcdropc", "which no layer here does; dropping units is type=hs with keep="),
        ("neuron=relu", "neuron=dropout", "dropout is a layer of its own, type=hs with keep="),
        ("neuron=relu", "neuron=abstanh[1.8,0.7]", "use tanh, followed by a section type=neuron with neuron=abs"),
    ],
)
def test_key_of_a_fork_gets_a_note_with_the_equivalent(old: str, new: str, note: str) -> None:
    notes = [note for d in diagnose(BASE.replace(old, new, 1)) for note in d.notes]
    assert any(note in printed for printed in notes)


def test_layer_file_key_in_the_parameter_file_is_ignored() -> None:
    diagnostics = diagnose(BASE, BASE_PARAMS.replace("[c]\n", "[c]\nInitW=1\ndropout=0.5\n"))
    assert locations(diagnostics) == [("cfg-ignored-key", 2, "InitW"), ("cfg-ignored-key", 3, "dropout")]
    assert diagnostics[0].notes == ("initW is read in the layer file, not in this one",)
    assert diagnostics[1].notes == ("of a fork; here dropout is a section after the layer, type=hs with keep=",)


def test_swapped_files_are_recognised() -> None:
    (found,) = diagnose(BASE_PARAMS)
    assert (found.code, found.span.line) == ("empty-spec", 1)
    assert found.notes == (
        "it has learning rates, so it may be a parameter file, which is given with its layer file: --params",
    )
    found = diagnose(BASE, BASE)[-1]
    assert (found.code, found.message) == (
        "cfg-no-section", "params.cfg has layers, with type=, and no parameters: it is a layer file"
    )  # fmt: skip


def test_sum_coefficients_in_the_parameter_file_decide_version_2() -> None:
    net = DATA.partition("[labels]")[0] + "[x]\ntype=fc\ninputs=data\noutputs=192\ninitW=1\ngpu=0\n"
    net += "[d]\ntype=eltsum\ninputs=x,data\n[e]\ntype=cost.sum2\ninputs=d\n"
    params = f"[x]\n{RATES}[d]\ncoeffs=1,-1\n[e]\ncoeff=1\n"
    translation = translate(Source("net.cfg", net), params=Source("params.cfg", params), shape=SHAPE)
    assert translation.definition.dialect == "v2"
    assert re.search("linear +a=-1", translation.source.text)


@pytest.mark.parametrize(
    ("dialect", "more", "note"),
    [
        ("v2", "randSparse=0", "it is a key of the 2012 version of cuda-convnet; this file is read as v2"),
        ("2012", "modulesX=8", "it is a key of version 2 of cuda-convnet; this file is read as 2012"),
        ("2012", "drop=0.5", "of a fork; here dropout is a section after the layer, type=hs with keep="),
    ],
)
def test_ignored_key_is_explained(dialect: Dialect, more: str, note: str) -> None:
    (warning,) = load(net(conv("c", "data", 3, more=more), "c"), dialect=dialect).warnings
    assert (warning.code, warning.notes) == ("cfg-ignored-key", (note,))


def test_sum_of_layers_is_explained() -> None:
    (error,) = diagnose(net(conv("c", "data", 3) + "[u]\ntype=sum\ninputs=c,c\n", "u"), dialect="2012")
    assert (error.code, error.notes[-1]) == ("unknown-type", "the sum of several layers is type=eltsum")


def test_neuron_of_a_cost_is_ignored() -> None:
    warnings = load(BASE + "neuron=relu\n").warnings
    assert [(d.code, d.span.text) for d in warnings] == [("cfg-ignored-key", "neuron")]


@pytest.mark.parametrize(
    ("dialect", "more", "codes"),
    [
        ("2012", "initCFunc=anything\n", ["cfg-ignored-key"]),  # this layer has no random connections to draw
        ("v2", "initCFunc=a.b\n", ["cfg-ignored-key"]),
        ("2012", "groups=4\nrandSparse=1\ninitCFunc=a.b(2)\n", ["cfg-substitute", "cfg-substitute"]),
        ("2012", "groups=4\nrandSparse=1\ninitCFunc=anything\n", ["bad-value"]),
    ],
)
def test_init_c_func_is_checked(dialect: Dialect, more: str, codes: list[str]) -> None:
    layers = conv("c", "data", 3) + conv("d", "c", 16, 16, more)
    diagnostics = diagnose(net(layers, "d"), None, dialect)
    assert sorted(d.code for d in diagnostics) == sorted(codes)
    assert {d.span.text.split("=")[0] for d in diagnostics} <= {"initCFunc", "anything", "a.b(2)", "1", "a.b"}


@pytest.mark.parametrize(
    ("old", "key", "value", "suggested"),
    [
        ("filters=16", "filters", "16 # were 32", "16 ; were 32"),
        ("initW=0.02", "initW", "0.02 # or less, 0.01", "0.02 ; or less, 0.01"),
        ("neuron=relu", "neuron", "relu\t# no tanh", "relu ; no tanh"),
        ("padding=1", "sharedBiases", "1 #", "1 ;"),
    ],
)
def test_hash_comment_after_a_value_is_explained(old: str, key: str, value: str, suggested: str) -> None:
    """After a value, only a semicolon starts a comment; # is part of the value."""
    (error,) = [d for d in diagnose(BASE.replace(old, f"{key}={value}", 1)) if d.severity == "error"]
    assert error.span.text == value
    assert error.notes[-1] == f"after a value, ; begins a comment and # does not: {key}={suggested}"


def test_hash_inside_a_value_is_not_explained() -> None:
    (error,) = [d for d in diagnose(BASE.replace("filters=16", "filters=#16")) if d.severity == "error"]
    assert error.notes == ()


@pytest.mark.parametrize(("comment", "kept"), [("######\n# was 0.01\n", True), ("######\n; ---\n", False)])
def test_rulers_are_not_kept_as_comments(comment: str, kept: bool) -> None:
    params = Source("params.cfg", BASE_PARAMS.replace("[out]", f"{comment}[out]"))
    spec = import_layer_file(Source("net.cfg", BASE), SHAPE, options=ImportOptions(params, merged=True)).source.text
    assert ("# In params.cfg:" in spec, "# at [out]:" in spec, "was 0.01" in spec) == (kept, kept, kept)


def test_repeated_section_overrides_with_a_warning() -> None:
    text = BASE + "[c]\nfilters=32\nneuron=relu\n"
    params = BASE_PARAMS + "[c]\nepsW=0.5\n"
    network = load(text, params)
    assert network.graph.parameters["c.weight"].shape[0] == 32
    assert locations(network.warnings) == [("cfg-ignored-key", 11, "16"), ("cfg-ignored-key", 2, "0.01")]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("filters=16\n", "filters=16\n  ", "missing-key"),
        ("padding=1\n", "padding=1\n  stride=1\n", "bad-value"),
        ("inputs=data\n", "inputs=data\n\t", "unknown-layer"),
        ("type=conv\n", "type=conv\n ", "unknown-type"),
        ("filters=16\n", "filters=16\n # many\n", "bad-value"),
        ("[c]\n", "[c]\n  ", "cfg-syntax"),
    ],
)
def test_error_in_a_continued_value_mentions_the_indentation(old: str, new: str, code: str) -> None:
    """As in the original, an indented line continues the value above it; a note says so."""
    (error, *_) = [d for d in diagnose(BASE.replace(old, new, 1)) if d.severity == "error"]
    assert error.code == code
    assert "begin without " in error.notes[-1]
