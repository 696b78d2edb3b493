"""Conversion between offsets and an editor's positions, in the units of each encoding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.lsp.positions import Encoding, Position, offset, position
from netspec.source import Source

ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-32"])
TEXTS = st.text(st.sampled_from("ab \t\r\n\f\v\x85\u2028é€𝔘🙂\ud800"), max_size=30)


@pytest.mark.parametrize(("encoding", "character"), [("utf-8", 2 + 2 + 3 + 4 + 1), ("utf-16", 7), ("utf-32", 6)])
def test_columns_are_counted_in_the_units_of_the_encoding(encoding: Encoding, character: int) -> None:
    source = Source("a.net", "first\n# é€🙂 x\n")
    assert position(source, source.text.index("x"), encoding) == Position(1, character)
    assert source.text[offset(source, Position(1, character), encoding)] == "x"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_only_the_protocols_line_endings_end_lines(end: str) -> None:
    source = Source("a.net", f"one{end}t\u2028w\x85o\f{end}three")
    assert position(source, source.text.index("three"), "utf-16") == Position(2, 0)
    assert offset(source, Position(2, 0), "utf-16") == source.text.index("three")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Position(0, 99), 3),
        (Position(99, 0), 7),
        (Position(1, 1), 4),  # between the halves of the surrogate pair
        (Position(1, 2), 5),
        (Position(1, 99), 6),
    ],
)
def test_invalid_position_is_clamped(place: Position, expected: int) -> None:
    assert offset(Source("a.net", "abc\n🙂d\n"), place, "utf-16") == expected


@given(TEXTS, st.data(), ENCODINGS)
def test_position_of_an_offset_converts_back(text: str, data: st.DataObject, encoding: Encoding) -> None:
    source = Source("a.net", text)
    start = data.draw(st.integers(0, len(text)))
    converted = offset(source, position(source, start, encoding), encoding)
    inside_line_end = text[start - 1 : start + 1] == "\r\n"
    assert converted == (start - 1 if inside_line_end else start)


@given(TEXTS, st.integers(0, 40), st.integers(0, 40), ENCODINGS)
def test_offset_of_any_position_is_inside_the_text(text: str, line: int, character: int, encoding: Encoding) -> None:
    assert 0 <= offset(Source("a.net", text), Position(line, character), encoding) <= len(text)
