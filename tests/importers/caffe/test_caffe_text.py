"""The text format of protocol buffers, as the library's own parser reads it."""

from __future__ import annotations

import pytest
from checking import refused

from netspec.importers.caffe.text_format import MAX_DEPTH, Message, read
from netspec.source import Source

Tree = list[tuple[str, "str | Tree"]]


def tree(message: Message) -> Tree:
    return [(f.name, tree(f.value) if isinstance(f.value, Message) else f.value.text) for f in message.fields]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('name: "a"', [("name", "a")]),
        ("a: 1 b:2, c :3; d: MAX", [("a", "1"), ("b", "2"), ("c", "3"), ("d", "MAX")]),
        ("a { b: 1 } c: { } d < e: 2 >", [("a", [("b", "1")]), ("c", []), ("d", [("e", "2")])]),
        ("a: [1, 2] b: [] c [{d: 1}, <>]", [("a", "1"), ("a", "2"), ("c", [("d", "1")]), ("c", [])]),
        ("a: -1 b: - .5e-3f c: -inf d: 0x1F", [("a", "-1"), ("b", "-.5e-3f"), ("c", "-inf"), ("d", "0x1F")]),
        ("# only this\na: 1 # and this\r\nb: 2", [("a", "1"), ("b", "2")]),
        ("""a: "one" 'two'\n"three" b: '"'""", [("a", "onetwothree"), ("b", '"')]),
        (r'a: "\\ \n\101\x41\u00e9 \" #"', [("a", '\\ \nAA\u00e9 " #')]),
        ("", []),
    ],
)
def test_text_is_read(text: str, expected: Tree) -> None:
    assert tree(read(Source("a.prototxt", text))) == expected


def test_spans_are_places_in_the_text() -> None:
    text = 'layer { top: ["a", "b"] pad: - 3 }'
    (layer,) = read(Source("a.prototxt", text)).fields
    assert layer.span.text == text
    assert layer.name_span.text == "layer"
    assert isinstance(layer.value, Message)
    assert layer.value.span.text == text[6:]
    assert [field.span.text for field in layer.value.fields] == ['top: ["a"', '"b"', "pad: - 3"]
    assert [field.value.span.text for field in layer.value.fields] == ['"a"', '"b"', "- 3"]


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("layer {\n name: 'x'", "this { is never closed", (1, 7)),
        ("a: [1, 2", "this [ is never closed", (1, 4)),
        ('name: "a\nb: 1', 'this string has no closing " on its line', (1, 7)),
        ("a b", "a colon or a brace is missing after a", (1, 1)),
        ("a: 1 }", "this } closes nothing", (1, 6)),
        ("a { b < c: 1 } >", "this } closes nothing", (1, 14)),
        ("a: [1 2]", "a comma or ] is missing before 2", (1, 7)),
        ("a: , b: 1", "a has no value", (1, 1)),
        ("a:", "the file ends before the value of its last field", (1, 3)),
        ("a: 3x", "a space is missing after this number", (1, 4)),
        ("a: 1 // said", "comments begin with #", (1, 6)),
        ("a: 1 = 2", "the character '=' has no meaning here", (1, 6)),
        (r'a: "\q"', r"\q is no escape in a string", (1, 5)),
        ("[other.field]: 1", "Caffe's messages have no extensions, [name]", (1, 1)),
        ('"name": "a"', 'the name of a field is missing before "name"', (1, 1)),
        ("a {" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} messages are inside each other", (1, 3 * MAX_DEPTH + 3)),
    ],
)
def test_mistake_of_the_text_is_reported_at_its_place(text: str, message: str, place: tuple[int, int]) -> None:
    found = refused(read, Source("a.prototxt", text))
    assert (found.code, found.message, (found.span.line, found.span.column)) == ("caffe-syntax", message, place)
