"""The pages that are made of definitions."""

from __future__ import annotations

import pytest

from netspec import explain, layers, setting_keys
from netspec.explain import keys
from netspec.explain.markdown import first_sentence, lowered, table
from netspec.keys import NEURONS
from netspec.keys.initialisers import INITIALISERS
from netspec.keys.schedules import SCHEDULES, WARMUPS
from netspec.layers._common import KERNEL, ROUNDING
from netspec.net import loads
from netspec.setting_keys import COLOURS, OPTIMIZERS, TRAIN


def page(word: str) -> str:
    found = explain.page(word)
    assert found is not None
    return found


@pytest.mark.many
@pytest.mark.parametrize("word", explain.words())
def test_every_word_has_a_page_that_bears_its_name(word: str) -> None:
    assert page(word).startswith(f"# {word}\n\n")


def test_what_is_no_word_has_no_page() -> None:
    assert explain.page("kernal") is None
    assert explain.page("../layers/conv") is None


@pytest.mark.parametrize("word", layers.names())
def test_a_types_example_is_right_and_has_the_type(word: str) -> None:
    layer_type = layers.find(word)
    assert layer_type is not None
    net = loads(layer_type.example)
    assert net.warnings == ()
    assert word in {layer.type for layer in net.layers.values()}


def test_a_types_page_has_its_keys_with_kind_unit_default_and_doc() -> None:
    row = "| `stride` | a whole number from 1, or height x width (3x5) | pixels | 1 | the step from window to window |"
    assert row in page("conv").splitlines()
    layer_type = layers.find("conv")
    assert layer_type is not None
    assert [name for key in layer_type.keys if f"| `{(name := key.name)}` |" not in page("conv")] == []


def test_the_worked_example_is_worked_by_the_compiler() -> None:
    lines = page("conv").splitlines()
    assert "Here `conv1` is 96x55x55:" in lines
    assert "- width: (227 + 0 + 0 - 11) / 4 + 1 = 55" in lines
    assert "- connections: 55 * 55 places * 34,848 weights = 105,415,200" in lines
    assert "- `conv1.weight`: 96 x 3 x 11 x 11, drawn from normal(mean 0, std 0.074227)" in lines


def test_what_a_type_cannot_do_without_stands_in_its_first_lines() -> None:
    assert "- written: `[name] conv filters=... kernel=...`" in page("conv").splitlines()
    assert "- written: `[name] input SHAPE`" in page("input").splitlines()
    assert "- reads: 2 layers or more" in page("sum").splitlines()


def test_every_setting_has_a_page_with_its_keys() -> None:
    assert set(setting_keys.ABOUT) == set(setting_keys.WORDS)
    for word, own in setting_keys.SETTINGS.items():
        assert [key.name for key in own if f"| `{key.name}` |" not in page(word)] == []


def test_the_plateau_schedule_shows_its_patience_and_threshold() -> None:
    assert "`patience=5`: a whole number from 1; `threshold=0.001`: a number from 0" in page("train")


def test_a_value_has_a_page_with_its_numbers() -> None:
    (row,) = [line for line in page("plateau").splitlines() if line.startswith("| `schedule` of `train` |")]
    assert "`patience=5`: a whole number from 1; `threshold=0.001`: a number from 0" in row
    assert "| `plateau`, a value of `schedule` of `train` | a whole number from 1 | 5 |" in page("patience")
    (row,) = [line for line in page("gaussian").splitlines() if "standard deviation std around mean" in line]
    assert "`init` of" in row and "`bias` of" in row


def test_schedules_of_layers_and_of_the_train_line_stand_in_one_table() -> None:
    told = page("schedule")
    assert told is not None and told.count("## Values of `schedule`") == 1
    assert "| `plateau` | " in told and "| `jdexp` | " in told
    train = page("train")
    assert train is not None
    assert "## Values of `bias_schedule`\n\nThose of `schedule`, without `plateau`.\n" in train
    steps = page("steps")
    assert steps is not None and "`freeze`: a whole number from 1, default: never" in steps
    assert "| `steps`, a value of `bias_schedule` of `train` | a whole number from 1 | never |" in (
        page("freeze") or ""
    )


def test_a_word_of_several_meanings_has_them_all() -> None:
    linear = page("linear")
    assert linear.index("## Shape") < linear.index("`schedule` of `train`") < linear.index("| `neuron` of `affine`, ")
    assert "| `sgd`, a value of `optimizer` of `train` | a number from 0 below 1 | 0.9 |" in page("momentum")


@pytest.mark.parametrize("word", [*SCHEDULES, *INITIALISERS, *COLOURS, *OPTIMIZERS, *WARMUPS, *NEURONS, "up", "caffe"])
def test_every_word_that_may_be_a_value_is_explained_as_one(word: str) -> None:
    assert "## As a value" in page(word)


def test_the_words_of_initial_values_show_their_numbers() -> None:
    init, bias = page("init"), page("bias")
    assert init is not None and bias is not None
    row = (
        "| `gaussian` | `std`: a number from 0, required; `mean=0`: a number "
        "| normal with standard deviation std around mean |"
    )
    assert row in init and row in bias
    assert "| `none` |  | there is no bias at all |" in bias and "`none`" not in init


def test_what_reads_two_layers_is_written_with_both() -> None:
    for word in ("gatedsumsquares", "sum", "max"):
        assert f"- written: `[name] {word} inputs=...,...`" in page(word)
    assert "- written: `[name] relu`" in page("relu") and "- written: `[name] concat`" in page("concat")


def test_a_type_names_the_pages_of_its_words() -> None:
    conv = page("conv")
    assert conv is not None
    function, training = conv.split("## Keys of training")
    assert "`netspec explain init`, `netspec explain bias`, `netspec explain neuron`" in function
    assert "`netspec explain schedule`, `netspec explain bias_schedule`" in training


def test_only_what_may_read_several_layers_has_values_for_each() -> None:
    conv, pool = page("conv"), page("maxpool")
    assert conv is not None and "With several inputs each may have its own `kernel`" in conv
    assert pool is not None and "Of several inputs" not in pool


def test_a_key_of_several_types_is_told_once_for_all() -> None:
    rows = page("rounding").splitlines()
    assert sum(row.startswith("| `") for row in rows) == 2
    assert any(row.startswith("| `avgpool`, `conv`, `local`, `maxabspool`, `maxpool`, `sumpool` |") for row in rows)


def test_defaults_are_written_as_a_person_writes_them() -> None:
    by_name = {key.name: key for key in (KERNEL, ROUNDING, *TRAIN)}
    shown = {name: keys.default_of(key) for name, key in by_name.items()}
    assert shown["kernel"] == "required"
    assert shown["rounding"] == "the net line's, or exact"
    assert (shown["batch"], shown["schedule"]) == ("128", "constant")


def test_the_index_has_a_line_for_every_type_setting_and_code() -> None:
    index = explain.index()
    listed = [line.split("`")[1] for line in index.splitlines() if line.startswith("- `")]
    assert listed == [*layers.names(), *setting_keys.ABOUT, *explain.codes.names()]
    names = [line for line in index.splitlines() if line.startswith("`")]
    assert ["`kernel`" in line for line in names] == [True, False]
    assert ["`plateau`" in line for line in names] == [False, True]


def test_markdown_pieces() -> None:
    assert table(("a", "b", "c"), [("1", "", "|x|")]) == "| a | c |\n| --- | --- |\n| 1 | \\|x\\| |\n"
    assert first_sentence("k is 0.5 of it. Then more.") == "k is 0.5 of it."
    assert lowered("# a\n\ntext #1\n\n## b\n", 2) == "### a\n\ntext #1\n\n#### b\n"


def test_what_is_said_of_several_keys_is_said_once() -> None:
    (row,) = [line for line in page("dexp").splitlines() if "discrete exponential" in line]
    assert all(f"`{key}` of `{owner}" in row for key in ("schedule", "bias_schedule") for owner in ("affine", "train"))
