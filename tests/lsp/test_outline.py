"""The outline, the shape hints at the ends of lines, and formatting."""

from __future__ import annotations

import pytest
from checking import spec
from editing import document
from places import SPECS

from netspec.diagnostics import apply
from netspec.lsp.hints import hints
from netspec.lsp.layout import layout
from netspec.lsp.symbols import symbols
from netspec.net import loads
from netspec.opening import MAX_FILE_BYTES

TEXT = """\
net  a  rounding=down
[image] input 3x227x227
[conv1] conv filters=96 kernel=11
   stride=4 # and a comment
[pool1] maxpool kernel=3 stride=2 -> 96x27x27
[fc6] fc outputs=4096
[nothing] fc
"""


def test_outline_lists_statements_in_file_order() -> None:
    found = symbols(document("[image] input 3x8x8\ntrain epochs=3\n[a] fc outputs=2\n[b] cnov\n[c] fc ,\n"))
    assert [(s.name, s.kind, s.detail) for s in found] == [
        ("image", "layer", "input 3x8x8"),
        ("train", "setting", ""),
        ("a", "layer", "fc 2"),
        ("b", "layer", "cnov"),
        ("c", "layer", ""),
    ]


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.net")), ids=lambda path: path.stem)
def test_name_spans_are_inside_their_statements(path: object) -> None:
    assert isinstance(path, type(SPECS))
    for symbol in symbols(document(path.read_text("utf-8"))):
        assert symbol.span.start <= symbol.name_span.start < symbol.name_span.end <= symbol.span.end


def test_layers_without_a_claim_have_a_shape_hint() -> None:
    found = hints(document(TEXT), 0, len(TEXT))
    assert [(TEXT[: h.offset].rpartition("\n")[2], h.shape) for h in found] == [
        ("   stride=4", "96x55x55"),
        ("[fc6] fc outputs=4096", "4096"),
    ]


def test_only_visible_lines_have_hints() -> None:
    start = TEXT.index("[fc6]")
    assert [h.shape for h in hints(document(TEXT), start, len(TEXT))] == ["4096"]
    assert hints(document(TEXT), 0, TEXT.index("[pool1]") - 40) == []


def test_inserted_hint_is_a_correct_claim() -> None:
    text = spec("alexnet")
    while found := hints(document(text), 0, len(text)):
        text = text[: found[0].offset] + found[0].claim + text[found[0].offset :]
    assert text.count("->") > 15
    assert loads(text).warnings == ()


def test_changed_layer_of_a_variant_has_its_new_shape() -> None:
    base = "[image] input 3x227x227\n[conv1] conv filters=96 kernel=11 stride=4 -> 96x55x55\n[fc] fc outputs=3\n"
    text = "net v from=base.net\n[conv1] stride=8\n"
    assert [h.shape for h in hints(document(text, {"base.net": base}), 0, len(text))] == ["96x28x28"]


def test_layers_with_the_same_name_have_separate_hints() -> None:
    text = "[image] input 3x8x8\n[a] fc outputs=2\n[a] fc outputs=3\n"
    assert [h.shape for h in hints(document(text), 0, len(text))] == ["2", "3"]


def test_formatting_gives_the_canonical_layout() -> None:
    text = "[image]   input 3x8x8\n[a] fc   outputs=2"
    (edit,) = layout(document(text))
    formatted = apply([edit], text)
    assert formatted == "[image]  input    3x8x8\n[a]      fc       outputs=2\n"
    assert layout(document(formatted)) == []


def test_formatting_keeps_line_endings() -> None:
    text = "[image]   input 3x8x8\r\n[a] fc   outputs=2"
    (edit,) = layout(document(text))
    formatted = apply([edit], text)
    assert formatted == "[image]  input    3x8x8\r\n[a]      fc       outputs=2\r\n"
    assert layout(document(formatted)) == []


@pytest.mark.parametrize("text", ["[a] fc outputs=,", "# a\n" * (MAX_FILE_BYTES // 4 + 1)])
def test_incorrect_or_too_large_text_is_not_formatted(text: str) -> None:
    assert layout(document(text)) == []
