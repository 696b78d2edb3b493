"""Parsing by token kinds gives the same as Lark's own parsing of the characters."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from lark import Token, Tree, UnexpectedInput
from spec_texts import specs

from netspec.language.parser import grammar, parse
from netspec.language.parser.grammar import Form, Words
from netspec.language.parser.statements import statements
from netspec.language.syntax import Body, Items
from netspec.source import Source

PIECES = (
    *(
        "a",
        "a-b",
        "x1",
        "x23y456",
        "1",
        "12",
        "-7",
        "1.5e3",
        "3x4",
        "10x227x5",
        "1+2",
        "a.net",
        "b/c.cfg",
        ".net",
        "5.net",
        "1.",
        "1x",
        "-",
        ".",
        "é",
    ),
    *("-7", "=", ",", "(", ")", "[", "]", "->", "#", " ", "\n", "\t", "k=3", "f(1, b=2)", "[a] t ", "1+2)", "-> 3x4"),
)
SOUP = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def by_characters(text: str, start: grammar.Start) -> object:
    """Return the tree into which Lark parses a text, or the type and position of its error."""
    try:
        return plain(grammar._text_parser().parse(text, start=start))
    except UnexpectedInput as error:
        return type(error), error.pos_in_stream


def plain(tree: Tree[Token]) -> object:
    return tree.data, [
        plain(part) if isinstance(part, Tree) else (part.type, str(part), part.start_pos) for part in tree.children
    ]


def by_kinds(text: str, start: grammar.Start) -> object:
    """Return the same by way of the tokens of a text."""
    try:
        form, words = grammar.read(text, start)
    except UnexpectedInput as error:
        return type(error), error.pos_in_stream
    return spelt(form, words, text)


def spelt(form: Form, words: Words, text: str) -> object:
    parts: list[object] = []
    for part in form.parts:
        if isinstance(part, Form):
            parts.append(spelt(part, words, text))
        else:
            begin, end = words.places[part]
            assert text[begin:end] == words.texts[part]
            parts.append((words.kinds[part], words.texts[part], begin))
    return form.rule, parts


@examples(400)
@given(SOUP, st.sampled_from(["statement", "body"]))
@example("f(a.net)", "body")
@example("[a.net] t", "statement")
@example("t k=f(1+2)", "body")
@example("t k=1.net", "body")
@example("", "body")
@example("", "statement")
@example("a.neta.net", "statement")
def test_random_pieces_are_parsed_or_refused_as_by_lark(text: str, start: grammar.Start) -> None:
    assert by_kinds(text, start) == by_characters(text, start)


@examples(50)
@given(specs())
def test_statements_are_parsed_as_by_lark(text: str) -> None:
    for begin, end, _ in statements(Source("a.net", text)):
        assert by_kinds(text[begin:end], "statement") == by_characters(text[begin:end], "statement")


def test_statements_of_the_same_form_are_parsed_once() -> None:
    first, again, other = (grammar.read(text, "body")[0] for text in ("fc units=4096", "a  b=7 # c", "fc units=a"))
    assert first is again and first is not other


@examples(200)
@given(SOUP)
@example("conv inputs=a,b,3,f(c) inputs=d filters=3")
@example("inputs=f(a) 3 conv -> inputs=a")
@example(f"conv filters={'9' * 41} kernel=1e999")
def test_outline_of_a_body_is_that_of_its_syntax(text: str) -> None:
    for section in parse(Source("a.net", f"[a] {text}")).sections:
        built = Body.of(Items(section.values, section.pairs, section.claim))
        for name in ("type", "keys", "inputs", "has_claim"):
            assert getattr(section.body, name) == getattr(built, name)
