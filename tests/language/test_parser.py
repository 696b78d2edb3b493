"""The parser: every kind of value and line, with their places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis_profiles import examples
from parsed import only, places, read
from spec_texts import specs

from netspec.language.parser import grammar, is_change, parse
from netspec.language.parser.statements import statements
from netspec.language.parser.trees import Reader
from netspec.language.syntax import Call, Dims, Maps, Number, Section, Value, Values, Word
from netspec.language.words import MAX_NUMBER_LENGTH
from netspec.source import Source, Span


def section(text: str) -> Section:
    file = read(text)
    assert file.diagnostics == ()
    (only,) = file.sections
    return only


def value(text: str) -> Value:
    (pair,) = section(f"[a] t k={text}").pairs
    return pair.value


def plain(item: Value) -> object:
    """Return a value without its positions."""
    match item:
        case Number(value=number):
            return number
        case Dims(values=numbers):
            return numbers
        case Maps(values=numbers):
            return {*numbers}
        case Word(text=text):
            return text
        case Values(items=items):
            return [plain(i) for i in items]
        case Call():
            return item.name.text, [plain(i) for i in item.args], {p.key.text: plain(p.value) for p in item.named}


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("11", 11),
        ("0+1+25", {0, 1, 25}),
        ("0+1,2,1+2", [{0, 1}, 2, {1, 2}]),
        ("-7", -7),
        ("+7", 7),
        ("0", 0),
        ("007", 7),
        ("1e-4", 0.0001),
        ("1E-4", 0.0001),
        ("5e-4", 0.0005),
        ("1e4", 10000.0),
        (".75", 0.75),
        ("-.5", -0.5),
        ("2.", 2.0),
        ("3.0", 3.0),
        ("3x5", (3, 5)),
        ("3x224x224", (3, 224, 224)),
        ("1x2x3x4", (1, 2, 3, 4)),
        ("relu", "relu"),
        ("x3", "x3"),
        ("conv-1_b", "conv-1_b"),
        ("_", "_"),
        ("gaussian(0.01)", ("gaussian", [0.01], {})),
        ("f()", ("f", [], {})),
        ("tanh(1.7159, 0.667)", ("tanh", [1.7159, 0.667], {})),
        ("sgd(lr=0.01, momentum=0.9)", ("sgd", [], {"lr": 0.01, "momentum": 0.9})),
        ("steps(25,51, factor=.1)", ("steps", [25, 51], {"factor": 0.1})),
        ("1,2,1,2", [1, 2, 1, 2]),
        ("a, b ,c", ["a", "b", "c"]),
        ("3x5,7", [(3, 5), 7]),
        ("he,gaussian(0.1)", ["he", ("gaussian", [0.1], {})]),
    ],
)
def test_values_are_parsed(written: str, read_as: object) -> None:
    found = value(written)
    assert plain(found) == read_as
    assert type(plain(found)) is type(read_as)
    assert found.span.text == written


@pytest.mark.parametrize(
    "wrong", ["1e", "3x", "3x5y", "1.2.3", "1-2", "--1", "0x", "1,", ",1", "(1)", "f(", "f)", "f(1,)"]
)
def test_invalid_value_is_a_syntax_error(wrong: str) -> None:
    assert only(f"[a] t k={wrong}").code == "syntax"


def test_nested_calls_are_syntax_errors() -> None:
    assert only("[a] t k=f(g(1))").span.column == 12
    assert only("[a] t k=" + "f(" * 10_000 + ")" * 10_000).span.column == 12


def test_section_has_name_values_pairs_and_claim() -> None:
    found = section("[conv1]  conv  filters=96 kernel=11 -> 96x55x55 units=290400")
    assert found.name.text == "conv1"
    assert [plain(v) for v in found.values] == ["conv"]
    assert {p.key.text: plain(p.value) for p in found.pairs} == {"filters": 96, "kernel": 11}
    assert found.claim is not None
    assert [plain(v) for v in found.claim.values] == [(96, 55, 55)]
    assert {p.key.text: plain(p.value) for p in found.claim.pairs} == {"units": 290400}
    assert found.claim.span.text == "96x55x55 units=290400"


def test_setting_has_values_and_pairs() -> None:
    (found,) = read("net alexnet rounding=up # as printed").settings
    assert (found.word.text, [plain(v) for v in found.values]) == ("net", ["alexnet"])
    assert found.span.text == "net alexnet rounding=up"


@pytest.mark.parametrize(
    "line", ["[a]relu->3", "[ a ] relu -> 3", "[a]\trelu\t->\t3", "[a] relu # c\n  -> 3", "[a] relu\n\n# c\n\t-> 3"]
)
def test_optional_space_is_ignored(line: str) -> None:
    found = section(line)
    assert (found.name.text, [plain(v) for v in found.values]) == ("a", ["relu"])
    assert found.claim is not None and plain(found.claim.values[0]) == 3


def test_space_around_equals_signs_is_allowed() -> None:
    (pair,) = section("[a] t k = 3").pairs
    assert (pair.key.text, plain(pair.value), pair.span.text) == ("k", 3, "k = 3")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_endings_are_read(end: str) -> None:
    text = end.join(["net a", "[i] input 3x8x8", "[c] conv filters=2 # ×", "    kernel=3", "[d] cnov $", ""])
    file = read(text)
    assert [s.name.text for s in file.sections] == ["i", "c", "d"]
    assert [p.key.text for p in file.sections[1].pairs] == ["filters", "kernel"]
    (kernel,) = [p for p in file.sections[1].pairs if p.key.text == "kernel"]
    assert (kernel.span.line, kernel.span.column) == (4, 5)
    assert places(text) == [("syntax", 5, 10, "$")]
    assert file.source.line(3) == "[c] conv filters=2 # ×"


def test_comments_are_not_part_of_values() -> None:
    found = section("[a] t k=3# kernel=5\n  j=4 # -> 3x3x3 é 漢 😀 [b]\n# [c] t")
    assert {p.key.text: plain(p.value) for p in found.pairs} == {"k": 3, "j": 4}
    assert found.claim is None


def test_columns_count_characters() -> None:
    file = read("# 漢字 × é 😀\n[a] t k=3 # 😀\n[b] t $")
    assert [(d.span.line, d.span.column) for d in file.diagnostics] == [(3, 7)]


def test_spans_cover_their_parts() -> None:
    text = "net n\n[a]  t  v  k=f(1, b=2)\n  j=1,2  -> 3x4x4 units=5"
    (found,) = read(text).sections

    def at(span: Span) -> tuple[int, int, str]:
        return span.line, span.column, span.text

    assert at(found.name.span) == (2, 2, "a")
    assert [at(v.span) for v in found.values] == [(2, 6, "t"), (2, 9, "v")]
    call, pair = found.pairs
    assert at(call.span) == (2, 12, "k=f(1, b=2)")
    assert isinstance(call.value, Call) and at(call.value.named[0].span) == (2, 19, "b=2")
    assert at(pair.value.span) == (3, 5, "1,2")
    assert found.claim is not None and at(found.claim.span) == (3, 13, "3x4x4 units=5")
    assert found.span.text == text[6:]


def test_indented_lines_continue_a_statement() -> None:
    (found,) = read("train epochs=90\n   batch=128\n\n# between\n\tschedule=constant\n").settings
    assert [p.key.text for p in found.pairs] == ["epochs", "batch", "schedule"]


def test_longest_number_is_accepted() -> None:
    assert plain(value("9" * MAX_NUMBER_LENGTH)) == int("9" * MAX_NUMBER_LENGTH)


def test_repeated_key_is_kept_for_the_checker() -> None:
    assert [p.key.text for p in section("[a] t k=1 k=2").pairs] == ["k", "k"]


def test_call_ends_at_its_closing_bracket() -> None:
    text = "[a] t k=f(1 # not here)\n  ) l=g(# nor here)\n ) -> 3"
    k, ell = section(text).pairs
    assert k.value.span.text == "f(1 # not here)\n  )"
    assert ell.value.span.text == "g(# nor here)\n )"


@pytest.mark.parametrize("text", ["conv1.stride=2", " conv1 . stride = 2", "a.b=(", "train.batch=64 x"])
def test_well_formed_changes_are_recognised(text: str) -> None:
    assert is_change(text)


@pytest.mark.parametrize("text", ["", "foo", "a.b", "a.b=", "a.b= ", "a=b", "a.b.c=1", ".b=1", "1.b=1"])
def test_malformed_changes_are_recognised(text: str) -> None:
    assert not is_change(text)


def test_identical_layers_have_separate_positions() -> None:
    text = "[a] t k=f(1, b=2) -> 3 # one\n[bcd]  t k=f(1, b=2) -> 3 # one\n\n[ e ] t k=f(1, b=2) -> 3 # one\n"
    sections = read(text).sections
    assert [s.body for s in sections[1:]] != [sections[0].body, sections[0].body]  # other spaces, another text
    again = read(text.replace("[bcd]  t", "[bcd] t")).sections
    assert again[0].body is again[1].body is again[2].body
    for section in again:
        spans = [section.values[0].span, section.pairs[0].span, section.claim.values[0].span]  # type: ignore[union-attr]
        assert [span.text for span in spans] == ["t", "k=f(1, b=2)", "3"]
        assert {span.line for span in spans} == {section.name.span.line}


@pytest.mark.parametrize("text", ["[a] t k=1 u", "[a] t\n[b] t k=f(1) u(2) # 3", "[a] t k=1 -> 3 units=4"])
def test_layer_ends_with_its_last_word(text: str) -> None:
    section = read(text).sections[-1]
    assert section.span.text == text[section.span.start :].partition(" #")[0]


@examples(50)
@given(specs())
def test_body_parsed_alone_equals_that_of_its_statement(text: str) -> None:
    source = Source("a.net", text)
    sections = {section.span.start: section for section in parse(source).sections}
    for start, end, _ in statements(source):
        form, words = grammar.read(text[start:end], "statement")
        if form.rule == "section":
            whole, alone = Reader(source, start, words).section(form), sections[start]
            for part in ("name", "values", "pairs", "claim", "span"):
                assert getattr(alone, part) == getattr(whole, part)
