"""Layer files as they are found: written on other systems, by hand, in forks, half, or wrong; with their verdicts."""

from __future__ import annotations

import time

import pytest
from layerfiles import DATA, SHAPE, conv, ending, load, net, said, told

from netspec.importers.cuda_convnet import Dialect, translate
from netspec.ir.shape import Shape
from netspec.net import LayerFileOptions, import_layer_file
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
        BASE.replace("[c]\n", "[c]\nneuron=tanh [1.7159, .667]\n"),
        BASE.replace("[c]\n", '[c]\nneuron=""\n'),
        BASE.replace("[c]", "[conv 1 (first)]").replace("inputs=c", "inputs=conv 1 (first)"),
    ],
)
def test_what_makes_no_difference(text: str) -> None:
    found = load(text)
    assert (found.total.parameters, found.warnings) == (PARAMETERS, ())


def test_values_of_all_sections_and_of_other_keys() -> None:
    text = "[DEFAULT]\ngpu=0\nside=3\n" + BASE.replace("gpu=0\n", "").replace("filterSize=3", "filterSize=%(side)s")
    found = load(text)
    assert found.total.parameters == PARAMETERS
    assert {d.code for d in found.warnings} == {"cfg-ignored-key"}


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
def test_what_the_original_refused_of_a_value(old: str, new: str, code: str, underlined: str) -> None:
    assert old in BASE
    found = said(BASE.replace(old, new, 1))
    assert (code, underlined) in [(d.code, d.span.text) for d in found if d.severity == "error"]


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("dropout=0.5", "dropout"),  # of forks
        ("cropborder=16", "cropborder"),
        ("note=50% more than before", "note"),  # which the original did not look at
        ("note=%(nothing)s", "note"),
        ("name=conv1", "name"),
    ],
)
def test_what_the_original_did_not_look_at_is_told(more: str, key: str) -> None:
    found = load(BASE.replace("[c]\n", f"[c]\n{more}\n"))
    assert told(found.warnings) == [("cfg-ignored-key", 8, key)]


def test_an_indented_line_goes_on_with_the_one_above() -> None:
    found = said(BASE.replace("filters=16", "  filters=16"))
    assert ("bad-value", 10) in [(d.code, d.span.line) for d in found]


def test_a_layer_that_is_read_above_itself_and_a_ring_of_two() -> None:
    early = told(said(DATA + ending("c") + conv("c", "data", 3)))
    assert early == [("reads-later-layer", 9, "c")]
    ring = told(said(DATA + conv("c", "d", 16) + conv("d", "c", 16) + ending("d")))
    assert ring == [("reads-later-layer", 9, "d")]


@pytest.mark.parametrize(
    ("text", "known"),
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
def test_a_layer_file_is_known_by_its_first_section(text: str, known: bool) -> None:
    assert is_layer_file(Source("<stdin>", text)) is is_layer_file(Source("layers_def", text)) is known
    assert is_layer_file(Source("layers.cfg", text)) and not is_layer_file(Source("layers.net", text))


def test_labels_that_no_cost_reads_yet_are_no_second_input() -> None:
    half = BASE.partition("[probs]")[0].replace("initW=0.01", "initW=")
    assert told(said(half)) == [("bad-value", 23, "initW")]


@pytest.mark.parametrize("length", range(10, len(BASE) - 20, 37))
def test_half_a_file_is_told_at_a_line_of_it(length: int) -> None:
    found = said(BASE[:length])
    wrong = [d for d in found if d.severity == "error"]
    assert wrong
    assert all(1 <= d.span.line <= BASE[:length].count("\n") + 1 for d in wrong)


QUARTER = 2**18  # of a megabyte
LONG = {
    "sections": "".join(f"[a{i}]\ntype=fc\n" for i in range(QUARTER // 12)),
    "keys": BASE + "[c]\n" + "".join(f"key{i}=1\n" for i in range(QUARTER // 12)),
    "lines of a value": BASE + "[c]\nfilters=16\n" + " 1\n" * (QUARTER // 3),
    "inputs": BASE + "[f]\ntype=fc\ninputs=" + "data," * (QUARTER // 5),
    "a key without end": BASE + "[c]\nx" + " " * QUARTER,
    "a name without end": BASE + "[" + "x" * QUARTER,
    "values of other keys": BASE + "[c]\nfilters=" + "%(x)s" * (QUARTER // 5),
    "semicolons": BASE + "[c]\nfilters=1" + ";" * QUARTER,
    "a ring": "".join(f"[a{i}]\ntype=neuron\nneuron=relu\ninputs=a{i + 1}\n" for i in range(4_000)),
}


@pytest.mark.ci  # seconds
def test_twins_that_are_none_far_down_are_found_in_time() -> None:
    """The last two convolutions are read otherwise, so that none of those above them is half of another."""
    depth = 600
    pairs = [(half, gpu, i) for i in range(depth) for gpu, half in enumerate("ab")]
    convs = (conv(f"c{i}{half}", f"c{i - 1}{half}" if i else "data", 16 if i else 3, gpu=gpu) for half, gpu, i in pairs)
    unlike = f"[cost]\ntype=cost.sum2\ninputs=c{depth - 1}b\ngpu=1\n"
    began = time.process_time()
    net = load(DATA + "".join(convs) + unlike + ending(f"c{depth - 1}a"), merged=True)
    assert time.process_time() - began < 5
    assert {"c0a", "c0b", "c599a", "c599b"} <= set(net.layers)


@pytest.mark.many
@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
def test_much_of_anything_is_read_in_time(text: str) -> None:
    began = time.process_time()
    found = said(text)
    assert time.process_time() - began < 5
    assert all(d.span.line >= 1 for d in found)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [("filters=16", "numFilters=16", "filters"), ("outputs=10", "numOutputs=10", "outputs")],
)
def test_names_that_keys_had_before(old: str, new: str, key: str) -> None:
    found = load(BASE.replace(old, new))
    assert found.total.parameters == PARAMETERS
    said_so = f"{new.partition('=')[0]} is taken for {key}, as it was called in old files"
    assert [(d.code, d.message.partition(": ")[2]) for d in found.warnings] == [("cfg-old-habit", said_so)]


def test_a_new_name_counts_where_the_old_one_stands_beside_it() -> None:
    found = load(BASE.replace("filters=16", "filters=16\nnumFilters=32"))
    assert found.total.parameters == PARAMETERS
    assert told(found.warnings) == [("cfg-ignored-key", 12, "numFilters")]


RATES = "epsW=0.01\nepsB=0.01\nmomW=0.9\nmomB=0.9\n"
BASE_PARAMS = f"[c]\n{RATES}[out]\n{RATES}[logprob]\ncoeff=1\n"


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("[c]\n", "[c]\ndropout=0.5\n", "here dropout is a section after the layer, type=hs with keep="),
        ("[c]\n", "[c]\nwball=0.1\n", "wball is read in the parameter file, not in this one"),
        ("type=fc\n", "type=fc\nrate=0.5\n", "here dropout is a section after the layer, type=hs with keep="),
        ("cost.logreg", "cost.binxent", "neuron=logistic, is type=cost.crossent2"),
        ("type=conv", "type=cccp", "type=conv with filterSize=1, and its in_nodes as channels"),
        ("type=fc", "type=fcdropo", "type=fc and a section after it, type=hs with keep=; keep is 1 - rate"),
        ("[c]\n", "[c]\nneuron=dropout[0.5]\n", "dropout is a layer of its own, type=hs with keep="),
        (
            "[c]\n",
            "[c]\nneuron=abstanh[1.8,0.7]\n",
            "it is tanh, and after that a section type=neuron with neuron=abs",
        ),
    ],
)
def test_what_forks_added_is_told_with_what_says_the_same(old: str, new: str, note: str) -> None:
    notes = [note for d in said(BASE.replace(old, new, 1)) for note in d.notes]
    assert any(note in one for one in notes)


def test_a_key_of_the_layer_file_among_the_parameters() -> None:
    found = said(BASE, BASE_PARAMS.replace("[c]\n", "[c]\nInitW=1\ndropout=0.5\n"))
    assert told(found) == [("cfg-ignored-key", 2, "InitW"), ("cfg-ignored-key", 3, "dropout")]
    assert found[0].notes == ("initW is read in the layer file, not in this one",)
    assert found[1].notes == ("of a fork; here dropout is a section after the layer, type=hs with keep=",)


def test_files_that_were_taken_for_each_other() -> None:
    (found,) = said(BASE_PARAMS)
    assert (found.code, found.span.line) == ("empty-spec", 1)
    assert found.notes == (
        "it has learning rates, as a parameter file has, which is given beside its layer file: --params",
    )
    found = said(BASE, BASE)[-1]
    assert (found.code, found.message) == (
        "cfg-no-section", "params.cfg has layers, with type=, and no parameters: it is a layer file"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (BASE, (3, 32, 32)),
        (BASE.replace("channels=3", "channels=1"), (1, 28, 28)),  # handwritten digits
        (BASE.replace("padding=1", "stride=3"), (3, 224, 224)),  # which small images are not begun with
        (BASE.replace("outputs=10", "outputs=1000"), (3, 224, 224)),
        (BASE.replace("outputs=10", "numOutputs=10"), (3, 32, 32)),
        # 20 x 20 is the smallest square that 80 divides.
        (BASE.replace("partialSum=0", "partialSum=80"), (3, 20, 20)),
        # Wrong with any size.
        (BASE.replace("filters=16", "filters=17"), (3, 32, 32)),
    ],
)
def test_the_likeliest_shape_of_the_data_is_taken(text: str, shape: tuple[int, int, int]) -> None:
    found = translate(Source("net.cfg", text)).diagnostics
    (taken,) = [d.message for d in found if d.code == "cfg-input-shape"]
    assert taken.endswith(f"{'x'.join(map(str, shape))} is taken")


def test_the_parameters_of_a_sum_tell_version_2() -> None:
    net = DATA.partition("[labels]")[0] + "[x]\ntype=fc\ninputs=data\noutputs=192\ninitW=1\ngpu=0\n"
    net += "[d]\ntype=eltsum\ninputs=x,data\n[e]\ntype=cost.sum2\ninputs=d\n"
    params = f"[x]\n{RATES}[d]\ncoeffs=1,-1\n[e]\ncoeff=1\n"
    made = translate(Source("net.cfg", net), params=Source("params.cfg", params), shape=SHAPE)
    assert made.definition.dialect == "v2" and made.source is not None
    assert "linear a=-1" in made.source.text


@pytest.mark.parametrize(("places", "side"), [("0", 32), ("16", 32), ("12", 24), ("13", 32), ("200", 32)])
def test_of_shapes_those_are_likelier_that_pools_fit(places: str, side: int) -> None:
    """A pool with outputsX takes any image; a usual one that it covers, and no more, is taken where there is one."""
    pool = f"[p]\ntype=pool\npool=max\ninputs=c\nchannels=16\nsizeX=2\nstride=2\noutputsX={places}\n"
    found = load(net(conv("c", "data", 3) + pool, "p"), shape=None)
    assert found.graph.input.output == Shape(3, side, side)
    assert ("p-covered" in found.graph.layers) == (places == "13")


SHAPED = BASE.replace("padding=1", "padding=0")


@pytest.mark.parametrize(
    ("note", "taken"),
    [
        ("# crops: --input 3x26x26, of 32\n", "3x26x26"),
        ("; --input 3x9x9\n", "3x9x9"),
        ("# --input 3x2x2\n", "3x32x32"),  # smaller than the filters
        ("# --input 4x26x26\n", "3x32x32"),
        ("# --input 0x26x26\n", "3x32x32"),
        ("# --input 3x26\n", "3x32x32"),
        ("# --input 3x99999999x99999999\n", "3x32x32"),
        ("# --input 3x26x26x2\n", "3x32x32"),
    ],
)
def test_a_comment_may_give_the_shape_of_the_data(note: str, taken: str) -> None:
    for text in (note + SHAPED, SHAPED + note):
        found = load(text, shape=None)
        assert str(found.graph.input.output) == taken
        told_so = [d for d in found.warnings if d.code == "cfg-input-shape"]
        assert len(told_so) == (taken not in note)


def test_weights_of_their_own_at_each_place_are_for_small_images() -> None:
    many = BASE.replace("outputs=10", "outputs=500")
    local = many.replace("type=conv", "type=local").replace("partialSum=0\n", "")
    far = local.replace("padding=1", "padding=1\nstride=3")
    for text, side in ((many, 224), (local, 32), (far, 224)):
        assert load(text, shape=None).graph.input.output == Shape(3, side, side)


@pytest.mark.parametrize(
    ("dialect", "more", "note"),
    [
        ("v2", "randSparse=0", "it is a key of the 2012 version of cuda-convnet; this file is read as v2"),
        ("2012", "modulesX=8", "it is a key of version 2 of cuda-convnet; this file is read as 2012"),
        ("2012", "drop=0.5", "of a fork; here dropout is a section after the layer, type=hs with keep="),
    ],
)
def test_what_a_key_is_that_is_ignored(dialect: Dialect, more: str, note: str) -> None:
    (found,) = load(net(conv("c", "data", 3, more=more), "c"), dialect=dialect).warnings
    assert (found.code, found.notes) == ("cfg-ignored-key", (note,))


def test_layers_of_a_fork_that_are_joined() -> None:
    (found,) = said(net(conv("c", "data", 3) + "[u]\ntype=union\ninputs=c,c\n", "u"))
    assert (found.code, found.notes) == ("unknown-type", ("layers one after the other are type=concat",))


def test_a_neuron_of_a_cost_is_ignored() -> None:
    found = load(BASE + "neuron=relu\n").warnings
    assert [(d.code, d.span.text) for d in found] == [("cfg-ignored-key", "neuron")]


@pytest.mark.parametrize(
    ("dialect", "more", "codes"),
    [
        ("2012", "initCFunc=anything\n", ["cfg-ignored-key"]),  # it draws connections, and there are none to draw
        ("v2", "initCFunc=a.b\n", ["cfg-ignored-key"]),
        ("2012", "groups=4\nrandSparse=1\ninitCFunc=a.b(2)\n", ["cfg-substitute", "cfg-substitute"]),
        ("2012", "groups=4\nrandSparse=1\ninitCFunc=anything\n", ["bad-value"]),
    ],
)
def test_a_function_that_chooses_connections(dialect: Dialect, more: str, codes: list[str]) -> None:
    found = said(net(conv("c", "data", 3) + conv("d", "c", 16, 16, more), "d"), None, dialect)
    assert sorted(d.code for d in found) == sorted(codes)
    assert {d.span.text.split("=")[0] for d in found} <= {"initCFunc", "anything", "a.b(2)", "1", "a.b"}


@pytest.mark.parametrize(
    ("right", "key", "value", "meant"),
    [
        ("filters=16", "filters", "16 # were 32", "16 ; were 32"),
        ("initW=0.02", "initW", "0.02 # or less, 0.01", "0.02 ; or less, 0.01"),
        ("padding=1", "neuron", "relu\t# no tanh", "relu ; no tanh"),
        ("padding=1", "sharedBiases", "1 #", "1 ;"),
    ],
)
def test_a_comment_behind_a_value_that_is_none(right: str, key: str, value: str, meant: str) -> None:
    """There comments begin with a semicolon, and # stands for itself."""
    (found,) = [d for d in said(BASE.replace(right, f"{key}={value}", 1)) if d.severity == "error"]
    assert found.span.text == value
    assert found.notes[-1] == f"after a value # begins no comment, but ; does: {key}={meant}"


def test_a_value_with_a_number_sign_of_its_own() -> None:
    (found,) = [d for d in said(BASE.replace("filters=16", "filters=#16")) if d.severity == "error"]
    assert found.notes == ()


@pytest.mark.parametrize(("comment", "kept"), [("######\n# was 0.01\n", True), ("######\n; ---\n", False)])
def test_rulers_between_sections_are_no_comments_to_keep(comment: str, kept: bool) -> None:
    params = Source("params.cfg", BASE_PARAMS.replace("[out]", f"{comment}[out]"))
    made = import_layer_file(Source("net.cfg", BASE), SHAPE, LayerFileOptions(params, merged=True)).source.text
    assert ("# In params.cfg:" in made, "# at [out]:" in made, "was 0.01" in made) == (kept, kept, kept)


def test_a_layer_that_stands_twice_is_one_and_told() -> None:
    text = BASE + "[c]\nfilters=32\nneuron=relu\n"
    params = BASE_PARAMS + "[c]\nepsW=0.5\n"
    found = load(text, params)
    assert found.graph.parameters["c.weight"].shape[0] == 32
    assert told(found.warnings) == [("cfg-ignored-key", 11, "16"), ("cfg-ignored-key", 2, "0.01")]


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("filters=16\n", "filters=16\n  ", "missing-key"),
        ("padding=1\n", "padding=1\n  stride=1\n", "bad-value"),
        ("inputs=data\n", "inputs=data\n\t", "unknown-layer"),
        ("type=conv\n", "type=conv\n ", "unknown-type"),
        ("filters=16\n", "filters=16\n # many\n", "bad-value"),
        ("[c]\n", "[c]\n  ", "cfg-syntax"),
    ],
)
def test_indented_lines_go_on_with_the_value_above_them(right: str, wrong: str, code: str) -> None:
    """As in the original, where an indented key was none; it is told why."""
    (found, *_) = [d for d in said(BASE.replace(right, wrong, 1)) if d.severity == "error"]
    assert found.code == code
    assert "begin without " in found.notes[-1]
