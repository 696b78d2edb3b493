"""Which layer files are valid, and the shapes and parameter counts of their layers."""

from __future__ import annotations

import pytest
from layerfiles import DATA, conv, diagnose, ending, load, locations, net

from netspec.ir.shape import Shape

POOL = "[p]\ntype=pool\npool=max\ninputs=c\nchannels=16\nsizeX=3\nstride=2\n"
NORM = "[n]\ntype=rnorm\ninputs=c\nchannels=16\nsize=5\n"


def test_convolution_rounds_up_and_can_unshare_biases() -> None:
    c = conv("c", "data", 3, more="stride=2")
    assert (load(net(c, "c"))["c"].output, load(net(c, "c"))["c"].biases) == (Shape(16, 5, 5), 16)
    unshared = load(net(conv("c", "data", 3, more="sharedBiases=0"), "c"))["c"]
    assert (unshared.weights, unshared.biases) == (27 * 16, 16 * 64)


def test_filters_are_counted_per_group() -> None:
    layer = load(net(conv("c", "data", 3) + conv("d", "c", 16, 32, "groups=2"), "d"))["d"]
    assert (layer.output.channels, layer.weights, layer.windows[0].groups) == (64, 8 * 9 * 64, 2)


def test_random_sparse_channels_are_replaced_with_a_warning() -> None:
    for true in ("1", "true", "TRUE"):
        sparse = conv("d", "c", 16, 16, f"groups=4\nrandSparse={true}\nfilterChannels=8")
        network = load(net(conv("c", "data", 3) + sparse, "d"))
        assert network["d"].weights == 8 * 9 * 64
        assert [d.code for d in network.warnings] == ["cfg-substitute"]


def test_random_sparse_groups_may_be_more_than_a_quarter_of_the_channels() -> None:
    sparse = conv("d", "c", 16, 16, "groups=8\nrandSparse=1\nfilterChannels=4")
    assert load(net(conv("c", "data", 3) + sparse, "d"))["d"].weights == 4 * 9 * 128


@pytest.mark.parametrize("more", ["", "randSparse=0\n"])
def test_filter_channels_without_random_sparse_channels_are_ignored(more: str) -> None:
    network = load(net(conv("c", "data", 3) + conv("d", "c", 16, more=f"groups=2\n{more}filterChannels=4"), "d"))
    assert network["d"].weights == 8 * 9 * 32
    assert [(d.code, d.span.text) for d in network.warnings] == [("cfg-ignored-key", "4")]


def test_local_layer_has_weights_at_each_position() -> None:
    text = "[l]\ntype=local\ninputs=data\nchannels=3\nfilters=16\nfilterSize=5\nstride=2\npadding=1\ninitW=0.1\ngpu=0\n"
    layer = load(net(text, "l"))["l"]  # 1 + ceil((2 + 8 - 5) / 2) = 4
    assert (layer.output, layer.weights, layer.biases) == (Shape(16, 4, 4), 16 * 75 * 16, 256)


def test_modules_x_of_a_local_layer_adds_positions() -> None:
    more = conv("l", "data", 3, more="type=local\nmodulesX=10")
    layer = load(net(more, "l"), dialect="v2")["l"]
    assert (layer.output, layer.weights) == (Shape(16, 10, 10), 100 * 27 * 16)
    (error,) = diagnose(net(more.replace("=10", "=6"), "l"), dialect="v2")
    assert (error.code, error.span.text, error.notes) == ("bad-value", "6", ("-1 + 1 * (6 - 1) + 3 is less than 8",))


def test_each_input_has_its_own_matrix() -> None:
    two_inputs = (
        "[c]\ntype=conv\ninputs=data,data\nchannels=3,3\nfilters=16,16\nfilterSize=3,5\npadding=1,2\nstride=1,1\n"
        "initW=0.1,0.1\npartialSum=0\ngpu=0\n"
    )
    assert load(net(two_inputs, "c"))["c"].weights == (27 + 75) * 16
    assert load(net(conv("c", "data", 3), "c,data"))["out"].weights == (16 * 64 + 192) * 10


@pytest.mark.parametrize(
    ("text", "output"),
    [
        (POOL, (16, 4, 4)),
        (POOL.replace("stride=2", "stride=2\nstart=-1"), (16, 4, 4)),
        (POOL.replace("stride=2", "stride=2\nstart=-1\noutputsX=5"), (16, 5, 5)),
        (POOL.replace("max", "avg").replace("stride=2", "stride=3"), (16, 3, 3)),
        (NORM, (16, 8, 8)),
        (NORM.replace("rnorm", "cnorm"), (16, 8, 8)),
        (NORM.replace("rnorm", "cmrnorm"), (16, 8, 8)),
        ("[n]\ntype=nailbed\ninputs=c\nchannels=16\nstride=3\n", (16, 3, 3)),
        ("[n]\ntype=blur\ninputs=c\nchannels=16\nfilterSize=5\nstdev=2\n", (16, 8, 8)),
        ("[n]\ntype=eltmax\ninputs=c,c\n", (16, 8, 8)),
        ("[n]\ntype=concat\ninputs=c,c,c\n", (48, 8, 8)),
    ],
)
def test_output_shapes_of_layers_over_maps(text: str, output: tuple[int, ...]) -> None:
    name = text[1]
    assert load(net(conv("c", "data", 3) + text, name))[name].output == output


@pytest.mark.parametrize(
    ("middle", "reads", "code", "underlined"),
    [
        (conv("c", "data", 4), "c", "cfg-not-square", "4"),
        (conv("c", "data", 3, 24), "c", "bad-value", "24"),
        (conv("c", "data", 3, more="groups=3"), "c", "bad-value", "3"),
        (conv("c", "data", 3) + conv("d", "c", 16, 8, "groups=2"), "d", "bad-value", "8"),
        (conv("c", "data", 3, more="stride=0"), "c", "bad-value", "0"),
        (conv("c", "data", 3, more="stride=1,1"), "c", "bad-value", "1,1"),
        (conv("c", "data", 3, more="filterSize=11"), "c", "kernel-too-large", "11"),
        (conv("c", "data", 3, more="partialSum=5"), "c", "bad-value", "5"),
        (conv("c", "data", 3, more="sharedBiases=2"), "c", "bad-value", "2"),
        (conv("c", "data", 3, more="initW=x"), "c", "bad-value", "x"),
        (conv("c", "data", 3, more="gpu=a"), "c", "bad-value", "a"),
        (conv("c", "data", 3, more="neuron=tanh[1e0,1]"), "c", "bad-value", "tanh[1e0,1]"),
        (conv("c", "data", 3, more="neuron=Relu"), "c", "bad-value", "Relu"),
        (conv("c", "data", 3, more="type=covn"), "c", "unknown-type", "covn"),
        (conv("c", "dta", 3), "c", "unknown-layer", "dta"),
        (conv("c", "out", 3), "c", "reads-later-layer", "out"),
        (conv("c", "c", 3), "c", "reads-later-layer", "c"),
        (conv("c", "labels", 3), "c", "several-inputs", "1"),
        (conv("c", "data", 3), "data", "cfg-unused-layer", "[c]"),
        ("[other]\ntype=data\ndataIdx=2\n", "data", "cfg-unused-layer", "[other]"),
        (conv("c", "data", 3).replace("initW=0.02\n", ""), "c", "missing-key", "[c]"),
        (conv("c", "data", 3).replace("gpu=0\n", ""), "c", "missing-key", "[c]"),
        (conv("c", "data", 3) + POOL.replace("stride=2", "stride=4"), "p", "bad-value", "4"),
        (conv("c", "data", 3) + POOL.replace("max", "min"), "p", "bad-value", "min"),
        (conv("c", "data", 3) + POOL.replace("channels=16", "channels=4"), "p", "bad-value", "4"),
        (conv("c", "data", 3) + NORM.replace("size=5", "size=9"), "n", "bad-value", "9"),
        (conv("c", "data", 3) + NORM.replace("rnorm", "cmrnorm").replace("size=5", "size=1"), "n", "bad-value", "1"),
        (conv("c", "data", 3, more="initWFunc=makew"), "c", "bad-value", "makew"),
        (conv("c", "data", 3, more="initBFunc=a.b()"), "c", "bad-value", "a.b()"),
        ("[b]\ntype=blur\ninputs=data\nchannels=3\nfilterSize=4\nstdev=2\ngpu=0\n", "b", "bad-value", "4"),
        ("[b]\ntype=blur\ninputs=data\nchannels=3\nfilterSize=3\nstdev=0\ngpu=0\n", "b", "bad-value", "0"),
        ("[e]\ntype=eltsum\ninputs=data,f\ngpu=0\n", "e", "unknown-layer", "data,f"),
        ("[e]\ntype=eltmax\ninputs=data\ngpu=0\n", "e", "wrong-inputs", "data"),
    ],
)
def test_invalid_layer_is_an_error(middle: str, reads: str, code: str, underlined: str) -> None:
    diagnostics = diagnose(net(middle, reads))
    assert [(d.code, d.span.text) for d in diagnostics if d.severity == "error"] == [(code, underlined)]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("inputs=labels,probs", "inputs=probs,labels", "wrong-inputs"),
        ("inputs=labels,probs", "inputs=labels,out", "wrong-inputs"),
        ("inputs=labels,probs", "inputs=labels", "wrong-inputs"),
        ("type=softmax\ninputs=out", "type=softmax\ninputs=out,data", "wrong-inputs"),
        ("type=softmax", "type=", "unknown-type"),
        ("type=softmax", "kind=softmax", "missing-key"),
    ],
)
def test_invalid_softmax_or_cost_is_an_error(old: str, new: str, code: str) -> None:
    text = net("", "data")
    assert old in text
    assert code in [d.code for d in diagnose(text.replace(old, new)) if d.severity == "error"]


CMPOOL = conv("c", "data", 3) + "[p]\ntype=cmpool\ninputs=c\npool=max\nchannels=16\nsize=3\nstride=2\n{}\n"


@pytest.mark.parametrize(
    ("middle", "code", "underlined", "note"),
    [
        (CMPOOL.format(""), "bad-value", "[p]", "0 + (0 - 1) * 2 + 3 = 1, less than 16"),
        (CMPOOL.format("outputs=7"), "bad-value", "7", "0 + (7 - 1) * 2 + 3 = 15, less than 16"),
        (
            "[p]\ntype=crop\ninputs=data\nchannels=3\nstartX=1\nstartY=4\nsizeX=5\ngpu=0\n", "bad-value", "4",
            "version 2's parser only checked the columns, and its program then read outside the image",
        ),
        (
            "[p]\ntype=pass\ninputs=data\ngpu=0,1\n", "cfg-replicas", "0,1",
            ""
        ),
    ],
)  # fmt: skip
def test_invalid_layer_of_version_2_is_an_error(middle: str, code: str, underlined: str, note: str) -> None:
    errors = [d for d in diagnose(net(middle, "p"), dialect="v2") if d.severity == "error"]
    assert [(d.code, d.span.text, note in ("", *d.notes)) for d in errors] == [(code, underlined, True)]


def test_data_passed_on_has_as_many_replicas_as_its_readers() -> None:
    """If it is not the first input, whose number version 2 compares before it knows that of the data."""
    middle = conv("c", "data", 3, more="gpu=0,1").replace("partialSum=0\n", "") + "[p]\ntype=pass\ninputs=c,data\n"
    text = net(middle, "p").replace("gpu=0\n", "gpu=0,1\n")
    assert load(text, dialect="v2")["p"].output.units == 19 * 64


@pytest.mark.parametrize(
    ("middle", "warnings"),
    [
        (conv("c", "data", 3) + POOL.replace("max", "maxabs").replace("stride=2", "stride=2\nstart=-99"), []),
        (conv("c", "data", 3) + POOL.replace("max", "max\nsum=true"), [("cfg-ignored-key", "true")]),
        (CMPOOL.format("outputs=12\nstart=-6\nneuron=relu"), []),
        ("[p]\ntype=blur\ninputs=data\nchannels=3\nfilterSize=+03\nstdev=-2\ngpu=0\n", []),
        ("[f]\ntype=fc\ninputs=data\noutputs=10\ninitW=0.1\ngpu=0\n[p]\ntype=softmax\ninputs=f\n"
         "[k]\ntype=cost.ce\ninputs=labels,p\ngpu=0\n", [("cfg-old-habit", "cost.ce"), ("cfg-substitute", "labels,p")]),
    ],
)  # fmt: skip
def test_layers_that_version_2_accepts_are_accepted(middle: str, warnings: list[tuple[str, str]]) -> None:
    all_warnings = load(net(middle, "p"), dialect="v2").warnings
    assert [(d.code, d.span.text) for d in all_warnings if d.code.startswith("cfg-")] == warnings


def test_error_is_not_repeated_for_later_layers() -> None:
    text = net(conv("c", "data", 3, 17) + conv("d", "c", 16) + conv("e", "data", 3, 18), "d,e")
    assert locations(diagnose(text)) == [("bad-value", 11, "17"), ("bad-value", 37, "18")]


def test_equal_errors_of_several_sections_are_one() -> None:
    more = "neuron=rellu"
    text = net(conv("c", "data", 3, 17) + "".join(conv(f"d{i}", "data", 3, more=more) for i in range(8)), "c,d7")
    diagnostics = diagnose(text)
    assert locations(diagnostics) == [("bad-value", 11, "17"), ("bad-value", 31, "rellu")]
    assert diagnostics[1].notes[-1] == "the same in 7 other sections: d1, d2, d3, d4, d5, ..."


def test_independent_errors_are_reported_together() -> None:
    """Errors that do not depend on sizes are reported; sizes that depend on a wrong value are not guessed."""
    text = (
        f"{DATA}[c]\ntype=conv\ninputs=data\nchannels=3\nfiltres=16\nfilterSize=3\nstride=x\ninitW=0.02\npartialSum=7\n"
        "gpu=0\n[p]\ntype=pool\npool=mix\ninputs=c\nchannels=16\nsizeX=3\nstride=5\n"
        "[n]\ntype=rnorm\ninputs=p\nchannels=16\nneuron=rellu\n"
        "[f]\ntype=fc\ninputs=n\noutputs=ten\ninitW=a,b\n[o]\ntype=softmax\ninputs=f\n"
        "[l]\ntype=cost.logreg\ninputs=labels,o\ngpu=0\n"
    )
    assert sorted((d.code, d.layer, d.span.text) for d in diagnose(text)) == [
        ("bad-value", "c", "x"), ("bad-value", "f", "a,b"), ("bad-value", "f", "ten"), ("bad-value", "n", "rellu"),
        ("bad-value", "p", "5"), ("bad-value", "p", "mix"), ("cfg-ignored-key", "c", "filtres"),
        ("missing-key", "c", "[c]"), ("missing-key", "n", "[n]"),
    ]  # fmt: skip


def test_superfluous_input_is_reported_once() -> None:
    text = net(conv("c", "data,data", 3), "c")
    (error,) = [d for d in diagnose(text) if d.severity == "error"]
    assert error.message == "c: channels lists 1 value for 2 inputs"
    messages = [d.message for d in diagnose(text.replace("padding=1", "padding=1,1,1")) if d.severity == "error"]
    assert messages == [error.message, "c: padding lists 3 values for 2 inputs"]


@pytest.mark.parametrize("kind", ["filters=16", "channels=3", "filterSize=3", "type=conv", "inputs=data"])
def test_layers_after_a_misspelt_key_are_not_reported(kind: str) -> None:
    shared = conv("e", "data", 3, more="weightSource=c")
    text = net(conv("c", "data", 3) + POOL + conv("d", "p", 16) + NORM.replace("inputs=c", "inputs=d") + shared, "n,e")
    assert len(diagnose(text.replace(kind, f"{kind}x", 1))) == 1


@pytest.mark.parametrize(
    ("middle", "code", "underlined"),
    [
        (conv("c", "data", 3, more="strides=2"), "cfg-ignored-key", "strides"),
        (conv("c", "data", 3) + NORM.replace("size=5", "sizeX=5"), "cfg-old-habit", "5"),
        (conv("c", "data", 3, more="initWFunc=a.b(c)"), "cfg-substitute", "a.b(c)"),
        (conv("c", "data", 3) + POOL.replace("max", "rand"), "cfg-substitute", "rand"),
    ],
)
def test_odd_but_valid_key_gives_a_warning(middle: str, code: str, underlined: str) -> None:
    name = "n" if "[n]" in middle else "p" if "[p]" in middle else "c"
    warnings = [(d.code, d.span.text) for d in load(net(middle, name)).warnings if d.code != "cfg-no-params"]
    assert warnings == [(code, underlined)]


def test_neuron_of_data_is_ignored() -> None:
    network = load(net(conv("c", "data", 3), "c").replace("dataIdx=0", "dataIdx=0\nneuron=relu"))
    assert [(d.code, d.span.text) for d in network.warnings] == [("cfg-ignored-key", "neuron")]


def test_file_without_gpu_keys_is_for_one_gpu() -> None:
    text = net(conv("c", "data", 3), "c").replace("gpu=0\n", "")
    network = load(text)
    assert [d.code for d in network.warnings] == ["cfg-old-habit"]
    assert network["c"].placement.gpu is None and network.graph.groups == 1


def test_gpu_is_inherited_from_the_first_input() -> None:
    text = DATA + conv("a", "data", 3, gpu=1) + conv("b", "data", 3) + POOL.replace("inputs=c", "inputs=a")
    network = load(text + ending("p,b"))
    assert [network[n].placement.gpu for n in ("a", "b", "p", "out", "probs")] == [1, 0, 1, 0, 0]


def test_guessed_data_shape_gives_a_warning() -> None:
    network = load(
        net(conv("c", "data", 3, more="partialSum=11\ninitW=0.001\nstride=4\nfilterSize=11\npadding=0"), "c"),
        shape=None,
    )
    assert network.graph.input.output == (3, 224, 224)
    assert [d.code for d in network.warnings] == ["cfg-input-shape"]


V2 = conv("c", "data", 3).replace("partialSum=0\n", "")


def test_version_2_is_recognised_by_its_content() -> None:
    dropout = "[d]\ntype=dropout2\ninputs=c\n"
    network = load(net(V2 + dropout, "d"))
    assert network["d"].output == (16, 8, 8) and not network.warnings
    diagnostics = diagnose(net(V2 + dropout, "d"), dialect="2012")
    assert [d.code for d in diagnostics if d.severity == "error"] == ["missing-key", "unknown-type"]


def test_layer_file_determines_the_version_first() -> None:
    """A parameter key of the other version is an error, and does not change how the layer file is read."""
    params = (
        "[c]\nepsW={}\nepsB=0.02\nmomW=0.9\nmomB=0.9\n{}\n[out]\nepsW=1\nepsB=1\nmomW=0\nmomB=0\n[logprob]\ncoeff=1\n"
    )
    version_2_file = diagnose(net(V2, "c"), params.format("0.01", "schedW=exp[tgtFactor=10,noiseStdev=0]"))
    assert [(d.code, d.span.text) for d in version_2_file] == [("cfg-ignored-key", "schedW")]
    assert version_2_file[0].notes[0].startswith("of 2012; version 2 has the schedule in the rate")
    file_of_2012 = diagnose(
        net(conv("c", "data", 3).replace("sumWidth=1\n", ""), "c"), params.format("const[base=0.1]", "")
    )
    assert [(d.code, d.span.text) for d in file_of_2012] == [("bad-value", "const[base=0.1]")]
    (error,) = diagnose(net(conv("c", "data", 3).replace("sumWidth=1\n", ""), "c"), dialect="v2")
    assert error.message == "c: it needs sumWidth="
    assert error.notes == ("this file is read as v2, which needs it; --dialect says which version it is for",)


def test_weight_function_of_shared_weights_is_ignored() -> None:
    shared = conv("d", "c", 16) + conv("e", "d", 16, more="weightSource=d\ninitWFunc=a.b(c)")
    assert load(net(conv("c", "data", 3) + shared, "e")).warnings == ()


def test_version_2_repeats_single_values_for_all_inputs() -> None:
    two_inputs = V2.replace("inputs=data", "inputs=data,data").replace("padding=1", "padding=1,1")
    assert load(net(two_inputs, "c"), dialect="v2")["c"].weights == 2 * 27 * 16


def test_replicas_become_one_layer() -> None:
    network = load(net(V2.replace("gpu=0", "gpu=0,1"), "c"))
    assert (network["c"].placement.replicas, network["c"].weights) == ((0, 1), 27 * 16)
    assert [d.code for d in diagnose(net(V2, "c").replace("gpu=0\n[probs]", "gpu=0,1\n[probs]"))] == ["cfg-replicas"]


def test_sfc_has_the_outputs_of_all_parts() -> None:
    parts = "[s]\ntype=sfc\ninputs=c\noutputs=5\nparts=4\ninitW=0.1\n"
    layer = load(net(V2 + parts, "s"))["s"]
    assert (layer.output, layer.weights, layer.biases) == ((20,), 1024 * 5, 20)


def test_superfluous_modules_become_padding() -> None:
    layer = load(net(V2.replace("sumWidth=1", "sumWidth=1\nmodulesX=9"), "c"), dialect="v2")["c"]
    assert (layer.output, layer.windows[0].effective_pad) == ((16, 9, 9), (1, 2, 1, 2))
    diagnostics = diagnose(net(V2.replace("sumWidth=1", "sumWidth=1\nmodulesX=5"), "c"), dialect="v2")
    assert [(d.code, d.span.text) for d in diagnostics] == [("bad-value", "5")]


def test_too_large_numbers_are_errors() -> None:
    huge = net("[f]\ntype=fc\ninputs=data\noutputs=2000000000\ninitW=0.1\ngpu=0\n", "f")
    assert [d.code for d in diagnose(huge)] == ["too-large"]
    assert [d.code for d in diagnose(net(conv("c", "data", 3, more="filters=" + "9" * 50), "c"))] == ["bad-value"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("modulesX=120000001", "c: modulesX needs a number from 0 to 32768, not 120000001"),
        ("stride=3000000000", "c: stride needs a number of at most 2147483648, not 3000000000"),
        ("initB=1\nweightSource=c,c", "c: weightSource lists 2 sources for 1 input"),
    ],
)
def test_messages_print_numbers_in_full(more: str, message: str) -> None:
    (error,) = (d for d in diagnose(net(conv("c", "data", 3, more=more), "c"), dialect="v2") if d.severity == "error")
    assert error.message == message


@pytest.mark.parametrize(
    ("section", "reasons"),
    [
        (
            "type=pool\npool=max\nchannels=16\nsizeX=x\nstride=0",
            ["sizeX needs a whole number", "stride needs a number of at least 1, not 0"],
        ),
        ("type=pool\npool=max\nchannels=16\nsizeX=x\nstride=5000", ["sizeX needs a whole number"]),
        ("type=blur\nchannels=3\nfilterSize=x\nstdev=0", ["filterSize needs a whole number", "stdev is a divisor"]),
    ],
)
def test_placeholder_for_an_invalid_number_is_not_reported(section: str, reasons: list[str]) -> None:
    diagnostics = diagnose(f"{DATA}[p]\n{section}\ninputs=data\ngpu=0\n")
    of_section = [d.message for d in diagnostics if d.layer == "p" and d.code == "bad-value"]
    assert len(of_section) == len(reasons)
    assert all(reason in message for message, reason in zip(of_section, reasons, strict=True))
