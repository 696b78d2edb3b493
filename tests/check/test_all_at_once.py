"""One check reports all independent mistakes of a line, but not those that only follow from others."""

from __future__ import annotations

import pytest
from checking import diagnostics_of, valid_net

from netspec.diagnostics import apply


def test_all_errors_in_the_arguments_of_a_call_are_reported() -> None:
    found = diagnostics_of("[image] input 3x8x8\n[f] fc outputs=2\ntrain optimizer=sgd(lr=-1, momntum=0.9)\n")
    assert [d.message for d in found] == [
        "optimizer: lr needs a number from 0, not -1",
        "optimizer: 'sgd' has no momntum; did you mean momentum?",
    ]


def test_shape_written_in_pieces_is_one_error() -> None:
    (found,) = diagnostics_of("[a] input 3 x 8 x 8\n[b] conv filters=3 kernel=3\n")
    assert found.code == "stray-value"


def test_layer_in_call_syntax_is_rewritten_as_a_statement() -> None:
    text = "[image] input(3, 32, 32)\n[c] conv(filters=4, kernel=3)\n[d] type=relu\n[s] product(c, d)\n"
    found = diagnostics_of(text)
    assert [d.code for d in found] == ["missing-type"] * 4
    text = apply([edit for d in found for edit in d.fixes[0].edits], text)
    assert text == "[image] input 3x32x32\n[c] conv filters=4 kernel=3\n[d] relu\n[s] product inputs=c,d\n"
    assert valid_net(text)["d"].output == (4, 30, 30)


@pytest.mark.parametrize(
    ("written", "code", "right"),
    [
        ("GlobalAveragePooling2D", "unknown-type", "avgpool kernel=global"),
        ("global_avg_pool", "unknown-type", "avgpool kernel=global"),
        ("GlobalMaxPool", "unknown-type", "maxpool kernel=global"),
        ("gap neuron=relu", "unknown-type", "avgpool kernel=global neuron=relu"),
        ("AdaptiveAvgPool2d(1)", "missing-type", "avgpool kernel=global"),
        ("AdaptiveMaxPool2d(1, 1)", "missing-type", "maxpool kernel=global"),
        ("GlobalAveragePooling2D()", "missing-type", "avgpool kernel=global"),
        ("SiLU", "unknown-type", "silu"),
        ("Mish", "unknown-type", "mish"),
        ("hswish", "unknown-type", "hardswish"),
        ("swish", "unknown-type", "silu"),
        ("SiLU()", "missing-type", "silu"),
        ("Multiply() inputs=image,image", "missing-type", "product inputs=image,image"),
        ("times inputs=image,image", "unknown-type", "product inputs=image,image"),
        ("scale_channels inputs=image,image", "unknown-type", "product inputs=image,image"),
        ("eltwise operation=PROD inputs=image,image", "unknown-type", "product inputs=image,image"),
        ("Eltwise inputs=image,image operation=SUM", "unknown-type", "sum inputs=image,image"),
        ("Eltwise inputs=image,image operation=MAX", "unknown-type", "max inputs=image,image"),
        ("affine scale=2", "unknown-key", "affine init=constant(2)"),
        ("affine gamma=0.5 bias=1", "unknown-key", "affine init=constant(0.5) bias=1"),
        ("affine shift=-1", "unknown-key", "affine bias=-1"),
        ("prelu slope=0.1", "unknown-key", "prelu init=constant(0.1)"),
        ("prelu negative_slope=0.1 shared=yes", "unknown-key", "prelu init=constant(0.1) shared=yes"),
        ("upsample scale_factor=2", "unknown-key", "upsample factor=2"),
        ("upsample factor=2 mode=bilinear", "unknown-key", "upsample factor=2 method=bilinear"),
    ],
)
def test_words_of_other_tools_are_replaced_by_keys(written: str, code: str, right: str) -> None:
    head = "[image] input 3x8x8\n[x] "
    (found,) = diagnostics_of(head + written)
    (fix,) = found.fixes
    assert (found.code, fix.checks, apply(fix.edits, head + written)) == (code, True, head + right)


@pytest.mark.parametrize(
    ("written", "code", "title"),
    [
        ("gap kernel=4", "unknown-type", "write avgpool"),
        ("AdaptiveMaxPool2d(7)", "unknown-type", None),
        ("eltwise operation=MIN inputs=image,image", "unknown-type", "write sum"),
        ("eltwise inputs=image,image", "unknown-type", "write sum"),
        ("affine scale=2 init=he", "unknown-key", None),
        ("affine scale=two", "unknown-key", None),
        ("upsample factor=2 mode=bicubic", "unknown-key", None),
    ],
)
def test_unsuitable_replacement_is_not_proposed(written: str, code: str, title: str | None) -> None:
    (found,) = diagnostics_of(f"[image] input 3x8x8\n[x] {written}\n")
    assert (found.code, next((fix.title for fix in found.fixes), None)) == (code, title)


@pytest.mark.parametrize(("word", "fixed"), [("same", "write 1"), ("Same", "write 1"), ("valid", "write 0")])
def test_named_padding_of_other_tools_is_replaced_by_a_number(word: str, fixed: str) -> None:
    (found,) = diagnostics_of(f"[i] input 3x8x8\n[c] conv filters=4 kernel=3 pad={word}\n")
    assert [fix.title for fix in found.fixes] == [fixed]
    assert bool(found.notes) == (word != "valid")


@pytest.mark.parametrize("word", ["celu", "rrelu", "SELU", "gelu_tanh", "quick_gelu", "ReGLU"])
def test_unsupported_function_gets_no_replacement(word: str) -> None:
    (neuron,) = diagnostics_of(f"[i] input 3x8x8\n[f] fc outputs=2 neuron={word}\n")
    (layer,) = diagnostics_of(f"[i] input 3x8x8\n[f] {word}\n")
    assert neuron.fixes == layer.fixes == ()


def test_label_shows_which_layer_made_the_vector() -> None:
    (found,) = diagnostics_of("[i] input 3x8x8\n[f] fc outputs=2\n[d] dropout rate=0.5\n[c] maxpool kernel=2\n")
    assert [(label.span.text, label.text) for label in found.labels] == [("fc", "f makes a vector")]


@pytest.mark.parametrize("shape", ["224x224x3", "32x32x1"])
def test_image_with_channels_last_gives_a_warning(shape: str) -> None:
    text = f"[image] input {shape}\n[c] conv filters=4 kernel=3 pad=1\n"
    (found,) = valid_net(text).warnings
    assert (found.code, found.span.text) == ("channels-last", shape)
    (fix,) = found.fixes
    assert fix.checks and not fix.spelling
    assert valid_net(apply(fix.edits, text)).warnings == ()


@pytest.mark.parametrize("shape", ["3x224x224", "64x100x1", "3x3x3", "1x28x28", "256x6x6", "784"])
def test_other_shapes_are_not_taken_for_channels_last(shape: str) -> None:
    assert valid_net(f"[image] input {shape}\n[f] fc outputs=4\n").warnings == ()


def test_count_that_fits_neither_shape_is_reported_too() -> None:
    head = "[a] input 3x8x8\n[b] conv filters=3 kernel=3 -> 3x6x7 "
    shape, units = diagnostics_of(head + "units=999\n")
    assert (shape.message, units.message) == ("b is 3x6x6, not 3x6x7", "b has 108 units, not 999")
    assert [(f.title, f.checks) for f in shape.fixes] == [("claim 3x6x6 units=108", True)]
    (shape,) = diagnostics_of(head + "units=126 weights=999\n")
    assert "weights=999 is wrong too: the layer has 81 weights" in shape.notes
    assert [(f.title, f.checks) for f in shape.fixes] == [("claim 3x6x6 units=108 weights=81", True)]
    (shape,) = diagnostics_of(head + "units=126 weights=81 connections=3402\n")
    assert not any("does not hold either" in note for note in shape.notes)


def test_number_as_an_initialiser_is_not_guessed() -> None:
    (found,) = diagnostics_of("[i] input 3x8x8\n[p] prelu init=0.25\n")
    constant = "constant(0.25) makes all weights 0.25"
    assert found.notes == (f"{constant}, gaussian(0.25) draws them with this standard deviation",)
    assert found.fixes == ()
