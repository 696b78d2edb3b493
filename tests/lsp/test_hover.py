"""What is shown over words."""

from __future__ import annotations

import pytest
from checking import spec
from editing import at_cursor, document

from netspec import layers
from netspec.lsp.elements import element_at, keys_of
from netspec.lsp.hover import hover
from netspec.setting_keys import SETTINGS, WORDS


def over(text: str, others: dict[str, str] | None = None) -> str:
    """What is shown at the cursor."""
    found = hover(*at_cursor(text, others))
    assert found is not None
    return found.markdown


def alexnet(word: str) -> str:
    """What is shown over a word of AlexNet's spec."""
    text = spec("alexnet")
    return over(text.replace(word, f"{word[:2]}|{word[2:]}", 1))


def test_a_layer_shows_its_shape_its_arithmetic_and_its_counts() -> None:
    assert alexnet("conv2]") == (
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


def test_a_layer_shows_where_it_lives() -> None:
    assert "- split over 2 GPU groups, reads all groups\n" in alexnet("conv3]")
    assert "- whole, on GPU group 0\n" in alexnet("fc8]")
    assert "- whole, on GPU group 0\n" in alexnet("prob]")
    assert "- whole\n" in alexnet("image]")
    assert "GPU" not in over("[im|age] input 3x8x8")


def test_a_layer_of_a_broken_file_shows_what_is_known() -> None:
    text = "[image] input 3x227x227\n[conv1] conv filters=96 kernel=11 stride=4\n[fc6] fc\n"
    assert over(text.replace("fc6", "f|c6")) == (
        "**fc6**: fc\n\n- reads conv1 (96x55x55)\n- its shape cannot be computed: it or what it reads is wrong"
    )
    assert "- 34,848 weights, 96 biases\n" in over(text.replace("conv1", "con|v1"))


def test_a_refuted_claim_is_shown_beside_the_shape() -> None:
    text = "[image] input 3x227x227\n[co|nv1] conv filters=96 kernel=11 stride=4 -> 96x54x54"
    assert "- computed 96x55x55, stated 96x54x54\n" in over(text)


def test_shared_weights_are_said_to_be_shared() -> None:
    text = (
        "[image] input 3x8x8\n[a] conv filters=3 kernel=3 pad=1\n[|b] conv filters=3 kernel=3 pad=1 weights=a bias=none"
    )
    assert "- 81 weights of a, shared\n" in over(text)


def test_a_name_in_inputs_shows_the_layer_that_it_names() -> None:
    text = "[image] input 3x8x8\n[a] relu\n[b] sum inputs=ima|ge,a"
    assert over(text).startswith("**image**: input, 3x8x8")


def test_a_variants_layer_shows_what_it_has_become() -> None:
    base = "[image] input 3x227x227\n[conv1] conv filters=96 kernel=11 stride=4\n"
    shown = over("net b from=base.net\n[con|v1] stride=8\n", {"base.net": base})
    assert shown.startswith("**conv1**: conv, 96x28x28")


def test_a_key_shows_its_meaning_its_range_its_unit_and_its_default() -> None:
    assert over("[image] input 3x8x8\n[a] conv filters=3 ker|nel=3") == (
        "**kernel** of conv: the window's side, or height x width\n\n"
        "- a whole number from 1, or height x width (3x5); in pixels\n"
        "- default: required\n"
        "- of several inputs each may have its own"
    )


@pytest.mark.parametrize("word", layers.names())
def test_every_type_and_each_of_its_keys_has_its_doc(word: str) -> None:
    found = layers.find(word)
    assert found is not None
    assert found.doc in over(f"[a] |{word}")
    for key in found.keys:
        assert key.doc in over(f"[a] {word} |{key.name}=1")


@pytest.mark.parametrize("word", WORDS)
def test_every_setting_and_each_of_its_keys_has_its_doc(word: str) -> None:
    assert over(f"|{word} 2").startswith(f"**{word}**: ")
    for key in SETTINGS.get(word, ()):
        assert key.doc in over(f"{word} {key.name}|=1")


def test_the_keys_of_a_default_line_are_its_types() -> None:
    assert over("default conv neu|ron=relu").startswith("**neuron** of conv")


def test_a_value_with_a_meaning_shows_it() -> None:
    assert over("[a] conv neuron=re|lu") == "**relu**: max(0, x)"
    assert over("train schedule=st|ep(every=3)").startswith("**step**: multiplied by factor")
    assert over("[a] conv bias_schedule=jd|exp(0.1, 4)").startswith("**jdexp**: cuda-convnet's dexp with jumps")
    assert over("[a] conv init=gau|ssian(0.1)") == (
        "**gaussian**: normal with standard deviation std around mean\n\n"
        "- `std`: a number from 0, required\n- `mean=0`: a number"
    )
    assert over("[a] conv bias=no|ne") == "**none**: there is no bias at all"


def test_a_number_behind_a_word_shows_what_it_is() -> None:
    assert over("[a] conv init=gaussian(0.1, me|an=1)") == "of gaussian, `mean=0`: a number"
    assert over("train schedule=plateau(tim|es=2)").startswith("of plateau, `times=3`: ")


@pytest.mark.parametrize(
    "text", ["|", "# conv|1", "[a] conv kernel=1|1", "[a] conv  |  kernel=1", "what| 2", "[a] co|nf"]
)
def test_elsewhere_nothing_is_shown(text: str) -> None:
    assert hover(*at_cursor(text)) is None


def test_an_element_begins_and_ends_where_its_word_does() -> None:
    text = "[conv1] conv"
    found = [element_at(document(text), place) for place in range(len(text) + 1)]
    assert [e.word.text if e else "" for e in found] == ["", *["conv1"] * 6, "", *["conv"] * 5]


def test_an_unknown_word_has_no_keys() -> None:
    assert keys_of("cnov") == ()
