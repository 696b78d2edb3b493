"""Whole specs by chance, for properties: comments, breaks, tabs and line ends in every place where they may stand."""

from __future__ import annotations

from hypothesis import strategies as st

_WORDS = ["conv", "fc", "relu", "kernel", "filters", "crop", "from", "default", "net", "train", "x", "a-b", "_", "x3"]
_NAMES = st.sampled_from([*_WORDS, *_WORDS, "a-name-that-is-longer-than-a-cell", "n" * 70, "m" * 100])
_NUMBERS = st.sampled_from(["0", "11", "-7", "+1", "0.01", ".5", "1.", "1e-4", "5E+3", "227", "605030024", "001"])
_SIZES = st.sampled_from(["3x224x224", "3x5", "1x1x1", "96x55x55"])
_PLAIN = st.one_of(_NUMBERS, _SIZES, _NAMES)
_REMARKS = st.one_of(
    st.sampled_from(["#", "# a comment", "#) -> 3x3", "#\ttabs\tin it  ", "# [conv1] conv", "## é × \u2028", "#,=("]),
    st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=40).map("#".__add__),
)
_INLINE = st.text(st.sampled_from(" \t"), min_size=1, max_size=3)


@st.composite
def _break(draw: st.DrawFn) -> str:
    """A line's end, lines that say nothing, and the indentation of a line that goes on."""
    idle = st.one_of(st.just(""), _INLINE, _REMARKS, st.builds(str.__add__, _INLINE, _REMARKS))
    end = draw(st.sampled_from(["", " ", "\t"])) + draw(st.sampled_from(["", ""]) | _REMARKS)
    lines = [end, *draw(st.lists(idle, max_size=2)), ""]
    return "\n".join(lines) + draw(_INLINE)


def _gap(*, needed: bool) -> st.SearchStrategy[str]:
    inline = [_INLINE] * 5 if needed else [st.just("")] * 5 + [_INLINE]
    return st.one_of(*inline, _break())


@st.composite
def _spread(draw: st.DrawFn, tokens: list[str]) -> str:
    """Tokens that need no space between them, with some all the same."""
    text = tokens[0]
    for token in tokens[1:]:
        text += draw(_gap(needed=False)) + token
    return text


def _between(parts: list[list[str]], mark: str) -> list[str]:
    return [token for number, part in enumerate(parts) for token in ([mark] if number else []) + part]


@st.composite
def _value(draw: st.DrawFn) -> list[str]:
    """A value's tokens."""
    if draw(st.integers(0, 3)):
        return [draw(_PLAIN)]
    named = st.builds(lambda key, value: [key, "=", value], _NAMES, _PLAIN)
    arguments = draw(st.lists(st.one_of(_PLAIN.map(lambda text: [text]), named), max_size=6))
    return [draw(_NAMES), "(", *_between(arguments, ","), ")"]


@st.composite
def _item(draw: st.DrawFn) -> str:
    if not draw(st.integers(0, 4)):
        return draw(_spread(draw(_value())))
    values = draw(st.lists(_value(), min_size=1, max_size=draw(st.sampled_from([1, 1, 1, 1, 4, 20]))))
    return draw(_spread([draw(_NAMES), "=", *_between(values, ",")]))


@st.composite
def _statement(draw: st.DrawFn) -> str:
    layer = draw(st.booleans())
    text = draw(_spread(["[", draw(_NAMES), "]"])) if layer else draw(_NAMES)
    items = draw(st.lists(_item(), max_size=6))
    if layer and draw(st.booleans()):
        items += ["->", *draw(st.lists(_item(), min_size=1, max_size=4))]
    for item in items:
        text += draw(_gap(needed=True)) + item
    return text + draw(st.sampled_from(["", "", " ", "\t "])) + draw(st.sampled_from(["", "", ""]) | _REMARKS)


@st.composite
def specs(draw: st.DrawFn) -> str:
    """The text of a spec without syntax errors; what it means is of no account."""
    idle = st.one_of(st.just(""), st.just("  "), _REMARKS, st.builds(str.__add__, _INLINE, _REMARKS))
    lines: list[str] = draw(st.lists(idle, max_size=3))
    for statement in draw(st.lists(_statement(), max_size=5)):
        lines += [statement, *draw(st.lists(idle, max_size=2))]
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n\n"]))
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"])))
