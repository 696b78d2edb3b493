"""What may be written where."""

from __future__ import annotations

import pytest
from checking import spec
from editing import at_cursor, document

from netspec import layers
from netspec.keys.schedules import SCHEDULES
from netspec.lsp.completion import Candidate, complete
from netspec.net import loads
from netspec.setting_keys import ABOUT, SETTINGS

HEAD = "[image] input 3x227x227\n[conv1] conv filters=96 kernel=11 stride=4\n[pool1] maxpool kernel=3 stride=2\n"
BASE = {"base.net": HEAD}


def candidates(text: str, others: dict[str, str] | None = None) -> list[Candidate]:
    return complete(*at_cursor(HEAD + text if others is None else text, others))


def labels(text: str, others: dict[str, str] | None = None) -> list[str]:
    """What is offered at the cursor, behind two layers and an input."""
    return [candidate.label for candidate in candidates(text, others)]


def test_a_line_begins_with_a_setting() -> None:
    assert labels("|") == labels("tr|") == labels("|\n[a] relu") == list(ABOUT)
    assert labels("net b from=base.net\n|", BASE) == [*ABOUT, "drop"]


@pytest.mark.parametrize("text", ["[a] |", "[a] con|", "[a]|", "default |", "[a] |\n[b] relu"])
def test_behind_a_name_stands_a_type(text: str) -> None:
    assert labels(text) == list(layers.names())


def test_a_type_says_what_it_cannot_do_without() -> None:
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
def test_keys_are_those_of_the_type_that_are_not_given(text: str) -> None:
    expected = {"stride", "pad", "rounding", "inputs", "neuron"} | ({"gpu"} if "|gpu" in text else set())
    assert set(labels(text)) == expected


def test_keys_that_must_be_given_come_first() -> None:
    assert labels("[a] conv |")[:2] == ["filters", "kernel"]


def test_a_key_is_written_with_its_equals_sign_once() -> None:
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
def test_a_connection_tables_row_has_the_channels_that_there_are(text: str, rows: list[str]) -> None:
    assert labels(text, {}) == rows


def test_defaults_and_settings_have_their_keys() -> None:
    assert {"neuron", "filters"} <= set(labels("default conv init=he |"))
    assert not {"init", "inputs", "weights"} & set(labels("default conv init=he |"))
    assert labels("train epochs=3 |") == [k.name for k in SETTINGS["train"] if k.name != "epochs"]
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
                "tanh",
                "logistic",
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
        ("test views=|", ["1", "10"]),
        ("[a] conv nonsense=|", []),
        ("train schedule=|", list(SCHEDULES)),
        ("train bias_schedule=|", [word for word in SCHEDULES if word != "plateau"]),
        ("[a] conv schedule=|", [word for word in SCHEDULES if word != "plateau"]),
        ("default fc bias_schedule=jdexp(|", ["factor", "levels", "noise"]),
        ("[a] conv schedule=steps(3, |", ["factor", "freeze"]),
        ("train optimizer=sgd(|", ["lr", "momentum", "weight_decay", "bias_decay"]),
        ("train optimizer=sgd(lr=0.1, |)", ["momentum", "weight_decay", "bias_decay"]),
        ("train optimizer=sgd(lr=|", []),
        ("train optimizer=sgd(lr=0.1) sched|", [k.name for k in SETTINGS["train"] if k.name != "optimizer"]),
        ("[a] conv init=|", ["gaussian", "uniform", "constant", "xavier", "he", "torch"]),
        ("[a] conv bias=|", ["none", "gaussian", "uniform", "constant", "xavier", "he", "torch"]),
        ("[a] conv init=gaussian(|", ["std", "mean"]),
        ("default fc bias=uniform(|", ["bound"]),
    ],
)
def test_values_are_the_words_of_the_keys_kind(text: str, expected: list[str]) -> None:
    assert labels(text) == expected


def test_words_with_numbers_show_them_and_their_defaults() -> None:
    gaussian, *_ = candidates("[a] conv init=|")
    assert (gaussian.insert, gaussian.detail) == ("gaussian(", "gaussian(std, mean)")
    assert gaussian.doc == "normal with standard deviation std around mean"
    std, mean = candidates("[a] conv init=gaussian(|")
    assert (std.detail, mean.detail) == ("a number from 0; required", "a number; default: 0")


def test_layers_above_are_offered_the_nearest_first() -> None:
    assert labels("[a] sum inputs=|") == ["pool1", "conv1", "image"]
    assert labels("[a] sum inputs=conv1,|") == ["pool1", "image"]
    assert labels("[a] sum inputs=|\n[b] relu") == ["pool1", "conv1", "image"]
    assert candidates("[a] sum inputs=|")[0].detail == "maxpool 96x27x27"


def test_shared_weights_come_from_layers_of_the_type() -> None:
    assert labels("[a] conv filters=96 kernel=11 weights=|") == ["conv1"]


def test_a_variant_changes_drops_and_inserts_layers_of_its_base() -> None:
    head = "net b from=base.net\n"
    assert labels(f"{head}[|", BASE) == ["image", "conv1", "pool1"]
    assert labels(f"{head}drop |", BASE) == ["image", "conv1", "pool1"]
    assert labels(f"{head}drop conv1 |", BASE) == ["image", "pool1"]
    assert labels(f"{head}[new] relu after=|", BASE) == ["image", "conv1", "pool1"]
    assert {"filters", "stride", "after"} <= set(labels(f"{head}[conv1] |", BASE))
    assert {"filters", "stride", "after"} <= set(labels(f"{head}[conv1] kernel=9 |", BASE))


def test_a_variant_starts_from_a_spec_of_the_folder() -> None:
    others = {"a.net": HEAD, "base.net": HEAD, "base-2.net": HEAD}
    assert labels("net b from=|", others) == ["base.net", "base-2.net"]
    assert labels("net b from=ba| rounding=up", others) == ["base.net", "base-2.net"]
    (first, _) = candidates("net b from=ba|", others)
    assert (first.kind, first.insert, first.start, first.end) == ("file", "base.net", 11, 13)
    assert labels("augment from=|", others) == []


@pytest.mark.parametrize("arrow", ["->|", "-> |", "-> 5x|", "-> | units=3"])
def test_behind_an_arrow_stands_what_is_true(arrow: str) -> None:
    text = f"{HEAD}[a] conv filters=8 kernel=3 {arrow}\n[b] relu\n"
    for candidate in complete(*at_cursor(text)):
        assert candidate.insert.startswith(" ") == (arrow == "->|")
        bare = text.replace("|", "").replace("units=3", "")
        stated = bare[: candidate.start] + candidate.insert + bare[candidate.end :]
        assert loads(stated).warnings == ()
    assert labels(text[len(HEAD) :])[0] == "8x25x25"


@pytest.mark.parametrize("text", ["# |", "[a] conv # k|", "[|", "[a] conv kernel=3, |x", "[a] relu ] |", "[a] conv (|"])
def test_where_nothing_is_known_nothing_or_little_is_offered(text: str) -> None:
    assert [c for c in candidates(text) if c.kind not in ("key", "value")] == []


def test_every_place_of_a_spec_has_an_answer_and_replaces_the_word_there() -> None:
    text = spec("alexnet")
    whole = document(text)
    for place in range(len(text) + 1):
        for candidate in complete(whole, place):
            assert candidate.start <= place <= candidate.end
            assert not set(text[candidate.start : candidate.end]) & set(" \n=,()#")
