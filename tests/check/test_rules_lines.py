"""The language page's sections "Lines" and "Precedence", sentence by sentence, and keys and values that are refused."""

from __future__ import annotations

import pytest
from checking import codes, diagnostics_of, only_diagnostic, ops_of, position_of, valid_net

from netspec import layers
from netspec.ir.ops import Conv, MaxPool, Relu, Tanh
from netspec.ir.rules import Sgd
from netspec.ir.schedules import Fixed

IMAGE = "[image] input 3x32x32\n"


def test_section_or_setting_continues_on_indented_lines() -> None:
    net = valid_net("train epochs=3\n  batch=7\n" + IMAGE + "[c] conv\n   filters=4\n\tkernel=3\n  -> 4x30x30")
    assert (net.graph.train.epochs, net.graph.train.batch) == (3, 7)
    assert net["c"].output == (4, 30, 30)


def test_unindented_key_is_an_error() -> None:
    found = only_diagnostic(IMAGE + "[c] conv filters=4\nkernel=3")
    assert (found.code, position_of(found)) == ("unindented-continuation", (3, 1, "kernel="))


@pytest.mark.parametrize("name", ["conv1", "Conv", "_", "a-b", "a_b-3", "train", "relu"])
def test_valid_names_are_accepted(name: str) -> None:
    assert list(valid_net(IMAGE + f"[{name}] relu").layers) == ["image", name]


@pytest.mark.parametrize("name", ["1a", "-a", "a.b", "é", "a b", ""])
def test_invalid_names_are_errors(name: str) -> None:
    assert codes(IMAGE + f"[{name}] relu") == ["syntax"]


@pytest.mark.parametrize(
    ("text", "place_of_second"),
    [
        (IMAGE + "[c] maxpool kernel=2 kernel=4", (2, 22, "kernel=4")),
        (IMAGE + "[c] relu -> units=3072 units=3072", (2, 24, "units=3072")),
        ("net rounding=up rounding=up\n" + IMAGE, (1, 17, "rounding=up")),
        ("train batch=1\n  batch=1\n" + IMAGE, (2, 3, "batch=1")),
        ("default conv bias=0 bias=0\n" + IMAGE, (1, 21, "bias=0")),
        ("default conv bias=0\ndefault conv bias=0\n" + IMAGE, (2, 14, "bias=0")),
    ],
)
def test_repeated_key_is_an_error(text: str, place_of_second: tuple[int, int, str]) -> None:
    found = only_diagnostic(text)
    assert (found.code, position_of(found)) == ("duplicate-key", place_of_second)


def test_repeated_layer_name_is_an_error() -> None:
    found = only_diagnostic(IMAGE + "[a] relu\n[a] tanh")
    assert (found.code, position_of(found)) == ("duplicate-layer", (3, 2, "a"))
    assert [(label.span.line, label.text) for label in found.labels] == [(2, "the first one")]
    assert codes(IMAGE + IMAGE) == ["duplicate-layer"]
    assert codes(IMAGE + "[a] conv filters=2 kernel=3\n[a] stride=1\n") == ["duplicate-layer"]  # and not missing-type
    assert codes(IMAGE + "[a] relu\n[b] stride=1\n") == ["missing-type"]


@pytest.mark.parametrize("setting", ["net", "train", "augment", "test", "gpus 1"])
def test_repeated_setting_is_an_error(setting: str) -> None:
    found = only_diagnostic(f"{setting}\n{setting}\n{IMAGE}")
    assert (found.code, found.span.line) == ("duplicate-setting", 2)


def test_input_is_the_layer_above_without_inputs_key() -> None:
    net = valid_net(IMAGE + "[a] relu\n[b] tanh\n[c] abs inputs=a\n[d] square\n[e] sum inputs=b,d,image")
    read = {name: layer.inputs for name, layer in net.graph.layers.items()}
    assert read == {"image": (), "a": ("image",), "b": ("a",), "c": ("a",), "d": ("c",), "e": ("b", "d", "image")}


# Precedence: layer key, then default of its type (wherever the line stands), then net, then the type's own default.


def rounding_of(text: str) -> str:
    (op,) = ops_of(text, "p")
    assert isinstance(op, MaxPool)
    return op.window.rounding


def test_default_of_the_type_comes_last() -> None:
    assert rounding_of(IMAGE + "[p] maxpool kernel=2") == "exact"


def test_net_line_precedes_the_default_of_the_type() -> None:
    assert rounding_of("net rounding=down\n" + IMAGE + "[p] maxpool kernel=2") == "down"


def test_default_line_precedes_the_net_line() -> None:
    assert rounding_of("default maxpool rounding=up\nnet rounding=down\n" + IMAGE + "[p] maxpool kernel=2") == "up"
    assert rounding_of("default avgpool rounding=up\nnet rounding=down\n" + IMAGE + "[p] maxpool kernel=2") == "down"


def test_key_of_the_layer_comes_first() -> None:
    text = "default maxpool rounding=up\nnet rounding=down\n" + IMAGE + "[p] maxpool kernel=2 rounding=caffe"
    assert rounding_of(text) == "caffe"


def test_default_line_applies_anywhere_in_the_file() -> None:
    text = (
        "default conv neuron=tanh\n"
        + IMAGE
        + "[c] conv filters=2\ndefault conv kernel=5\n[d] conv filters=2 neuron=relu"
    )
    net = valid_net(text + "\ndefault conv pad=2")
    assert (net["c"].output, net["d"].output) == ((2, 32, 32), (2, 32, 32))
    assert isinstance(ops_of(text, "c")[-1], Tanh)
    assert isinstance(ops_of(text, "d")[-1], Relu)


def test_default_line_can_give_required_keys() -> None:
    (op,) = ops_of("default conv filters=2 kernel=3\n" + IMAGE + "[c] conv", "c")
    assert isinstance(op, Conv) and (op.filters, op.window.kernel) == (2, (3, 3))


# No unknown key is accepted anywhere.


@pytest.mark.parametrize("word", layers.names())
def test_unknown_key_of_a_layer_type_is_an_error(word: str) -> None:
    found = [d for d in diagnostics_of(IMAGE + f"[x] {word} bogus=1") if d.code == "unknown-key"]
    assert [position_of(d)[2] for d in found] == ["bogus"]


@pytest.mark.parametrize(
    "text",
    [
        "net bogus=1",
        "gpus 1 bogus=1",
        "default conv bogus=1",
        "train bogus=1",
        "augment bogus=1",
        "test bogus=1",
        "[c] relu -> 3x32x32 bogus=1",
        "train optimizer=sgd(bogus=1)",
        "train schedule=step(every=3, bogus=1)",
        "train schedule=steps(3, bogus=1)",
        "train schedule=constant(bogus=1)",
        "train schedule=plateau(bogus=1)",
        "train schedule=exponential(0.1, bogus=1)",
        "augment colour=pca(0.1, bogus=1)",
        "[c] conv filters=2 kernel=3 init=gaussian(0.1, bogus=1)",
        "[c] conv filters=2 kernel=3 init=he(bogus=1)",
        "[c] conv filters=2 kernel=3 bias=constant(1, bogus=1)",
        "[c] relu\n[d] conv filters=2 kernel=3 neuron=tanh(bogus=1)",
        "[c] conv filters=2 kernel=3 neuron=relu(bogus=1)",
    ],
)
def test_unknown_key_of_a_statement_or_call_is_an_error(text: str) -> None:
    found = only_diagnostic(IMAGE + text)
    assert found.code in ("unknown-key", "bad-value")
    assert found.span.text == "bogus"


@pytest.mark.parametrize(
    "text",
    [
        "net a b",
        "net 3",
        "gpus 1 2",
        "default conv 3",
        "train 3",
        "augment relu",
        "test 10",
        "[c] relu 3",
        "[c] conv 64 filters=2 kernel=3",
        "[i] input 3x3x3 4",
        "[c] relu -> 3x32x32 3x32x32",
    ],
)
def test_stray_value_is_an_error(text: str) -> None:
    text = text if "input" in text else IMAGE + text
    assert codes(text) == ["stray-value"]


@pytest.mark.parametrize(
    "text",
    [
        "train schedule=constant(1)",
        "augment colour=pca(0.1, 2)",
        "[c] conv filters=2 kernel=3 init=he(3)",
        "[c] conv filters=2 kernel=3 neuron=relu(1)",
        "train optimizer=sgd(0.1,0.9,0,0,1)",
        "augment colour=none(1)",
        "[c] conv filters=2 kernel=3 bias=none(1)",
        "[c] maxpool kernel=global(2)",
        "net rounding=up(3)",
    ],
)
def test_too_many_values_in_a_call_are_an_error(text: str) -> None:
    assert codes(IMAGE + text) == ["bad-value"]


def test_settings_have_defaults() -> None:
    graph = valid_net(IMAGE + "[c] relu").graph
    assert (graph.name, graph.groups) == ("net", 1)
    train = graph.train
    assert (train.epochs, train.batch, train.lr, train.rule) == (10, 128, 0.01, Sgd(0.9))
    assert (train.weight_decay, train.bias_decay, train.schedule) == (0.0, 0.0, Fixed())
    assert (graph.augment.crop, graph.augment.resize, graph.augment.flip, graph.augment.colour) == (
        None,
        None,
        "none",
        0.0,
    )
    assert graph.test.views == 1
    assert (graph.preprocessing.range, graph.preprocessing.mean, graph.preprocessing.order) == (1, "none", "rgb")


# What a file must contain.


def test_empty_spec_is_an_error() -> None:
    for text in ("", "# nothing\n", "net a\n"):
        assert codes(text) == ["empty-spec"]


def test_missing_or_second_input_is_an_error() -> None:
    assert codes("[c] relu\n[d] relu") == ["no-input"]
    found = only_diagnostic(IMAGE + "[other] input 3x3x3\n[c] relu")
    assert (found.code, found.span.line, found.message) == ("several-inputs", 2, "other is a second input")
    assert found.fixes == ()


def test_fix_removes_an_unread_second_input() -> None:
    found = only_diagnostic(IMAGE + "[other] input 3x3x3\n[c] relu inputs=image")
    assert (found.code, found.message) == ("several-inputs", "other is a second input, and nothing reads it")
    (fix,) = found.fixes
    (edit,) = fix.edits
    assert (fix.title, edit.span.text, edit.text) == ("remove other", "[other] input 3x3x3", "")


def test_input_must_come_first() -> None:
    found = only_diagnostic("[a] relu\n[b] tanh\n[image] input 3x3x3")
    assert (found.code, position_of(found)) == ("wrong-inputs", (1, 2, "a"))
    assert [(label.span.line, label.text) for label in found.labels] == [(3, "the input, image: it stands first")]
    assert codes("[a] relu inputs=image\n[image] input 3x3x3") == ["reads-later-layer"]


def test_reading_a_later_layer_is_an_error() -> None:
    found = only_diagnostic(IMAGE + "[a] relu inputs=b\n[b] relu inputs=image")
    assert (found.code, position_of(found)) == ("reads-later-layer", (2, 17, "b"))


def test_cycle_is_reported_once_with_its_path() -> None:
    found = only_diagnostic(IMAGE + "[a] sum inputs=c,image\n[b] relu inputs=a\n[c] relu inputs=b")
    assert (found.code, found.notes) == ("cycle", ("it reads a -> c -> b -> a",))
    assert only_diagnostic(IMAGE + "[a] relu inputs=a").notes == ("it reads a -> a",)
    assert only_diagnostic(IMAGE + "[a] relu inputs=b\n[b] relu").notes == ("it reads a -> b -> a",)


def test_path_of_a_long_cycle_is_shortened() -> None:
    text = IMAGE + "".join(f"[a{i}] relu inputs=a{i + 1}\n" for i in range(100)) + "[a100] relu inputs=a0"
    found = only_diagnostic(text)
    assert found.notes == ("it reads a0 -> a1 -> a2 -> a3 -> a4 -> a5 -> a6 -> a7 -> ... -> a0",)


def test_layer_can_have_several_readers_and_inputs() -> None:
    net = valid_net(IMAGE + "[a] relu\n[b] tanh inputs=a\n[c] abs inputs=a\n[d] concat inputs=a,b,c,a -> 12x32x32")
    assert net["d"].output == (12, 32, 32)


@pytest.mark.parametrize(
    ("line", "has"), [("relu inputs=image,image", 2), ("sum inputs=image", 1), ("max inputs=image", 1)]
)
def test_wrong_number_of_inputs_is_an_error(line: str, has: int) -> None:
    found = only_diagnostic(IMAGE + f"[c] {line}")
    assert found.code == "wrong-inputs"
    assert f"c reads {has} layer" in found.message


def test_input_layer_has_no_inputs_key() -> None:
    assert codes(IMAGE + "[c] relu\n[d] input 3x3x3 inputs=c")[0] in ("several-inputs", "unknown-key")
    assert "unknown-key" in codes("[d] input 3x3x3 inputs=c\n[c] relu")


def test_unread_layer_gives_a_warning() -> None:
    net = valid_net(IMAGE + "[a] relu\n[b] tanh inputs=image\n[c] fc outputs=3 inputs=image\n[l] crossentropy")
    assert [(w.code, w.layer, w.severity) for w in net.warnings] == [
        ("unread-layer", "a", "warning"),
        ("unread-layer", "b", "warning"),
    ]


def test_loss_cannot_be_read() -> None:
    text = IMAGE + "[f] fc outputs=3\n[l] crossentropy\n[p] softmax inputs=f"
    assert valid_net(text).warnings == ()
    found = only_diagnostic(text + "\n[x] relu inputs=l")
    assert (found.code, position_of(found)[2]) == ("reads-loss", "inputs=l")


def test_value_over_several_lines_is_shown_without_comments() -> None:
    found = only_diagnostic(IMAGE + "[a] conv filters=2 kernel=3,  # rows\n    5  # columns\n")
    assert found.message.endswith("not '3, 5'")
