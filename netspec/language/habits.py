"""Notations that people bring from other formats, where a spec cannot have them, and how a spec writes the same.

Used only for statements with a syntax error: ``hint`` explains the mistake, ``rewritten`` offers a fix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from netspec.diagnostics import Edit, Fix
from netspec.source import Source, Span
from netspec.units import plain

_SIZES = "sizes are written with the letter x: 3x224x224"
_COMMENT = "a comment begins with #"
_NAME = r"[A-Za-z_][\w-]*"
_SPACE = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_QUOTE = "\"'`\u2018\u2019\u201c\u201d"
_MINUS = "\u2013\u2014\u2212"

_HINTS: tuple[tuple[str, str], ...] = (
    (r"<{7}|={7}|>{7}", "a merge has left two versions of the file here: take one of them"),
    (rf"=+>|[{_MINUS}-]+>|[\u2192\u21d2>]", "a claim begins with ->"),
    (r"(?<==)=", "one = stands between a key and its value: kernel=11"),
    (r"(?<=\d)/\d", "numbers are written as decimals: 0.5"),
    (r";\d", "a table's rows have commas between them, and + between the channels of a row: 0+1+2,1+2+3"),
    (rf"/|;|{_NAME}//", _COMMENT),
    (rf"{_NAME}\.{_NAME}\s*=", "[conv1] stride=2 changes a key of a layer; conv1.stride=2 is for --set"),
    (rf"{_NAME}[./\\]", "a name is letters, digits, _ and -"),
    (r"\d+-\d", "a range is written out: 0+1+2"),
    (r"\+", "the channels of a table's row are joined without spaces: 0+1+2"),
    (r"%", "a share is written as a number: 0.5"),
    (r"\u00d7|\*\d|\d+[X*\u00d7]\d", _SIZES),
    (rf"[\d.]*e?[{_MINUS}]\d", "a minus sign is written -"),
    (rf"[{_MINUS}-]", "a claim begins with ->, a comment with #"),
    (rf"[{_SPACE}]", "words are parted by ordinary spaces"),
    (rf"[{_QUOTE}]", "values are written without quotes"),
    (r":", "a value follows its key after '=': kernel=11"),
    (r"\{", "a layer is one statement: [name] type key=value ..."),
    (r",", "keys stand beside each other without commas, and sizes are written 3x224x224"),
    (r"\[", "lists are written without brackets, inputs=a,b, and sizes with the letter x, 3x224x224"),
    (r"\(", "brackets stand only behind a value's word, gaussian(0.01); height and width are written 3x5"),
)


LONGEST_TITLE = 40
LONGEST_STATEMENT = 2_000
"""A statement of more characters than this is not rewritten."""


def hint(text: str, place: int) -> str:
    """Return a note on the notation at a place where a syntax error begins; empty if it is not a known habit."""
    if text.startswith("->", place):
        return ""
    return next((said for pattern, said in _HINTS if re.compile(pattern).match(text, place)), "")


def rewritten(source: Source, start: int, end: int) -> tuple[Fix, str] | None:
    """Return a fix that replaces all foreign notation in one statement, and the statement with it applied.

    Return ``None`` if there is nothing to replace.
    """
    edits = [edit for edit in _edits(source, start, end) if edit.span.text != edit.text]
    if not edits:
        return None
    written, place = "", start
    for edit in edits:
        written += source.text[place : edit.span.start] + edit.text
        place = edit.span.end
    first, last = edits[0].span.start - start, len(written)
    written += source.text[place:end]
    while first > 0 and not written[first - 1].isspace():
        first -= 1
    while last < len(written) and not written[last].isspace():
        last += 1
    shown = " ".join(written[first:last].split())
    title = f"write {shown}" if shown and len(shown) <= LONGEST_TITLE else "write it as a spec does"
    return Fix(title, tuple(edits), spelling=True), written


def _edits(source: Source, start: int, end: int) -> Iterator[Edit]:
    """Yield the edits of a statement in order. Comments are left alone."""
    if end - start > LONGEST_STATEMENT:
        return
    for found in _HABIT.finditer(source.text, start, end):
        name = found.lastgroup
        if name == "note":
            yield Edit(Span(source, found.start(), found.start() + 2), "#")
        elif name is not None and name != "comment":
            yield Edit(
                Span(source, found.start(), found.end()), _WRITTEN[name](found, source.text[start : found.start()])
            )


def _comma(found: re.Match[str], before: str) -> str:
    """Remove a comma between keys, except inside the brackets of a call, where it belongs."""
    if before.count("(") > before.count(")"):
        return found[0]
    return "" if found.string[found.end()].isspace() else " "


def _colon(found: re.Match[str], before: str) -> str:
    """Replace a colon after a key. The first word of a statement is not a key."""
    return "=" if re.search(r"\s", before) else found[0]


def _size(found: re.Match[str], before: str) -> str:
    sides = re.findall(r"\d+", found[0])
    if re.search(r"\btable\s*=[\d\s,()\[\]]*$", before):
        return "+".join(sides)
    if not re.search(r"\bpad\s*=\s*$", before):
        return "x".join(sides)
    if len(sides) == 2:  # (height, width), as in PyTorch
        rows, columns = sides
        return rows if rows == columns else f"{columns},{columns},{rows},{rows}"
    return ",".join(sides)


def _list(found: re.Match[str], before: str) -> str:
    first, *others = re.findall(_PLAIN, found[0])
    if others and re.fullmatch(_NAME, first) and not any(re.match(_NAME, other) for other in others):
        return f"{first}({', '.join(others)})"  # (gaussian, 0.01) is a word and its numbers
    return ",".join([first, *others])


def _rows(found: re.Match[str], before: str) -> str:
    return ",".join(row.replace(",", "+") for row in found[0].split(";"))


def _stated(found: re.Match[str], before: str) -> str:
    head = "input" if found[0].startswith("input") else "->"
    return f"{head} {_size(found, before)}" if re.search(r"[^\dx]", found[0].removeprefix(head).strip()) else found[0]


def _percent(found: re.Match[str], before: str) -> str:
    return plain(float(found[0].removesuffix("%")) / 100)


def _fraction(found: re.Match[str], before: str) -> str:
    top, bottom = map(int, found[0].split("/"))
    return plain(top / bottom) if bottom else found[0]


def _always(text: str) -> Callable[[re.Match[str], str], str]:
    return lambda found, before: text


_PLAIN = r"-?[\w.]+(?:[-+]\w+)*"
_SEPARATED = r"\d{1,9}(?:\s*[,x*X\u00d7]\s*\d{1,9})+"
_RULES: tuple[tuple[str, str, Callable[[re.Match[str], str], str]], ...] = (
    ("comment", r"#[^\r\n]*", _always("")),
    ("note", r"(?:(?<=\s)|^)(?://|/\*)[^\r\n]*", _always("#")),
    ("rows", r"(?<=\btable=)[\d,]*;[\d,;]*\d", _rows),
    ("stated", rf"(?:->|=>|\u2192|\binput\b)\s*[(\[]?\s*{_SEPARATED}(?:\s*[)\]])?", _stated),
    ("size", rf"(?<!\w)[(\[]\s*{_SEPARATED}\s*[)\]]|\d{{1,9}}(?:\s*[*X\u00d7]\s*\d{{1,9}})+", _size),
    ("list", rf"(?<==)\s*[(\[]\s*{_PLAIN}(?:\s*,\s*{_PLAIN})*\s*[)\]]", _list),
    ("arrow", rf"=+>|[{_MINUS}-]+\s*>|[\u2192\u21d2]", _always("->")),
    ("equals", r"==+", _always("=")),
    ("minus", rf"[{_MINUS}](?=[\d.])", _always("-")),
    ("space", rf"[{_SPACE}]+", _always(" ")),
    ("invisible", "[\u200b-\u200d\u2060\ufeff]+", _always("")),
    ("quote", rf"[{_QUOTE}]", _always("")),
    ("colon", rf"(?<=\w)\s*:\s*(?=[\w.+\-{_QUOTE}])", _colon),
    ("comma", r"[ \t]*,(?=\s*[A-Za-z_][\w-]*\s*[=:])", _comma),
    ("end", r"\s*;(?=\s*(?:#|$))", _always("")),
    ("plus", r"(?<=\d)[ \t]*\+[ \t]*(?=\d)", _always("+")),
    ("percent", r"\d{1,9}(?:\.\d{1,9})?%", _percent),
    ("fraction", r"(?<=[=(,\s])\d{1,9}/\d{1,9}(?![\w.])", _fraction),
)
_HABIT = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern, _ in _RULES), re.MULTILINE)
_WRITTEN = {name: write for name, _, write in _RULES}
