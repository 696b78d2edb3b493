"""Several layers that are pasted from a program are one mistake, with one fix that makes a line of each."""

from __future__ import annotations

import time

import pytest
from checking import diagnostics_of, only_diagnostic

from netspec.check import check
from netspec.diagnostics import apply
from netspec.solve import with_fixes
from netspec.source import Source

ABOVE = "[i] input 3x32x32\n[relu1] relu\n"


@pytest.mark.parametrize(
    ("program", "right"),
    [
        (
            "nn.Sequential(\n  nn.Conv2d(3, 64, 3, padding=1),\n  nn.ReLU(inplace=True),\n  nn.MaxPool2d(2, 2),\n"
            "  nn.Conv2d(64, 8, 3, padding=1), nn.BatchNorm2d(8),\n  nn.Flatten(),\n  nn.Linear(8 * 16 * 16, 10)\n)",
            "[conv1] conv filters=64 kernel=3 pad=1\n[relu2] relu\n[pool1] maxpool kernel=2 stride=2\n"
            "[conv2] conv filters=8 kernel=3 pad=1\n[norm1] batchnorm\n[flatten1] flatten\n[fc1] fc outputs=10",
        ),
        (
            "nn.Conv2d(3, 64, 3, padding=1),  # größer\nnn.ReLU(),\n",
            "[conv1] conv filters=64 kernel=3 pad=1  # größer\n[relu2] relu\n",
        ),
        ("nn.Conv2d(3, 64, 3),", "[conv1] conv filters=64 kernel=3"),
        (
            "model = models.Sequential()\nmodel.add(layers.Conv2D(32, (3, 3), input_shape=(32, 32, 3)))\n"
            "model.add(layers.MaxPooling2D())\n\nmodel.add(Dense(10, activation='softmax'))",
            "[conv1] conv filters=32 kernel=3x3\n[pool1] maxpool kernel=2\n\n[fc1] fc outputs=10\n[prob] softmax",
        ),
        (
            'self.features = nn.Sequential(OrderedDict([\n    ("conv", nn.Conv2d(3, 4, 3)),\n    # narrow\n'
            '    ("a.b", nn.Tanh()),\n]))',
            "[conv] conv filters=4 kernel=3\n# narrow\n[tanh1] tanh",
        ),
        (
            "model = keras.Sequential([\n  layers.Conv2D(\n    32,\n    3,  # wide\n  ),\n  layers.Dropout(0.5),\n"
            "  layers.Dense(10),\n])",
            "[conv1] conv filters=32 kernel=3\n# wide\n[drop1] dropout rate=0.5\n[fc1] fc outputs=10",
        ),
        ("[a] nn.Conv2d(3, 4, 3)\n[b]  nn.ReLU(),", "[a] conv filters=4 kernel=3\n[b] relu"),
        (
            "self.a = nn.Conv2d(3, 4, 3)\n[x] tanh\nself.b = nn.BatchNorm2d(4)",
            "[a] conv filters=4 kernel=3\n[x] tanh\n[b] batchnorm",
        ),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_program_is_right_after_one_fix(program: str, right: str, newline: str) -> None:
    text = f"{ABOVE}{program}\n".replace("\n", newline)
    (fix,) = only_diagnostic(text).fixes
    assert (fix.checks, fix.effect) == (True, "the whole network checks")
    assert apply(fix.edits, text) == f"{ABOVE}{right}\n".replace("\n", newline)


def test_place_and_number_of_the_layers_are_told() -> None:
    found = only_diagnostic(f"{ABOVE}nn.Sequential(\n  nn.Conv2d(3, 4, 3),\n  nn.ReLU(),\n)\n")
    assert (found.code, found.message) == ("syntax", "2 layers, up to line 6, are written as in a program")
    assert (found.span.line, found.span.text) == (3, "nn.Sequential")
    assert "netspec import converts a model.keras, or a model.onnx" in found.notes[1]


@pytest.mark.parametrize(
    ("program", "left"),
    [
        ("self.a = nn.Conv2d(int(w), 4, 3)", ["unexpected 'self.a'"]),
        ("model.summary()", ["unexpected 'model.summary'"]),
        ("[x] nn.Conv2d(3, 4, 3) -> 4x28x28", ["unexpected 'nn.Conv2d'"]),
        ("self.q = nn.ReLU()", ["unexpected 'self.q'"]),
        ("nn.Tanh(", ["unexpected 'nn.Tanh'"]),
    ],
)
def test_what_cannot_be_read_or_has_the_name_of_another_layer_stays_as_it_is(program: str, left: list[str]) -> None:
    text = f"{ABOVE}nn.Conv2d(3, 3, 3)\nnn.Tanh()\n[q] relu\n{program}\n"
    joined, *others = diagnostics_of(text)
    assert [found.message for found in others] == left
    fixed = apply(joined.fixes[0].edits, text)
    assert fixed == f"{ABOVE}[conv1] conv filters=3 kernel=3\n[tanh1] tanh\n[q] relu\n{program}\n"


def test_same_effect_of_several_lines_is_told_once() -> None:
    found = only_diagnostic(f"{ABOVE}Conv2D(4, 3, padding='same')\nConv2D(4, 5, padding='same')\n")
    assert found.fixes[0].effect == "keeps the size of what it reads; the whole network checks"


def test_slope_that_the_lines_do_not_tell_is_left_to_the_user() -> None:
    (fix,) = only_diagnostic(text := f"{ABOVE}model.add(LeakyReLU())\nmodel.add(layers.LeakyReLU())\n").fixes
    fixed = apply(fix.edits, text)
    assert fixed == f"{ABOVE}[leakyrelu1] LeakyReLU()\n[leakyrelu2] leakyrelu slope=0.3\n"


def test_several_statements_on_a_line_are_left() -> None:
    found = diagnostics_of(f"{ABOVE}nn.Conv2d(3, 4, 3); nn.ReLU()\nnn.Tanh()\n")
    assert [(d.message, d.fixes) for d in found] == [("unexpected 'nn.Conv2d'", ()), ("unexpected 'nn.Tanh'", ())]


def test_other_number_of_channels_comes_to_light() -> None:
    text = f"{ABOVE}nn.Conv2d(3, 64, 3),\nnn.BatchNorm2d(32),\nnn.Conv2d(64, 4, 3),\n"
    (fix,) = only_diagnostic(text).fixes
    assert (fix.checks, fix.effect) == (False, "1 error at norm1 comes to light")
    found = only_diagnostic(fixed := apply(fix.edits, text))
    assert fixed.endswith("kernel=3\n[norm1] batchnorm num_features=32\n[conv2] conv filters=4 kernel=3\n")
    assert found.notes[1].startswith("norm1 reads conv1, which has 64 channels, not 32: ")


@pytest.mark.parametrize("form", ["self.{0} = ", "[{0}] "])
def test_pasted_lines_are_tried_together(form: str) -> None:
    calls = ("nn.Conv2d(64, 64, 3, padding=1),", "nn.BatchNorm2d(64),", "nn.ReLU(inplace=True),")
    lines = [form.format(f"n{n}") + calls[n % 3] for n in range(150)]
    begin = time.process_time()
    (found,) = with_fixes(check(Source("a.net", "\n".join(["[i] input 64x8x8", *lines, ""]))))
    assert found.fixes[0].checks
    assert time.process_time() - begin < 1.5
