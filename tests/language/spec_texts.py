"""Hypothesis strategies for whole specs, with comments, line breaks, tabs and line ends wherever they are allowed.

Every strategy is a constant, since building one for each draw takes several times as long as drawing.
"""

from __future__ import annotations

from hypothesis import strategies as st

_WORDS = ["conv", "fc", "relu", "kernel", "filters", "crop", "from", "default", "net", "train", "x", "a-b", "_", "x3"]
_NAMES = st.sampled_from([*_WORDS, *_WORDS, "a-name-that-is-longer-than-a-cell", "n" * 70, "m" * 100])
_NUMBERS = st.sampled_from(["0", "11", "-7", "+1", "0.01", ".5", "1.", "1e-4", "5E+3", "227", "605030024", "001"])
_SIZES = st.sampled_from(["3x224x224", "3x5", "1x1x1", "96x55x55"])
_MAPS = st.sampled_from(["0+1", "3+2+11+5"])
_ROUNDED = st.sampled_from(["61.0M", "4K"])
_PLAIN = st.one_of(_NUMBERS, _SIZES, _NAMES)
_VALUES = st.one_of(_NUMBERS, _SIZES, _MAPS, _ROUNDED, _NAMES)
_REMARKS = st.one_of(
    st.sampled_from(["#", "# a comment", "#) -> 3x3", "#\ttabs\tin it  ", "# [conv1] conv", "## é × \u2028", "#,=("]),
    st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=40).map("#".__add__),
)
_INLINE = st.text(st.sampled_from(" \t"), min_size=1, max_size=3)
_IDLE = st.one_of(st.just(""), _INLINE, _REMARKS, st.builds(str.__add__, _INLINE, _REMARKS))
_BEFORE_END = st.sampled_from(["", " ", "\t"])
_AT_END = st.sampled_from(["", ""]) | _REMARKS
_IDLE_LINES = st.lists(_IDLE, max_size=2)


@st.composite
def _breaks(draw: st.DrawFn) -> str:
    """Generate a line's end, empty and comment lines, and the indentation of a continuation line."""
    end = draw(_BEFORE_END) + draw(_AT_END)
    return "\n".join([end, *draw(_IDLE_LINES), ""]) + draw(_INLINE)


_BREAK = _breaks()
_GAP = st.one_of(*[_INLINE] * 5, _BREAK)
_GAP_OR_NONE = st.one_of(*[st.just("")] * 5, _INLINE, _BREAK)
_NAMED = st.builds(lambda key, value: [key, "=", value], _NAMES, _PLAIN)
_ARGUMENTS = st.lists(st.one_of(_PLAIN.map(lambda text: [text]), _NAMED), max_size=6)
_ONE_IN_FOUR, _ONE_IN_FIVE = (st.integers(0, number - 1).map(lambda drawn: drawn == 0) for number in (4, 5))


def _spread(draw: st.DrawFn, tokens: list[str]) -> str:
    """Join tokens that need no space between them, with optional space."""
    text = tokens[0]
    for token in tokens[1:]:
        text += draw(_GAP_OR_NONE) + token
    return text


def _between(parts: list[list[str]], mark: str) -> list[str]:
    return [token for number, part in enumerate(parts) for token in ([mark] if number else []) + part]


@st.composite
def _values(draw: st.DrawFn) -> list[str]:
    """Generate the tokens of a value."""
    if not draw(_ONE_IN_FOUR):
        return [draw(_VALUES)]
    return [draw(_NAMES), "(", *_between(draw(_ARGUMENTS), ","), ")"]


_VALUE = _values()
_SEVERAL_VALUES = st.one_of(
    *[st.lists(_VALUE, min_size=1, max_size=1)] * 4,
    st.lists(_VALUE, min_size=1, max_size=4),
    st.lists(_VALUE, min_size=1, max_size=20),
)


@st.composite
def _item(draw: st.DrawFn) -> str:
    if draw(_ONE_IN_FIVE):
        return _spread(draw, draw(_VALUE))
    return _spread(draw, [draw(_NAMES), "=", *_between(draw(_SEVERAL_VALUES), ",")])


_ITEMS, _CLAIM = st.lists(_item(), max_size=6), st.lists(_item(), min_size=1, max_size=4)
_BOOLEANS = st.booleans()
_LAST_SPACE, _LAST_REMARK = st.sampled_from(["", "", " ", "\t "]), st.sampled_from(["", "", ""]) | _REMARKS


@st.composite
def _statement(draw: st.DrawFn) -> str:
    layer = draw(_BOOLEANS)
    text = _spread(draw, ["[", draw(_NAMES), "]"]) if layer else draw(_NAMES)
    items = draw(_ITEMS)
    if draw(_BOOLEANS if layer else _ONE_IN_FIVE):
        items = [*items, "->", *draw(_CLAIM)]
    for item in items:
        text += draw(_GAP) + item
    return text + draw(_LAST_SPACE) + draw(_LAST_REMARK)


_IDLE_BETWEEN = st.one_of(st.just(""), st.just("  "), _REMARKS, st.builds(str.__add__, _INLINE, _REMARKS))
_FIRST_LINES, _LINES_BETWEEN = (st.lists(_IDLE_BETWEEN, max_size=number) for number in (3, 2))
_STATEMENTS = st.lists(_statement(), max_size=5)
_LAST_BREAKS, _LINE_ENDS = st.sampled_from(["", "\n", "\n\n\n"]), st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def specs(draw: st.DrawFn) -> str:
    """Generate the text of a spec that is syntactically correct but may be meaningless."""
    lines: list[str] = draw(_FIRST_LINES)
    for statement in draw(_STATEMENTS):
        lines = [*lines, statement, *draw(_LINES_BETWEEN)]
    return ("\n".join(lines) + draw(_LAST_BREAKS)).replace("\n", draw(_LINE_ENDS))
