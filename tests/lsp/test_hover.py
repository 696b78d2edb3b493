"""Hover texts of layers, types, keys and values."""

from __future__ import annotations

import pytest
from checking import spec
from editing import at_cursor, document

from netspec import layers
from netspec.lsp.elements import element_at, keys_of
from netspec.lsp.hover import hover
from netspec.setting_keys import SETTINGS


def hover_text(text: str, others: dict[str, str] | None = None) -> str:
    """The hover text at the cursor."""
    found = hover(*at_cursor(text, others))
    assert found is not None
    return found.markdown


def hover_in_alexnet(word: str) -> str:
    """The hover text of a word in AlexNet's spec."""
    text = spec("alexnet")
    return hover_text(text.replace(word, f"{word[:2]}|{word[2:]}", 1))


def test_layer_shows_shape_arithmetic_and_counts() -> None:
    assert hover_in_alexnet("conv2]") == (
        "**conv2**: conv, 256x27x27\n\n"
        "- reads pool1 (96x27x27)\n"
        "- read by norm2\n"
        "- width: (27 + 2 + 2 - 5) / 1 + 1 = 27\n"
        "- 2 groups, each with its own share of the input\n"
        "- split over 2 GPU groups, reads its own group's share\n"
        "- 307,200 weights, 256 biases\n"
        "- weights: 5 * 5 * 96 / 2 weights a filter * 256 filters = 307,200\n"
        "- 223,948,800 connections\n"
        "- connections: 27 * 27 places * 307,200 weights = 223,948,800\n"
        "- 186,624 units"
    )


def test_normalised_groups_are_shown() -> None:
    groups = "- 4 groups, each with its own share of the input\n- 8 weights, 8 biases\n"
    assert groups in hover_text("[a] input 8x4x4\n[no|rm] groupnorm groups=4\n")
    assert "groups" not in hover_text("[a] input 8x4x4\n[no|rm] layernorm\n")


def test_layer_shows_its_gpu_group() -> None:
    assert "- split over 2 GPU groups, reads all groups\n" in hover_in_alexnet("conv3]")
    assert "- whole, on GPU group 0\n" in hover_in_alexnet("fc8]")
    assert "- whole, on GPU group 0\n" in hover_in_alexnet("prob]")
    assert "- whole\n" in hover_in_alexnet("image]")
    assert "GPU" not in hover_text("[im|age] input 3x8x8")


def test_layer_of_an_incorrect_spec_shows_what_is_known() -> None:
    text = "[image] input 3x227x227\n[conv1] conv filters=96 kernel=11 stride=4\n[fc6] fc\n"
    assert hover_text(text.replace("fc6", "f|c6")) == (
        "**fc6**: fc\n\n- reads conv1 (96x55x55)\n- its shape cannot be computed: it or what it reads is wrong"
    )
    assert "- 34,848 weights, 96 biases\n" in hover_text(text.replace("conv1", "con|v1"))


def test_refuted_claim_is_shown_with_the_computed_shape() -> None:
    text = "[image] input 3x227x227\n[co|nv1] conv filters=96 kernel=11 stride=4 -> 96x54x54"
    assert "- computed 96x55x55, stated 96x54x54\n" in hover_text(text)


def test_shared_weights_are_labelled() -> None:
    text = (
        "[image] input 3x8x8\n[a] conv filters=3 kernel=3 pad=1\n[|b] conv filters=3 kernel=3 pad=1 weights=a bias=none"
    )
    assert "- 81 weights of a, shared\n" in hover_text(text)


def test_name_in_inputs_shows_the_layer() -> None:
    text = "[image] input 3x8x8\n[a] relu\n[b] sum inputs=ima|ge,a"
    assert hover_text(text).startswith("**image**: input, 3x8x8")


def test_changed_layer_of_a_variant_shows_its_new_shape() -> None:
    base = "[image] input 3x227x227\n[conv1] conv filters=96 kernel=11 stride=4\n"
    markdown = hover_text("net b from=base.net\n[con|v1] stride=8\n", {"base.net": base})
    assert markdown.startswith("**conv1**: conv, 96x28x28")


def test_key_shows_meaning_range_unit_and_default() -> None:
    assert hover_text("[image] input 3x8x8\n[a] conv filters=3 ker|nel=3") == (
        "**kernel** of conv: the side of the window, or its height x width\n\n"
        "- a whole number from 1, or height x width (3x5); in pixels\n"
        "- required\n"
        "- with several inputs, it may have a value for each"
    )


@pytest.mark.parametrize("word", layers.names())
def test_layer_types_and_their_keys_show_their_docs(word: str) -> None:
    layer_type = layers.find(word)
    assert layer_type is not None
    assert layer_type.doc in hover_text(f"[a] |{word}")
    for key in layer_type.keys:
        assert key.doc in hover_text(f"[a] {word} |{key.name}=1")


@pytest.mark.parametrize("word", SETTINGS)
def test_settings_and_their_keys_show_their_docs(word: str) -> None:
    assert hover_text(f"|{word} 2").startswith(f"**{word}**: ")
    for key in SETTINGS[word].keys:
        assert key.doc in hover_text(f"{word} {key.name}|=1")


def test_key_on_a_default_line_belongs_to_the_type() -> None:
    assert hover_text("default conv neu|ron=relu").startswith("**neuron** of conv")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("net n -> de|pth=1", "**depth** of the network: the most convolutions"),
        (
            "[a] conv -> 2x2x2 un|its=8",
            "**units** of the layer: output values\n\nA claim: a whole number",
        ),
    ],
)
def test_claimed_count_shows_its_meaning(text: str, shown: str) -> None:
    assert hover_text(text).startswith(shown)


def test_named_value_shows_its_meaning() -> None:
    assert hover_text("[a] conv neuron=re|lu") == "**relu**: max(0, x)"
    assert hover_text("train schedule=st|ep(every=3)").startswith("**step**: the rate is multiplied by `factor`")
    assert hover_text("[a] conv bias_schedule=jd|exp(0.1, 4)").startswith(
        "**jdexp**: the dexp of cuda-convnet with jumps"
    )
    assert hover_text("[a] conv init=gau|ssian(0.1)") == (
        "**gaussian**: normal distribution with this standard deviation and mean\n\n"
        "- `std`: a number from 0, required\n- `mean=0`: a number"
    )
    assert hover_text("[a] conv bias=no|ne") == "**none**: no biases"


def test_parameter_of_a_value_shows_its_meaning() -> None:
    assert hover_text("[a] conv init=gaussian(0.1, me|an=1)") == "of gaussian, `mean=0`: a number"
    assert hover_text("train schedule=plateau(tim|es=2)").startswith("of plateau, `times=3`: ")


@pytest.mark.parametrize(
    "text", ["|", "# conv|1", "[a] conv kernel=1|1", "[a] conv  |  kernel=1", "what| 2", "[a] co|nf"]
)
def test_other_positions_show_nothing(text: str) -> None:
    assert hover(*at_cursor(text)) is None


def test_element_covers_exactly_its_word() -> None:
    text = "[conv1] conv"
    elements = [element_at(document(text), offset) for offset in range(len(text) + 1)]
    assert [e.word.text if e else "" for e in elements] == ["", *["conv1"] * 6, "", *["conv"] * 5]


def test_unknown_type_has_no_keys() -> None:
    assert keys_of("cnov") == ()
