"""The reference pages that are generated from the definitions of words."""

from __future__ import annotations

import pytest

from netspec import explain, layers, setting_keys
from netspec.explain.markdown import first_sentence, table
from netspec.keys import NEURONS
from netspec.keys.augmentations import COLOURS
from netspec.keys.initialisers import INITIALISERS
from netspec.keys.learning import LEARNING, OF_PRODUCTS
from netspec.keys.schedules import SCHEDULES, WARMUPS
from netspec.keys.update_rules import OPTIMIZERS
from netspec.layers._windows import KERNEL, ROUNDING
from netspec.net import loads
from netspec.setting_keys import TRAIN


def page(word: str) -> str:
    text = explain.page(word)
    assert text is not None
    return text


@pytest.mark.many
@pytest.mark.parametrize("word", explain.words())
def test_every_word_has_a_page_titled_with_it(word: str) -> None:
    assert page(word).startswith(f"# {word}\n\n")


def test_unknown_word_has_no_page() -> None:
    assert explain.page("kernal") is None
    assert explain.page("../layers/conv") is None


@pytest.mark.parametrize("word", layers.names())
def test_example_of_a_type_is_correct_and_uses_it(word: str) -> None:
    layer_type = layers.find(word)
    assert layer_type is not None
    net = loads(layer_type.example)
    assert net.warnings == ()
    assert word in {layer.type for layer in net.layers.values()}


def test_page_of_a_type_lists_its_keys() -> None:
    row = "| `stride` | a whole number from 1, or height x width (3x5) | pixels | 1 | the step between neighbouring "
    assert f"{row}windows |" in page("conv").splitlines()
    layer_type = layers.find("conv")
    assert layer_type is not None
    assert [name for key in layer_type.keys if f"| `{(name := key.name)}` |" not in page("conv")] == []


def test_page_of_a_type_has_all_keys_of_learning_apart() -> None:
    _, training = page("fc").split("## Keys of training\n")
    assert [key.name for key in (*LEARNING, *OF_PRODUCTS) if f"\n| `{key.name}` |" not in training] == []


def test_page_of_a_type_has_a_computed_example() -> None:
    lines = page("conv").splitlines()
    assert "In this example, the output of `conv1` is 96x55x55:" in lines
    assert "- width: (227 + 0 + 0 - 11) / 4 + 1 = 55" in lines
    assert "- connections: 55 * 55 places * 34,848 weights = 105,415,200" in lines
    assert "- `conv1.weight`: 96 x 3 x 11 x 11, drawn from normal(mean 0, std 0.074227)" in lines


def test_page_of_a_type_starts_with_its_syntax() -> None:
    assert "- usage: `[name] conv filters=... kernel=...`" in page("conv").splitlines()
    assert "- usage: `[name] input SHAPE`" in page("input").splitlines()
    assert "- reads: 2 layers or more" in page("sum").splitlines()


def test_page_of_a_setting_lists_its_keys() -> None:
    for word, setting in setting_keys.SETTINGS.items():
        assert [key.name for key in setting.keys if f"| `{key.name}` |" not in page(word)] == []


def test_page_of_a_value_shows_its_parameters() -> None:
    (row,) = [line for line in page("plateau").splitlines() if line.startswith("| `schedule` of `train` |")]
    assert "`patience=5`: a whole number from 1; `threshold=0.001`: a number from 0" in row
    assert page("patience").splitlines() == [
        "# patience",
        "",
        "## As an argument of a value",
        "",
        "| of | value | default |",
        "| --- | --- | --- |",
        "| `plateau`, a value of `schedule` of `train` | a whole number from 1 | 5 |",
    ]
    assert "| `shared` of `prelu` | whether one slope serves all channels |" in page("yes")  # the key's own text
    (row,) = [
        line for line in page("gaussian").splitlines() if "normal distribution with this standard deviation" in line
    ]
    assert "`init` of" in row and "`bias` of" in row


def test_schedule_page_has_one_table_for_layers_and_train() -> None:
    schedule = page("schedule")
    assert schedule is not None and schedule.count("## Values of `schedule`") == 1
    assert "| `plateau` | " in schedule and "| `jdexp` | " in schedule
    train = page("train")
    assert train is not None
    assert "## Values of `bias_schedule`\n\nThe same as for `schedule`, except `plateau`.\n" in train
    steps = page("steps")
    assert steps is not None and "`freeze`: a whole number from 1, default: never" in steps
    assert "| `steps`, a value of `bias_schedule` of `train` | a whole number from 1 | never |" in (
        page("freeze") or ""
    )


def test_page_lists_all_meanings_of_a_word() -> None:
    linear = page("linear")
    assert linear.index("## Shape") < linear.index("`schedule` of `train`") < linear.index("| `neuron` of `affine`, ")
    assert "| `sgd`, a value of `optimizer` of `train` | a number from 0 below 1 | 0.9 |" in page("momentum")


@pytest.mark.parametrize("word", [*SCHEDULES, *INITIALISERS, *COLOURS, *OPTIMIZERS, *WARMUPS, *NEURONS, "up", "caffe"])
def test_every_value_is_explained_as_a_value(word: str) -> None:
    assert "## As a value" in page(word)


def test_pages_of_init_and_bias_show_parameters_of_initialisers() -> None:
    init, bias = page("init"), page("bias")
    assert init is not None and bias is not None
    row = (
        "| `gaussian` | `std`: a number from 0, required; `mean=0`: a number "
        "| normal distribution with this standard deviation and mean |"
    )
    assert row in init and row in bias
    assert "| `none` |  | no biases |" in bias and "`none`" not in init


def test_syntax_shows_the_required_inputs() -> None:
    for word in ("gatedsumsquares", "sum", "max"):
        assert f"- usage: `[name] {word} inputs=...,...`" in page(word)
    assert "- usage: `[name] relu`" in page("relu") and "- usage: `[name] concat`" in page("concat")


def test_page_of_a_type_refers_to_pages_of_values() -> None:
    conv = page("conv")
    assert conv is not None
    function, training = conv.split("## Keys of training")
    assert "`netspec explain init`, `netspec explain bias`, `netspec explain neuron`" in function
    assert "`netspec explain schedule`, `netspec explain bias_schedule`" in training


def test_only_types_with_several_inputs_mention_values_for_each() -> None:
    conv, pool = page("conv"), page("maxpool")
    assert (
        conv is not None
        and "If the layer has several inputs, these keys may have a value for each, `kernel=A,B`: `kernel`" in conv
    )
    assert pool is not None and "may have a value for each" not in pool


def test_key_of_several_types_is_explained_once() -> None:
    rows = page("rounding").splitlines()
    assert sum(row.startswith("| `") for row in rows) == 2
    assert any(row.startswith("| `avgpool`, `conv`, `local`, `maxabspool`, `maxpool`, `sumpool` |") for row in rows)


def test_defaults_are_written_as_in_a_spec() -> None:
    by_name = {key.name: key for key in (KERNEL, ROUNDING, *TRAIN)}
    shown = {name: key.shown_default for name, key in by_name.items()}
    assert shown["kernel"] == "required"
    assert shown["rounding"] == "that of the net line, or exact"
    assert (shown["batch"], shown["schedule"]) == ("128", "constant")


def test_index_lists_every_type_setting_and_code() -> None:
    index = explain.index()
    listed = [line.split("`")[1] for line in index.splitlines() if line.startswith("- `")]
    assert listed == [*layers.names(), *setting_keys.SETTINGS, *explain.codes.names()]
    names = [line for line in index.splitlines() if line.startswith("`")]
    assert ["`kernel`" in line for line in names] == [True, False]
    assert ["`plateau`" in line for line in names] == [False, True]


def test_markdown_helpers() -> None:
    assert table(("a", "b", "c"), [("1", "", "|x|")]) == "| a | c |\n| --- | --- |\n| 1 | \\|x\\| |\n"
    assert first_sentence("k is 0.5 of it. Then more.") == "k is 0.5 of it."


def test_value_of_several_keys_is_explained_once() -> None:
    (row,) = [line for line in page("dexp").splitlines() if "discrete exponential" in line]
    assert all(f"`{key}` of `{owner}" in row for key in ("schedule", "bias_schedule") for owner in ("affine", "train"))
