"""Files of the first years: without ``gpu=``, and with the numbers of normalisations beside their sizes."""

from __future__ import annotations

import pytest
from layerfiles import PARAMS, RATES, conv, load, net, readable, said, told

from netspec.ir.ops import Dropout

OLD = "scale=0.00005\npow=.5\n"
NORM = f"[n]\ntype=rnorm\ninputs=c\nchannels=16\nsizeX=3\n{OLD}"


def old(norm: str = NORM) -> str:
    """A convolution and a normalisation, of before there were several GPUs."""
    return net(conv("c", "data", 3) + norm, "n").replace("gpu=0\n", "")


GIVEN = f"[c]\n{RATES}[out]\n{RATES}[logprob]\ncoeff=1\n"


def line_of(text: str, given: str | None = None) -> str:
    """The normalisation's line of the spec, without its name."""
    (line,) = [line for line in readable(text, given).splitlines() if line.startswith("[n]")]
    return " ".join(line.split()[1:])


def test_without_a_parameter_file_scale_and_power_are_those_of_the_layer_file() -> None:
    assert line_of(old()) == "rnorm size=3 k=1 scale=5e-5 beta=0.5"
    found = [d for d in said(old()) if d.span.line > 1]
    assert [(d.code, d.span.text) for d in found] == [("cfg-old-habit", "3"), ("cfg-old-habit", "0.00005")]


def test_with_one_they_are_moved_there() -> None:
    (found,) = [d for d in said(old(), GIVEN) if d.severity == "error"]
    assert (found.code, found.span.text) == ("cfg-no-section", "[n]")
    assert found.notes == (
        "scale=0.00005 and pow=.5 stand in the layer file, where old programs read them; "
        "they belong into such a section",
    )
    assert line_of(old().replace(OLD, ""), GIVEN + "[n]\n" + OLD) == "rnorm size=3 k=1 scale=5e-5 beta=0.5"


def test_those_of_the_parameter_file_come_first() -> None:
    given = GIVEN + "[n]\nscale=0.001\npow=0.75\n"
    assert line_of(old(), given) == "rnorm size=3 k=1 scale=0.001 beta=0.75"
    (found,) = [d for d in said(old(), given) if d.code == "cfg-ignored-key"]
    assert found.message == (
        "n: scale and pow are ignored here, since the parameter file has a section of the same name"
    )


def test_one_number_alone_does_not_do() -> None:
    found = said(old(NORM.replace("pow=.5\n", "")), GIVEN)
    assert {("cfg-no-section", "[n]"), ("cfg-ignored-key", "scale")} <= {(d.code, d.span.text) for d in found}


def test_a_number_that_is_none_is_told_at_its_place() -> None:
    found = said(old(NORM.replace(".5", "half")))
    assert [(d.code, d.span.text) for d in found if d.severity == "error"] == [("bad-value", "half")]


def test_files_of_several_gpus_have_them_in_the_parameter_file_alone() -> None:
    text = old().replace("type=fc\n", "type=fc\ngpu=0\n").replace("type=conv\n", "type=conv\ngpu=0\n")
    text = text.replace("type=cost.logreg\n", "type=cost.logreg\ngpu=0\n")
    assert [d.code for d in said(text, GIVEN) if d.severity == "error"] == ["cfg-no-section"]
    (found,) = [d for d in said(text) if d.span.text == "scale"]
    assert (found.code, found.notes) == ("cfg-ignored-key", ("scale is read in the parameter file, not in this one",))


@pytest.mark.parametrize(
    ("said_so", "made"),
    [
        ("crossMap=1", "lrn size=3 k=1 scale=5e-5 beta=0.5"),
        ("crossmap=true", "lrn size=3 k=1 scale=5e-5 beta=0.5"),
        ("crossMap=0", "rnorm size=3 k=1 scale=5e-5 beta=0.5"),
    ],
)
def test_a_normalisation_across_maps_before_it_had_a_type(said_so: str, made: str) -> None:
    text = old(NORM.replace("sizeX", "size") + said_so + "\n")
    assert line_of(text) == made
    habits = [d.message for d in said(text) if d.code == "cfg-old-habit" and "crossMap" in d.message]
    assert habits == ["n: rnorm with crossMap is taken for cmrnorm, as it is called now"] * made.startswith("lrn")


def test_version_2_reads_the_part_that_dropout_keeps_in_the_parameter_file_alone() -> None:
    text = net(conv("c", "data", 3) + "[d]\ntype=dropout2\ninputs=c\nkeep=0.9\nenable=0\n", "d")
    (node,) = [n for n in load(text).graph.nodes.values() if n.layer == "d"]
    assert node.op == Dropout(0.5, scaling="test")
    for key in ("keep", "enable"):
        (found,) = [d for d in said(text) if d.span.text == key]
        assert (found.code, found.notes) == (
            "cfg-ignored-key",
            (f"{key} is read in the parameter file, not in this one",),
        )


def test_keys_that_one_version_passes_over_do_not_outvote_those_that_it_refuses() -> None:
    """Sums with coefficients, which version 2 has in the parameter file, in a file of version 2."""
    sums = "".join(f"[s{i}]\ntype=eltsum\ninputs=c,c\ncoeffs=1,2\n" for i in range(3))
    text = net(conv("c", "data", 3) + sums, "s0,s1,s2").replace("partialSum=0\n", "")
    found = load(text)
    assert told(found.warnings) == [("cfg-ignored-key", 21, "coeffs")]


def test_without_a_convolution_such_keys_tell_the_version() -> None:
    sums = "[s]\ntype=eltsum\ninputs=f,f\ncoeffs=1,2\n"
    text = net("[f]\ntype=fc\ninputs=data\noutputs=5\ninitW=0.1\ngpu=0\n" + sums, "s")
    assert load(text).warnings == ()


def test_a_section_that_is_no_layers_is_not_taken_for_one_that_has_its_own() -> None:
    text = net(conv("conv1", "data", 3) + conv("conv2", "conv1", 16), "conv2")
    given = {"conv1": RATES, "conv3": RATES, "out": RATES, "logprob": PARAMS["logprob"]}
    for more, hint in ((("conv2",), ""), ((), "; did you mean conv2?")):
        sections = given | dict.fromkeys(more, RATES)
        found = said(text, "".join(f"[{name}]\n{keys}" for name, keys in sections.items()))
        (unmatched,) = [d for d in found if d.code == "cfg-unmatched-section"]
        assert unmatched.message == f"there is no layer conv3{hint}"


def test_the_same_key_in_both_files_is_told_of_each() -> None:
    text = net(conv("c", "data", 3, more="actWidth=5"), "c")
    given = f"[c]\n{RATES}actWidth=2\n[out]\n{RATES}actWidth=2\n[logprob]\ncoeff=1\n"
    found = load(text, given).warnings
    assert [(d.span.source.name, d.notes) for d in found] == [
        ("net.cfg", ()),
        ("params.cfg", ("the same in 1 other section: out",)),
    ]


def test_of_padding_of_a_pool_it_is_told_what_does_so() -> None:
    pool = "[p]\ntype=pool\npool=max\ninputs=c\nchannels=16\nsizeX=3\nstride=2\nstart=-1\npadding=1\n"
    (found,) = load(net(conv("c", "data", 3) + pool, "p")).warnings
    assert (found.code, found.span.text) == ("cfg-ignored-key", "padding")
    assert found.notes == (
        "convolutions have it; a pool whose start= is below 0 begins so many pixels before its image",
    )
