"""What a spec claims of its whole network, in the ``net`` line."""

from __future__ import annotations

from pathlib import Path

import pytest
from checking import diagnostics_of, only_diagnostic, valid_net
from places import SPECS

from netspec.diagnostics import SpecError, apply
from netspec.language.bases import Folder
from netspec.language.formatter import formatted
from netspec.language.variants import collect_texts
from netspec.net import load
from netspec.solve.rewriting import rewritten
from netspec.source import Source

LAYERS = """[i] input 1x8x8
[c] conv filters=4 kernel=3 neuron=relu
[b] batchnorm
[p] maxpool kernel=2 stride=2
[f] fc outputs=10"""
"""36 + 4 parameters, 4 + 4 and 360 + 10; 144 and 10 units; 36 * 36 and 36 * 10 connections."""


def test_claims_of_the_network_are_proved() -> None:
    claims = "parameters=418 weights=400 connections=1656 units=154 depth=2"
    net = valid_net(f"net n rounding=down -> {claims}\n{LAYERS}")
    assert (net.name, net.total.parameters, net.total.connections) == ("n", 418, 1656)
    assert valid_net(f"net -> parameters=0.42K connections=1.7K\n{LAYERS}").name == "net"


@pytest.mark.parametrize(
    ("claim", "message", "notes", "right"),
    [
        (
            "parameters=400",
            "n has 418 parameters, not 400",
            ("400 weights + 18 biases = 418; parameters are counted with biases",),
            "parameters=418",
        ),
        (
            "weights=418",
            "n has 400 weights, not 418",
            ("400 weights + 18 biases = 418; weights are counted without biases",),
            "weights=400",
        ),
        (
            "connections=3.31K",
            "n has 1,656 connections, not 3.31K",
            ("2 * 1,656 = 3,312; a connection is two FLOPs",),
            "connections=1.66K",
        ),
        (
            "parameters=426",
            "n has 418 parameters, not 426",
            ("Keras also counts the 8 running means and variances of batch normalisation: 426",),
            "parameters=418",
        ),
        (
            "parameters=48",
            "n has 418 parameters, not 48",
            ("without f, which has 370, it has 48",),
            "parameters=418",
        ),
        (
            "units=398",
            "n has 154 units, not 398",
            ("the units of a network are those of its convolutions and fully connected layers",),
            "units=154",
        ),
        ("depth=3", "n has a depth of 2, not 3", (), "depth=2"),
    ],
)
def test_wrong_claim_is_refuted_with_what_it_may_count(
    claim: str, message: str, notes: tuple[str, ...], right: str
) -> None:
    found = only_diagnostic(f"net n -> {claim}\n{LAYERS}")
    assert (found.code, found.message, found.notes, found.span.text) == ("claim-refuted", message, notes, claim)
    assert [(fix.title, fix.checks) for fix in found.fixes] == [(f"claim {right}", True)]


@pytest.mark.parametrize(
    ("alike", "claim", "notes"),
    [
        (3, "320", ("without f1 or f2 or f3, which has 100, it has 320",)),  # 3 * 100 + 120 = 420
        (
            3,
            "0.3K",
            ("without last, which has 120, it has 300",),
        ),  # so is 420 - 100, but the last is left out most often
        (4, "420", ()),  # 520 - 100, of one of four
        (4, "400", ("without last, which has 120, it has 400",)),
    ],
)
def test_layers_that_a_wrong_claim_may_leave_out(alike: int, claim: str, notes: tuple[str, ...]) -> None:
    layers = "".join(f"[f{number}] fc outputs=10\n" for number in range(1, alike + 1))
    found = only_diagnostic(
        f"net n -> parameters={claim}\ndefault fc bias=none neuron=relu\n[i] input 10\n{layers}[last] fc outputs=12\n"
    )
    assert found.notes == notes


def test_totals_are_left_alone_while_a_layer_is_wrong() -> None:
    found = only_diagnostic(f"net n -> parameters=1\n{LAYERS} -> 11")
    assert found.message == "f is 10, not 11"
    assert [fix.title for fix in found.fixes] == ["f outputs=11", "claim 10"]
    assert {fix.effect.rpartition("; ")[2] for fix in found.fixes} == {"1 error at the network comes to light"}


def test_layer_is_fixed_as_the_claim_of_the_network_has_it() -> None:
    """With outputs=11 there are 37 parameters more."""
    found = only_diagnostic(f"net n -> parameters=455\n{LAYERS} -> 11")
    assert [(fix.title, fix.checks) for fix in found.fixes] == [("f outputs=11", True)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("net n -> 10", "a network claims counts, parameters=61.0M, and its layers claim shapes"),
        ("net n -> flops=3312", "claim 'flops' is unknown"),
        ("net n -> dept=2", "claim 'dept' is unknown; did you mean depth?"),
        ("net n -> connections=1 656", "connections: needs a whole number"),
        ("train epochs=3 -> parameters=3", "train claims nothing: a layer may, and net for the whole network"),
        ("gpus 1 -> depth=2", "gpus claims nothing"),
        ("default conv bias=1 -> depth=2", "default claims nothing"),
        ("net n -> depth=2 depth=2", "depth is given twice"),
    ],
)
def test_what_is_no_claim_of_a_network_is_an_error(line: str, message: str) -> None:
    found = only_diagnostic(f"{line}\n{LAYERS}")
    assert found.message.startswith(message)


def test_layer_cannot_claim_a_depth() -> None:
    found = only_diagnostic(f"{LAYERS} -> depth=2")
    assert found.notes == ("a layer may state units, weights, parameters, connections",)


def test_variant_inherits_no_claim_and_may_make_its_own(tmp_path: Path) -> None:
    (tmp_path / "base.net").write_text(f"net base -> parameters=418\n{LAYERS}\n")
    variant = tmp_path / "variant.net"
    variant.write_text("net variant from=base.net -> parameters=1.5K depth=2\n[f] outputs=40\n")
    assert load(variant).total.parameters == 48 + 36 * 40 + 40
    variant.write_text("net variant from=base.net\n[f] outputs=40\n")
    assert load(variant).name == "variant"
    assert load(tmp_path / "base.net", changes=("f.outputs=40",)).total.parameters == 1528


def test_claim_of_the_network_is_formatted_behind_its_keys() -> None:
    text = "net n rounding=down->depth=2   parameters=0.42K# few\n[i] input 8\n"
    tidy = "net     n  rounding=down  -> depth=2 parameters=0.42K  # few\n[i]      input    8\n"
    assert formatted(Source("a.net", text)) == formatted(Source("a.net", tidy)) == tidy


def test_alexnet_has_what_its_paper_says() -> None:
    """Section 3.5: "60 million parameters and 650,000 neurons"; the abstract: "five convolutional layers ... and three
    fully-connected layers"."""
    text = (SPECS / "alexnet.net").read_text()
    claimed = text.replace("rounding=up  ", "rounding=up  -> parameters=60M units=0.65M depth=8  ")
    assert "60M" in claimed
    assert valid_net(claimed).total.parameters == 60_965_224
    assert diagnostics_of(claimed.replace("60M", "62M"))[0].message == "alexnet has 60,965,224 parameters, not 62M"


def test_layer_without_brackets_keeps_its_claim() -> None:
    found = only_diagnostic(f"{LAYERS}\nprob softmax -> 10")
    assert (found.code, [fix.title for fix in found.fixes]) == ("unknown-setting", ["write [prob]"])


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("net n parameters=418", "write -> parameters=418"),
        ("net n -> 0.42K params, 2 layers", "write parameters=0.42K depth=2"),
        ("net n -> layers=2", "write depth"),
        ("net n -> KFLOPs=3.31", "write connections=1.65K"),
        ("net n -> neurons=154", "write units"),
        ("net -> parameters=418 rounding=down", "write rounding=down before ->"),
        ("net -> rounding=down", "write rounding=down before ->"),
    ],
)
def test_what_is_meant_by_a_claim_of_the_network_is_clear(line: str, title: str) -> None:
    found = only_diagnostic(f"{line}\n{LAYERS}")
    assert [(fix.title, fix.checks) for fix in found.fixes] == [(title, True)]


def test_count_on_a_line_of_its_own_is_shown_its_place() -> None:
    found = only_diagnostic(f"parameters 418\n{LAYERS}")
    assert "net alexnet -> parameters=61.0M" in found.notes[0]


def test_base_behind_the_arrow_is_found(tmp_path: Path) -> None:
    (tmp_path / "base.net").write_text(f"net base\n{LAYERS}\n")
    variant = tmp_path / "variant.net"
    variant.write_text("net variant -> depth=2 from=base.net\n[f] outputs=40\n")
    with pytest.raises(SpecError) as caught:
        load(variant)
    assert [d.message for d in caught.value.diagnostics] == ["from= is a key, and keys are written before ->"]
    assert variant.read_text() != apply(caught.value.diagnostics[0].fixes[0].edits, variant.read_text())


def test_key_of_the_network_is_added_before_its_claim() -> None:
    text = "net n -> depth=1\n[i] input 1x8x8\n[c] conv filters=2 kernel=3 stride=2"
    fixes = {fix.title: fix for fix in only_diagnostic(text).fixes}
    assert apply(fixes["net rounding=up"].edits, text).startswith("net n rounding=up -> depth=1")
    assert fixes["net rounding=up"].checks
    texts = collect_texts(Source("a.net", text), Folder(), ["net.rounding=down"])
    assert rewritten(texts).source.text.startswith("net n rounding=down -> depth=1")


def test_claim_of_the_network_without_groups_takes_them_away() -> None:
    """62,378,344 parameters and 1,135,256,096 connections: of two towers they are 60,965,224 and 724,406,816."""
    text = (SPECS / "alexnet.net").read_text()
    claimed = text.replace("rounding=up  ", "rounding=up  -> parameters=62378344 connections=1.1G  ")
    for found in diagnostics_of(claimed):
        right = {"parameters=62378344": "parameters=60965224", "connections=1.1G": "connections=724M"}[found.span.text]
        assert [(fix.title, fix.checks) for fix in found.fixes] == [("gpus 1", True), (f"claim {right}", False)]


def test_claim_of_another_rounding_gets_it() -> None:
    """The map of the pooling is 3x3 with rounding=up: 4 * 9 * 10 weights of f, instead of 4 * 4 * 10."""
    layers = LAYERS.replace("1x8x8", "1x7x7")
    found = only_diagnostic(f"net n rounding=down -> parameters=418\n{layers}")
    assert [(fix.title, fix.checks) for fix in found.fixes] == [
        ("net rounding=up", True),
        ("net rounding=caffe", True),
        ("claim parameters=218", True),
    ]


@pytest.mark.parametrize(
    ("claim", "right"),
    [
        ("connections=1700", "connections=1.7K"),
        ("connections=1660", "connections=1.66K"),
        ("connections=1800", "connections=1656"),
    ],
)
def test_zeros_that_may_fill_up_a_rounded_count_are_left_out(claim: str, right: str) -> None:
    assert only_diagnostic(f"net n -> {claim}\n{LAYERS}").fixes[-1].title == f"claim {right}"


BRANCHES = """[i] input 10
[a] fc outputs=10 neuron=relu
[b] fc outputs=4 inputs=a
[s] crossentropy loss_weight=0.3
[c] fc outputs=2 inputs=a neuron=relu
[d] fc outputs=4
[t] crossentropy"""
"""110, 44, 22 and 12 parameters."""


@pytest.mark.parametrize(
    ("claim", "layers", "notes"),
    [
        ("parameters=154", BRANCHES, ("the layers that lead to s have 154",)),
        (
            "parameters=45.9K",
            "[i] input 46\n[a] fc outputs=1000",
            ("it has 47,000: 45K, if a K is 1,024 as in GoogLeNet's table 1",),
        ),
        ("parameters=144", BRANCHES, ("without b, which has 44, it has 144",)),
        (
            "parameters=48",
            f"{LAYERS}\n[g] fc outputs=2",
            ("without its fully connected layers, which have 392, it has 48",),
        ),
        (
            "parameters=426",
            LAYERS.replace("neuron=relu", "neuron=relu bias=none"),
            ("Keras's network has 4 more biases, of convolutions, and counts the 8 running means and variances: 426",),
        ),
    ],
)
def test_wrong_claim_may_count_a_part_of_the_network_or_as_keras_does(
    claim: str, layers: str, notes: tuple[str, ...]
) -> None:
    assert only_diagnostic(f"net n -> {claim}\n{layers}").notes == notes
