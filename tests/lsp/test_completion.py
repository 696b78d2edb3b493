"""Completion: the candidates at each kind of position."""

from __future__ import annotations

import pytest
from checking import spec
from editing import at_cursor, document

from netspec import layers
from netspec.keys.schedules import SCHEDULES
from netspec.lsp.completion import Candidate, complete
from netspec.net import loads
from netspec.setting_keys import SETTINGS, TRAIN

HEAD = "[image] input 3x227x227\n[conv1] conv filters=96 kernel=11 stride=4\n[pool1] maxpool kernel=3 stride=2\n"
BASE = {"base.net": HEAD}


def candidates(text: str, others: dict[str, str] | None = None) -> list[Candidate]:
    return complete(*at_cursor(HEAD + text if others is None else text, others))


def labels(text: str, others: dict[str, str] | None = None) -> list[str]:
    """The candidates' labels at the cursor; the text follows an input and two layers unless ``others`` is given."""
    return [candidate.label for candidate in candidates(text, others)]


def test_line_start_offers_settings() -> None:
    assert labels("|") == labels("tr|") == labels("|\n[a] relu") == list(SETTINGS)
    assert labels("net b from=base.net\n|", BASE) == [*SETTINGS, "drop"]


@pytest.mark.parametrize("text", ["[a] |", "[a] con|", "[a]|", "default |", "[a] |\n[b] relu"])
def test_layer_types_are_offered_after_a_name(text: str) -> None:
    assert labels(text) == list(layers.names())


def test_type_details_list_required_keys() -> None:
    assert next(c for c in candidates("[a] |") if c.label == "conv").detail == "filters= kernel="


@pytest.mark.parametrize(
    "text",
    [
        "[a] maxpool kernel=3 gpu=0 |",
        "[a] maxpool kernel=3 |gpu=0",
        "[a] maxpool kernel=3 gpu=0\n   |",
        "[a] maxpool kernel=3 # three\n # and\n\n  gpu=0 |",
        "[a] maxpool kernel=3 gpu=0 |  -> 96x3x3",
    ],
)
def test_only_keys_not_yet_given_are_offered(text: str) -> None:
    expected = {"stride", "pad", "rounding", "inputs", "neuron"} | ({"gpu"} if "|gpu" in text else set())
    assert set(labels(text)) == expected


def test_required_keys_come_first() -> None:
    assert labels("[a] conv |")[:2] == ["filters", "kernel"]


def test_key_inserts_its_equals_sign_only_if_missing() -> None:
    (first, *_) = candidates("[a] conv fil|")
    assert (first.insert, first.end - first.start) == ("filters=", 3)
    (first, *_) = candidates("[a] conv fil|ter=3")
    assert (first.insert, first.end - first.start) == ("filters", 6)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("[image] input 3x8x8\n[c] conv filters=2 kernel=3 table=|", ["0+1+2", "none"]),
        ("[image] input 3x8x8\n[c] conv filters=2 kernel=3 table=0+1,|", ["0+1+2", "none"]),
        ("[image] input 1x8x8\n[c] conv filters=2 kernel=3 table=|", ["0", "none"]),
        ("[image] input 64x8x8\n[c] conv filters=2 kernel=3 table=|", ["none"]),
        ("[image] input 3\n[c] conv filters=2 kernel=3 table=|", ["none"]),
        ("default conv table=|", ["none"]),
    ],
)
def test_connection_table_rows_match_the_input_channels(text: str, rows: list[str]) -> None:
    assert labels(text, {}) == rows
    assert [(c.kind, c.insert) for c in candidates(text, {})] == [("value", row) for row in rows]


def test_default_and_setting_lines_offer_their_keys() -> None:
    assert {"neuron", "filters"} <= set(labels("default conv init=he |"))
    assert not {"init", "inputs", "weights"} & set(labels("default conv init=he |"))
    assert labels("train epochs=3 |") == [k.name for k in TRAIN if k.name != "epochs"]
    assert labels("gpus |") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[a] conv neuron=|",
            [
                "relu",
                "relu6",
                "nrelu",
                "leakyrelu",
                "elu",
                "silu",
                "mish",
                "gelu",
                "hardswish",
                "tanh",
                "logistic",
                "hardsigmoid",
                "softrelu",
                "abs",
                "square",
                "sqrt",
                "log",
                "linear",
            ],
        ),
        ("[a] conv reads = a|", ["own", "all"]),
        ("[a] conv kernel=|", []),
        ("default conv rounding=|", ["exact", "down", "up", "caffe"]),
        ("net a rounding=|", ["exact", "down", "up", "caffe"]),
        ("test views=|", ["1", "10", "whole"]),
        ("train clip_gradients=|", ["norm", "value", "none"]),
        ("train clip_gradients=norm(|", ["max"]),
        ("augment colour=jitter(0.4),|", ["jitter", "pca", "none"]),
        ("augment colour=jitter(brightness=0.4, hue=0.1, |),pca(0.1)", ["contrast", "saturation"]),
        ("[a] conv nonsense=|", []),
        ("train schedule=|", list(SCHEDULES)),
        ("train bias_schedule=|", [word for word in SCHEDULES if word != "plateau"]),
        ("[a] conv schedule=|", [word for word in SCHEDULES if word != "plateau"]),
        ("default fc bias_schedule=jdexp(|", ["factor", "levels", "noise"]),
        ("[a] conv schedule=steps(3, |", ["factor", "freeze", "unit"]),
        ("train optimizer=|", ["sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "lars", "lamb"]),
        ("train optimizer=sgd(|", ["lr", "momentum", "weight_decay", "bias_decay", "nesterov"]),
        ("train optimizer=sgd(lr=0.1, |)", ["momentum", "weight_decay", "bias_decay", "nesterov"]),
        ("train optimizer=sgd(lr=0.1, nesterov=|)", ["yes", "no"]),
        ("train optimizer=sgd(lr=0.1, nesterov=yes, |)", ["momentum", "weight_decay", "bias_decay"]),
        ("train optimizer=adamw(eps=1e-6, |)", ["lr", "beta1", "beta2", "weight_decay", "bias_decay"]),
        (
            "train optimizer=rmsprop(lr=0.1, rho=0.9, momentum=0, eps_in_root=1, |)",
            ["eps", "start", "centered", "weight_decay", "bias_decay"],
        ),
        ("train optimizer=rmsprop(centered=|", ["yes", "no"]),
        ("train optimizer=lars(adapt=|", ["weights", "all"]),
        ("train optimizer=sgd(lr=|", []),
        ("train optimizer=sgd(lr=0.1) sched|", [k.name for k in TRAIN if k.name != "optimizer"]),
        ("[a] conv init=|", ["gaussian", "uniform", "constant", "xavier", "he", "torch", "bilinear"]),
        ("[a] fc init=|", ["gaussian", "uniform", "constant", "xavier", "he", "torch"]),
        ("[a] conv bias=|", ["none", "gaussian", "uniform", "constant", "xavier", "he", "torch"]),
        ("[a] conv init=gaussian(|", ["std", "mean"]),
        ("default fc bias=uniform(|", ["bound"]),
    ],
)
def test_values_match_the_type_of_the_key(text: str, expected: list[str]) -> None:
    assert labels(text) == expected


def test_values_with_parameters_show_ranges_and_defaults() -> None:
    gaussian, *_ = candidates("[a] conv init=|")
    assert (gaussian.insert, gaussian.detail) == ("gaussian(", "gaussian(std, mean)")
    assert gaussian.doc == "normal distribution with this standard deviation and mean"
    std, mean = candidates("[a] conv init=gaussian(|")
    assert (std.detail, mean.detail) == ("a number from 0; required", "a number; default: 0")


def test_inputs_offer_earlier_layers_nearest_first() -> None:
    assert labels("[a] sum inputs=|") == ["pool1", "conv1", "image"]
    assert labels("[a] sum inputs=conv1,|") == ["pool1", "image"]
    assert labels("[a] sum inputs=|\n[b] relu") == ["pool1", "conv1", "image"]
    assert candidates("[a] sum inputs=|")[0].detail == "maxpool 96x27x27"


def test_weights_offers_layers_of_the_same_type() -> None:
    assert labels("[a] conv filters=96 kernel=11 weights=|") == ["conv1"]


def test_variant_offers_layers_and_keys_of_its_base() -> None:
    head = "net b from=base.net\n"
    assert labels(f"{head}[|", BASE) == ["image", "conv1", "pool1"]
    assert labels(f"{head}drop |", BASE) == ["image", "conv1", "pool1"]
    assert labels(f"{head}drop conv1 |", BASE) == ["image", "pool1"]
    assert labels(f"{head}[new] relu after=|", BASE) == ["image", "conv1", "pool1"]
    assert {"filters", "stride", "after"} <= set(labels(f"{head}[conv1] |", BASE))
    assert {"filters", "stride", "after"} <= set(labels(f"{head}[conv1] kernel=9 |", BASE))


def test_from_offers_specs_in_the_folder() -> None:
    others = {"a.net": HEAD, "base.net": HEAD, "base-2.net": HEAD}
    assert labels("net b from=|", others) == ["base.net", "base-2.net"]
    assert labels("net b from=ba| rounding=up", others) == ["base.net", "base-2.net"]
    (first, _) = candidates("net b from=ba|", others)
    assert (first.kind, first.insert, first.start, first.end) == ("file", "base.net", 11, 13)
    assert labels("augment from=|", others) == []


@pytest.mark.parametrize("arrow", ["->|", "-> |", "-> 5x|", "-> | units=3"])
def test_claims_offer_the_computed_values(arrow: str) -> None:
    text = f"{HEAD}[a] conv filters=8 kernel=3 {arrow}\n[b] relu\n"
    for candidate in complete(*at_cursor(text)):
        assert candidate.insert.startswith(" ") == (arrow == "->|")
        text_without_cursor = text.replace("|", "").replace("units=3", "")
        stated = text_without_cursor[: candidate.start] + candidate.insert + text_without_cursor[candidate.end :]
        assert loads(stated).warnings == ()
    assert labels(text[len(HEAD) :])[0] == "8x25x25"


def test_claims_of_shared_weights_are_those_of_their_owner() -> None:
    text = f"{HEAD}[a] fc outputs=4\n[b] fc outputs=4\n[c] fc outputs=4 weights=b -> |\n"
    claims = [candidate.insert for candidate in complete(*at_cursor(text))]
    assert claims == ["4", "units=4", "weights=0", "parameters=4", "connections=16"]
    for claim in claims:
        loads(text.replace("|", claim))


def test_claims_of_the_network_are_its_totals() -> None:
    text = "net n -> |\n[i] input 4\n[a] fc outputs=3\n"
    claims = [candidate.insert for candidate in complete(*at_cursor(text))]
    assert claims == ["units=3", "weights=12", "parameters=15", "connections=12", "depth=1"]
    loads(text.replace("|", " ".join(claims)))
    assert complete(*at_cursor("net n -> |\n[i] input 4\n[a] fc\n")) == []


def test_numbers_of_counts_are_offered_exact_and_as_papers_print_them() -> None:
    layers_of_net = "\n[i] input 4\n[a] fc outputs=3\n[b] fc outputs=1000000\n"
    for words in ("parameters=|", "depth=2 parameters=4.0|M", "parameters=|  depth=2"):
        assert labels(f"net n -> {words}{layers_of_net}", {}) == ["4000015", "4.00M"]
        for number in ("4000015", "4.00M"):
            loads(f"net n -> parameters={number}{layers_of_net}")
    assert labels(f"net n -> depth=|{layers_of_net}", {}) == ["2"]
    assert labels(f"net n -> fuel=|{layers_of_net}", {}) == []
    assert labels("[a] conv filters=8 kernel=3 -> weights=|") == ["6912", "6.91K"]  # 8 * 96 * 9


def test_counts_that_a_claim_has_are_not_offered_again() -> None:
    layers_of_net = "\n[i] input 4\n[a] fc outputs=3\n"
    assert labels(f"net n -> units=3 | depth = 1{layers_of_net}", {}) == [
        "weights=12",
        "parameters=15",
        "connections=12",
    ]
    assert labels(f"net n -> par|=4{layers_of_net}", {}) == ["units", "weights", "parameters", "connections", "depth"]


@pytest.mark.parametrize("text", ["# |", "[a] conv # k|", "[|", "[a] conv kernel=3, |x", "[a] relu ] |", "[a] conv (|"])
def test_unclear_positions_offer_at_most_keys_and_values(text: str) -> None:
    assert [c for c in candidates(text) if c.kind not in ("key", "value")] == []


def test_candidates_anywhere_replace_the_word_at_the_cursor() -> None:
    text = spec("alexnet")
    alexnet = document(text)
    for offset in range(len(text) + 1):
        for candidate in complete(alexnet, offset):
            assert candidate.start <= offset <= candidate.end
            assert not set(text[candidate.start : candidate.end]) & set(" \n=,()#")
