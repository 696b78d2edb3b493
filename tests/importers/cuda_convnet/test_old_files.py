"""Files from before 2012: without ``gpu=``, with the scale and power of norms in the layer file, and from DOS."""

from __future__ import annotations

import pytest
from layerfiles import PARAMS, RATES, conv, diagnose, load, locations, merged_spec, net

from netspec.ir.ops import Dropout
from netspec.ir.shape import Shape
from netspec.opening import decode, is_layer_file
from netspec.source import Source

SCALE_AND_POW = "scale=0.00005\npow=.5\n"
NORM = f"[n]\ntype=rnorm\ninputs=c\nchannels=16\nsizeX=3\n{SCALE_AND_POW}"


BASE = net(conv("c", "data", 3), "c")
PARAMETERS = load(BASE).total.parameters


def old_file(norm: str = NORM) -> str:
    """A layer file with a convolution and a norm, without ``gpu=``."""
    return net(conv("c", "data", 3) + norm, "n").replace("gpu=0\n", "")


PARAMETER_FILE = f"[c]\n{RATES}[out]\n{RATES}[logprob]\ncoeff=1\n"


def norm_line(text: str, params: str | None = None) -> str:
    """The norm's line in the spec, without its name."""
    (line,) = [line for line in merged_spec(text, params).splitlines() if line.startswith("[n]")]
    return " ".join(line.split()[1:])


def test_scale_and_pow_of_the_layer_file_are_used_without_a_parameter_file() -> None:
    assert norm_line(old_file()) == "rnorm size=3 k=1 scale=5e-5 beta=0.5"
    warnings = [d for d in diagnose(old_file()) if d.span.line > 1]
    assert [(d.code, d.span.text) for d in warnings] == [("cfg-old-habit", "3"), ("cfg-old-habit", "0.00005")]


def test_scale_and_pow_must_move_to_a_given_parameter_file() -> None:
    (error,) = [d for d in diagnose(old_file(), PARAMETER_FILE) if d.severity == "error"]
    assert (error.code, error.span.text) == ("cfg-no-section", "[n]")
    assert error.notes == (
        "scale=0.00005 and pow=.5 are in the layer file, where old programs read them; move them to such a section",
    )
    assert (
        norm_line(old_file().replace(SCALE_AND_POW, ""), PARAMETER_FILE + "[n]\n" + SCALE_AND_POW)
        == "rnorm size=3 k=1 scale=5e-5 beta=0.5"
    )


def test_scale_and_pow_of_the_parameter_file_take_precedence() -> None:
    params = PARAMETER_FILE + "[n]\nscale=0.001\npow=0.75\n"
    assert norm_line(old_file(), params) == "rnorm size=3 k=1 scale=0.001 beta=0.75"
    (warning,) = [d for d in diagnose(old_file(), params) if d.code == "cfg-ignored-key"]
    assert warning.message == (
        "n: scale and pow are ignored here, since the parameter file has a section of the same name"
    )


def test_scale_without_pow_is_ignored() -> None:
    diagnostics = diagnose(old_file(NORM.replace("pow=.5\n", "")), PARAMETER_FILE)
    assert {("cfg-no-section", "[n]"), ("cfg-ignored-key", "scale")} <= {(d.code, d.span.text) for d in diagnostics}


def test_invalid_pow_is_reported_at_its_value() -> None:
    diagnostics = diagnose(old_file(NORM.replace(".5", "half")))
    assert [(d.code, d.span.text) for d in diagnostics if d.severity == "error"] == [("bad-value", "half")]


def test_files_with_gpu_keys_only_use_the_parameter_file() -> None:
    text = old_file().replace("type=fc\n", "type=fc\ngpu=0\n").replace("type=conv\n", "type=conv\ngpu=0\n")
    text = text.replace("type=cost.logreg\n", "type=cost.logreg\ngpu=0\n")
    assert [d.code for d in diagnose(text, PARAMETER_FILE) if d.severity == "error"] == ["cfg-no-section"]
    (warning,) = [d for d in diagnose(text) if d.span.text == "scale"]
    assert (warning.code, warning.notes) == (
        "cfg-ignored-key",
        ("scale is read in the parameter file, not in this one",),
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("crossMap=1", "lrn size=3 k=1 scale=5e-5 beta=0.5"),
        ("crossmap=true", "lrn size=3 k=1 scale=5e-5 beta=0.5"),
        ("crossMap=0", "rnorm size=3 k=1 scale=5e-5 beta=0.5"),
    ],
)
def test_rnorm_with_cross_map_is_read_as_cmrnorm(key: str, expected: str) -> None:
    text = old_file(NORM.replace("sizeX", "size") + key + "\n")
    assert norm_line(text) == expected
    habits = [d.message for d in diagnose(text) if d.code == "cfg-old-habit" and "crossMap" in d.message]
    assert habits == ["n: rnorm with crossMap is read as cmrnorm, its present name"] * expected.startswith("lrn")


def dropping(neuron: str) -> str:
    """The lines of a layer with this neuron and with ``dropout=``, the key of a fork, without its number of outputs."""
    fc = f"[f]\ntype=fc\ninputs=data\noutputs=4\ninitW=0.1\nneuron={neuron}\n"
    params = f"[f]\n{RATES}dropout=0.4\n[out]\n{RATES}dropout=0\n[logprob]\ncoeff=1\n"
    text = net(fc, "f").replace("gpu=0\n", "")
    (warning,) = [d for d in diagnose(text, params) if d.span.source.name == "params.cfg"]
    assert (warning.code, warning.span.text) == ("cfg-old-habit", "0.4")
    lines = [line for line in merged_spec(text, params).splitlines() if line.startswith("[f")]
    return " / ".join(" ".join(line.split()) for line in lines)


def test_dropout_of_a_fork_is_a_layer_before_the_neuron() -> None:
    drop = "[f-dropout] dropout rate=0.4 scaling=test"
    assert dropping("logistic") == f"[f] fc outputs=4 init=gaussian(0.1) / {drop} neuron=logistic"
    assert dropping("ident") == f"[f] fc outputs=4 init=gaussian(0.1) / {drop}"
    assert dropping("relu") == f"[f] fc outputs=4 init=gaussian(0.1) neuron=relu / {drop}"


def test_version_2_ignores_keep_in_the_layer_file() -> None:
    text = net(conv("c", "data", 3) + "[d]\ntype=dropout2\ninputs=c\nkeep=0.9\nenable=0\n", "d")
    (node,) = [n for n in load(text).graph.nodes.values() if n.layer == "d"]
    assert node.op == Dropout(0.5, scaling="test")
    for key in ("keep", "enable"):
        (warning,) = [d for d in diagnose(text) if d.span.text == key]
        assert (warning.code, warning.notes) == (
            "cfg-ignored-key",
            (f"{key} is read in the parameter file, not in this one",),
        )


def test_keys_that_a_version_refuses_decide_the_version() -> None:
    """A file of version 2 with coefficients of sums, which version 2 reads in the parameter file."""
    sums = "".join(f"[s{i}]\ntype=eltsum\ninputs=c,c\ncoeffs=1,2\n" for i in range(3))
    text = net(conv("c", "data", 3) + sums, "s0,s1,s2").replace("partialSum=0\n", "")
    network = load(text)
    assert locations(network.warnings) == [("cfg-ignored-key", 22, "coeffs")]


def test_ignored_keys_decide_the_version_without_other_evidence() -> None:
    sums = "[s]\ntype=eltsum\ninputs=f,f\ncoeffs=1,2\n"
    text = net("[f]\ntype=fc\ninputs=data\noutputs=5\ninitW=0.1\ngpu=0\n" + sums, "s")
    assert load(text).warnings == ()


def test_suggested_layer_has_no_section_of_its_own() -> None:
    text = net(conv("conv1", "data", 3) + conv("conv2", "conv1", 16), "conv2")
    always = {"conv1": RATES, "conv3": RATES, "out": RATES, "logprob": PARAMS["logprob"]}
    for more, hint in ((("conv2",), ""), ((), "; did you mean conv2?")):
        sections = always | dict.fromkeys(more, RATES)
        diagnostics = diagnose(text, "".join(f"[{name}]\n{keys}" for name, keys in sections.items()))
        (unmatched,) = [d for d in diagnostics if d.code == "cfg-unmatched-section"]
        assert unmatched.message == f"there is no layer conv3{hint}"


def test_key_ignored_in_both_files_is_reported_for_each() -> None:
    text = net(conv("c", "data", 3, more="actWidth=5"), "c")
    params = f"[c]\n{RATES}actWidth=2\n[out]\n{RATES}actWidth=2\n[logprob]\ncoeff=1\n"
    warnings = load(text, params).warnings
    assert [(d.span.source.name, d.notes) for d in warnings] == [
        ("net.cfg", ()),
        ("params.cfg", ("the same in 1 other section: out",)),
    ]


def test_padding_of_a_pool_is_explained() -> None:
    pool = "[p]\ntype=pool\npool=max\ninputs=c\nchannels=16\nsizeX=3\nstride=2\nstart=-1\npadding=1\n"
    (warning,) = load(net(conv("c", "data", 3) + pool, "p")).warnings
    assert (warning.code, warning.span.text) == ("cfg-ignored-key", "padding")
    assert warning.notes == (
        "it is a key of convolutions; a pool with a negative start= begins that many pixels before its image",
    )


def test_old_number_of_filters_is_that_of_all_groups() -> None:
    second = conv("d", "c", 16, more="groups=2\nnumFilters=32").replace("\nfilters=16", "")
    network = load(net(conv("c", "data", 3) + second, "d"))
    assert (network["d"].output, network["d"].weights) == (Shape(32, 8, 8), 8 * 9 * 32)
    wrong = diagnose(net(conv("c", "data", 3) + second.replace("=32", "=16"), "d"))
    (message,) = [d.message for d in wrong if d.severity == "error"]
    assert message == "d: filters is 16 in 2 groups, which 32 does not divide"


@pytest.mark.parametrize("new", ["filters=16,", "filters=,16", "filters=16,,16", "inputs=data, ", "initW=0.02,"])
def test_comma_too_many_is_explained(new: str) -> None:
    key = new.partition("=")[0]
    line = next(line for line in BASE.splitlines() if line.startswith(f"{key}="))
    error = next(d for d in diagnose(BASE.replace(line, new, 1)) if d.severity == "error")
    assert "an entry of this list is empty: there is a comma too many" in error.notes


def test_files_of_dos_are_read() -> None:
    data = BASE.replace("[c]", "# größer\n[c]").replace("\n", "\r\n").encode("latin-1") + b"\x1a"
    source = decode(data, "LAYERS.CFG")
    assert is_layer_file(source) and load(source.text).total.parameters == PARAMETERS
    assert decode(b"net a\r\n\x1a", "A.NET").text == "net a\r\n"
    assert not is_layer_file(Source("A.NET", BASE))
