"""Notations that people bring from other formats, where a spec cannot have them, and how a spec writes the same.

Used only for statements with a syntax error: ``hint`` explains the mistake, ``rewritten`` offers a fix.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator

from netspec.diagnostics import Edit, Fix
from netspec.diagnostics.other_tools.augmentations import TIMM_POLICY
from netspec.formatting import format_number
from netspec.language.printed_counts import BEFORE_NAME, BEHIND_NAME, NAMES, printed_count
from netspec.source import Source, Span

_SIZES = "sizes are written with the letter x: 3x224x224"
_COMMENT = "a comment begins with #"
_NAME = r"[A-Za-z_][\w-]*"
_SPACE = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_QUOTE = "\"'`\u2018\u2019\u201c\u201d"
_NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_MINUS = "\u2013\u2014\u2212"

_KEY_BEFORE = re.compile(rf"({_NAME})=[^\s=;,]*$")
_COUNT = "a count is one number, weights=512000, or a rounded one, weights=512K"
_HINTS_OF_KEYS: dict[str, str] = {
    "betas": "they are two arguments: adam(beta1=0.9, beta2=0.999)",
    "channels": "channels= is a number of channels, and first= the first of them: channels=32 first=0",
    "range": "range= is the value of a white pixel, and black is 0: range=255 or range=1",
    **dict.fromkeys(NAMES, _COUNT),
}
"""Notes on numbers that cannot be read as the value of a key."""

_IN_BRACKETS = "the numbers of a word are written in brackets: gaussian(0.01)"

_HINTS: tuple[tuple[str, str], ...] = (
    (r"<{7}|={7}|>{7}", "this is an unresolved merge conflict: keep one of the two versions"),
    (
        r"(?:(?<=\w)|(?<=\w=))[<>\u2264\u2265]=?[ \t]*[.\d]",
        "a value is one number, not a bound: kernel=3, parameters=61.0M",
    ),
    (rf"=+>|[{_MINUS}-]+>|[\u2192\u21d2>]", "a claim begins with ->"),
    (r"rand-m\d", TIMM_POLICY),
    (r"\^\d", _COUNT),
    (r"[\d.]+[kKMGT]i?B\b", "a claim counts numbers, not bytes: parameters=61.0M"),
    (r"(?<==)=", "a key and its value are separated by one =: kernel=11"),
    (r"(?<=\d)/\d", "numbers are written as decimals: 0.5"),
    (r"\d+(?:_\d|[\d.]*[kKMG]\b)", "a number is written in full: 512000"),
    (rf";[ \t]*(?:->|[\r\n#]|\Z|{_NAME}\s*[=:])", "keys and claims are separated by spaces, without semicolons"),
    (r";\d", "a table's rows have commas between them, and + between the channels of a row: 0+1+2,1+2+3"),
    (rf"/|;|{_NAME}//", _COMMENT),
    (
        rf"self\.{_NAME}\s*=|(?<!=){_NAME}(?:\.{_NAME})+\(",
        "a layer is its name, type and keys: [conv1] conv filters=96 kernel=11",
    ),
    (rf"{_NAME}\.{_NAME}\s*=", "[conv1] stride=2 changes a key of a layer; conv1.stride=2 is for --set"),
    (rf"{_NAME}[./\\]", "a name is letters, digits, _ and -"),
    (r"\d+-\d", "a range is written out: 0+1+2"),
    (rf"[+*][ \t]*{_NAME}", "layers are joined by types: [c] sum inputs=a,b and [c] product inputs=a,b"),
    (r"\+", "the channels of a table's row are joined without spaces: 0+1+2"),
    (r"%", "a share is written as a number: 0.5"),
    (r"\u00d7|[*@]\d|\d+[X*\u00d7]\d", _SIZES),
    (rf"[\d.]*e?[{_MINUS}]\d", "a minus sign is written -"),
    (rf"[{_MINUS}-]", "a claim begins with ->, a comment with #"),
    (rf"[{_SPACE}]", "words are separated by ordinary spaces"),
    (rf"[{_QUOTE}]", "values are written without quotes"),
    (r"(?<=\])[:=]|(?<=\] )[:=]", "a layer's type follows its name: [conv1] conv kernel=11"),
    (r":", "a value follows its key after '=': kernel=11"),
    (r"\{", "a layer is one statement: [name] type key=value ..."),
    (r",", "keys are separated by spaces, without commas, and sizes are written 3x224x224"),
    (r"\[", "lists are written without brackets, inputs=a,b, and sizes with the letter x, 3x224x224"),
    (
        rf"\((?=[^()]*\.)\s*{_NUMBER}(?:\s*,\s*{_NUMBER})*\s*\)",
        "several numbers are written without brackets: area=0.08,1",
    ),
    (r"\(", "brackets are only for the numbers of a word, gaussian(0.01); height and width are written 3x5"),
)


MAX_TITLE_LENGTH = 40
MAX_STATEMENT_LENGTH = 2_000
"""A statement of more characters than this is not rewritten."""


def hint(text: str, place: int) -> str:
    """Return a note on the notation at a place where a syntax error begins; empty if it is not a known habit."""
    if text.startswith("->", place):
        return ""
    key = _KEY_BEFORE.search(text, max(0, place - MAX_TITLE_LENGTH), place)
    name = (
        key[1].lower() if key and text[key.end(1) + 1] in "0123456789([+-.~\u2248" and text[place] not in ";," else ""
    )
    if name in _HINTS_OF_KEYS:
        return _HINTS_OF_KEYS[name]
    if key and key[1] != "inputs" and re.compile(r":[-+.\d]").match(text, place) and re.search(_NAME + "$", key[0]):
        return _IN_BRACKETS
    return next((note for pattern, note in _HINTS if re.compile(pattern).match(text, place)), "")


def rewritten(source: Source, start: int, end: int) -> tuple[Fix, str] | None:
    """Return a fix that replaces all foreign notation in one statement, and the statement with it applied.

    Return ``None`` if there is nothing to replace.
    """
    edits = [edit for edit in _edits(source, start, end) if edit.span.text != edit.text]
    if not edits:
        return None
    text, place = "", start
    for edit in edits:
        text += source.text[place : edit.span.start] + edit.text
        place = edit.span.end
    first, last = edits[0].span.start - start, len(text)
    text += source.text[place:end]
    while first > 0 and not text[first - 1].isspace():
        first -= 1
    while last < len(text) and text[last] != "#" and (not text[last].isspace() or _is_open(text[first:last])):
        last += 1
    shown = " ".join(text[first:last].split())
    title = f"write {shown}" if shown and len(shown) <= MAX_TITLE_LENGTH else "write it as a spec does"
    return Fix(title, tuple(edits), spelling=True), text


def _is_open(text: str) -> bool:
    """Whether a bracket is opened and not closed, as in ``GroupNorm(32,``."""
    return text.count("(") > text.count(")")


def _edits(source: Source, start: int, end: int) -> Iterator[Edit]:
    """Yield the edits of a statement in order. Comments are left alone."""
    if end - start > MAX_STATEMENT_LENGTH:
        return
    for match in _ANY_HABIT.finditer(source.text, start, end):
        name = match.lastgroup
        if name == "note":
            yield Edit(Span(source, match.start(), match.start() + 2), "#")
        elif name is not None and name != "comment":
            yield Edit(
                Span(source, match.start(), match.end()), _REWRITES[name](match, source.text[start : match.start()])
            )


def _comma(match: re.Match[str], before: str) -> str:
    """Remove a comma or semicolon between keys, except inside the brackets of a call, where it belongs."""
    if before.count("(") > before.count(")"):
        return match[0]
    return _separator(match, before)


def _separator(match: re.Match[str], before: str) -> str:
    """Remove a sign, but keep what is before and after it apart."""
    return "" if match.string[match.end() : match.end() + 1].isspace() or match.end() == match.endpos else " "


def _colon(match: re.Match[str], before: str) -> str:
    """Replace a colon after a key. The first word of a statement is not a key."""
    return "=" if re.search(r"\s", before) else match[0]


def _size(match: re.Match[str], before: str) -> str:
    sides = re.findall(r"\d+", match[0])
    if re.search(r"\btable\s*=[\d\s,()\[\]]*$", before):
        return "+".join(sides)
    if re.search(r"\b(?:class_weights|from)\s*=\s*$", before):
        return ",".join(sides)
    if not re.search(r"\bpad\s*=\s*$", before):
        return "x".join(sides)
    if len(sides) == 2:  # (height, width), as in PyTorch
        rows, columns = sides
        return rows if rows == columns else f"{columns},{columns},{rows},{rows}"
    return ",".join(sides)


def _named_count(match: re.Match[str], before: str) -> str:
    """Write a count with its name before or behind it as a claim does: parameters=61.0M."""
    text = match[0]
    name = re.match(_NAME, text)
    count = re.search(r"[~\u2248\u223c]?[.\d]", text)
    printed = printed_count(text, count.start()) if count else None
    if count is None or printed is None:
        return text
    return f"{name[0]}={printed.text}" if name else f"{text[: count.start()]}{printed.name}={printed.text}"


def _product(match: re.Match[str], before: str) -> str:
    """Write sums and products as one number."""
    text = match[0]
    while inner := re.search(r"\(([^()]*)\)", text):
        text = f"{text[: inner.start()]}{_sum(inner[1])}{text[inner.end() :]}"
    return match[0] if "(" in text or ")" in text else _sum(text)


def _sum(text: str) -> str:
    """Compute a sum of products."""
    return str(sum(math.prod(map(int, re.findall(r"\d+", product))) for product in text.split("+")))


def _range(match: re.Match[str], before: str) -> str:
    return "255" if "255" in match[0] else "1"


def _list(match: re.Match[str], before: str) -> str:
    first, *others = re.findall(_PLAIN, match[0])
    if others and re.fullmatch(_NAME, first) and not any(re.match(_NAME, other) for other in others):
        return f"{first}({', '.join(others)})"  # (gaussian, 0.01) is a word and its numbers
    return ",".join([first, *others])


def _call(match: re.Match[str], before: str) -> str:
    """Write the numbers of a word in brackets: gaussian:0.01."""
    word, *numbers = re.split(r"\s*[,:]\s*", match[0])
    return f"{word}({', '.join(numbers)})"


def _rows(match: re.Match[str], before: str) -> str:
    return ",".join(row.replace(",", "+") for row in match[0].split(";"))


def _shape(match: re.Match[str], before: str) -> str:
    head = "input" if match[0].startswith("input") else "->"
    return f"{head} {_size(match, before)}" if re.search(r"[^\dx]", match[0].removeprefix(head).strip()) else match[0]


def _rule(match: re.Match[str], before: str) -> str:
    """Write PyTorch's or Keras's class of an update rule as the rule's word."""
    return match[0].strip(_QUOTE).rpartition(".")[2].lower()


def _attribute(match: re.Match[str], before: str) -> str:
    """Write an attribute that is a module of PyTorch as a layer with this name."""
    return f"[{match[0].partition('=')[0].strip().removeprefix('self.')}] "


def _slope(match: re.Match[str], before: str) -> str:
    """Write out the slope that a class of Keras or PyTorch has by default, or the number of slopes."""
    if "PReLU" in match[0]:
        return "PReLU(1)"
    return f"LeakyReLU({0.3 if 'layers.' in match[0] else 0.01})"


def _flag(match: re.Match[str], before: str) -> str:
    return "yes" if match[0] == "True" else "no"


def _betas(match: re.Match[str], before: str) -> str:
    """Write a pair of PyTorch's as two arguments."""
    first, second = re.findall(_PLAIN, match[0].partition("=")[2])
    return f"beta1={first}, beta2={second}"


def _percent(match: re.Match[str], before: str) -> str:
    return format_number(float(match[0].removesuffix("%")) / 100)


def _fraction(match: re.Match[str], before: str) -> str:
    top, bottom = map(int, match[0].split("/"))
    return format_number(top / bottom) if bottom else match[0]


def _replaced_by(text: str) -> Callable[[re.Match[str], str], str]:
    return lambda match, before: text


def _crops(match: re.Match[str], before: str) -> str:
    """Write PyTorch's random crops of several sizes, whose shares of the image and ratios of sides are in brackets."""
    others = before + match.string[match.end() : match.endpos]
    side = None if re.search(r"\bcrop\s*=", others) else match["side"]
    pairs = {"crop": side, "area": match["area"] or "0.08,1", "aspect": match["aspect"]}
    return " ".join(f"{key}={''.join(text.split())}" for key, text in pairs.items() if text)


_PLAIN = r"-?[\w.]+(?:[-+]\w+)*"
_PAIR = rf"\s*{_NUMBER}\s*,\s*{_NUMBER}\s*"
_SEPARATED = r"\d{1,9}(?:\s*[,x*X\u00d7@]\s*\d{1,9})+"
_TERM = r"(?:\(\s*)*\d{1,9}(?:\s*\))*"
_COUNT_KEYS = "|".join(rf"(?<=\b{word}=)" for word in NAMES)
_ARROW = "->|=>|\u2192"
_MODULE = r"(?:[A-Za-z_]\w*\.)"
_RULES: tuple[tuple[str, str, Callable[[re.Match[str], str], str]], ...] = (
    ("comment", r"#[^\r\n]*", _replaced_by("")),
    ("note", r"(?:(?<=\s)|^)(?://|/\*)[^\r\n]*", _replaced_by("#")),
    ("headed", r"(?<=\])[ \t]*[:=](?=[ \t]+[A-Za-z])", _replaced_by("")),
    ("rows", r"(?<=\btable=)[\d,]*;[\d,;]*\d", _rows),
    ("named", BEHIND_NAME, _named_count),
    ("counted", BEFORE_NAME, _named_count),
    ("stated", rf"(?:{_ARROW}|\binput\b)\s*[(\[]?\s*{_SEPARATED}(?:\s*[)\]])?", _shape),
    (
        "count",
        rf"(?:{_COUNT_KEYS}){_TERM}(?:\s*[*+xX\u00d7]\s*{_TERM})+(?![\w.])",
        _product,
    ),
    (
        "range",
        rf"(?<=\brange=)[(\[]?\s*0(?:\.0*)?\s*(?:[:,{_MINUS}-]|\.{{2,3}}|to)\s*(?:255|1)(?:\.0*)?\b(?:\s*[)\]])?",
        _range,
    ),
    ("rule", rf"(?<=\boptimizer=)[{_QUOTE}]?(?:[a-z]+\.)*(?:SGD|AdamW?|RMS[Pp]rop|Ada[Gg]rad)(?:Optimizer)?\b", _rule),
    (
        "crops",
        rf"(?:\w+\.)*RandomResizedCrop\(\s*(?:size\s*=\s*)?(?P<side>\d{{1,9}})"
        rf"(?:\s*,\s*scale\s*=\s*\((?P<area>{_PAIR})\))?(?:\s*,\s*ratio\s*=\s*\((?P<aspect>{_PAIR})\))?\s*\)",
        _crops,
    ),
    ("attribute", rf"^self\.{_NAME}[ \t]*=[ \t]*{_MODULE}*(?=[A-Z]\w*\()", _attribute),
    (
        "slope",
        rf"(?<![\w.])(?:{_MODULE}*layers|(?:torch\.)?nn)\.LeakyReLU\(\s*\)|(?<![\w.])(?:torch\.)?nn\.PReLU\(\s*\)",
        _slope,
    ),
    ("module", rf"(?<=[=\s])(?:(?:torch\.)?nn\.(?=[A-Z])|{_MODULE}+(?=[A-Z]\w*\())", _replaced_by("")),
    ("function", rf"(?<=\bactivation=){_MODULE}+(?=[a-z])", _replaced_by("")),
    ("flag", r"(?<=\b(?:nesterov|centered)=)(?:True|False)\b", _flag),
    ("betas", rf"\bbetas\s*=\s*[(\[]\s*{_PLAIN}\s*,\s*{_PLAIN}\s*[)\]]", _betas),
    ("grouped", r"(?<![\w.])\d{1,9}(?:_\d{1,9})+(?![\w.])", lambda match, before: match[0].replace("_", "")),
    ("size", rf"(?<!\w)[(\[]\s*{_SEPARATED}\s*[)\]]|\d{{1,9}}(?:\s*[*X\u00d7]\s*\d{{1,9}})+", _size),
    ("list", rf"(?<==)\s*[(\[]\s*{_PLAIN}(?:\s*,\s*{_PLAIN})*\s*[)\]]", _list),
    ("arrow", rf"=+>|[{_MINUS}-]+\s*>|[\u2192\u21d2]", _replaced_by("->")),
    ("equals", r"==+", _replaced_by("=")),
    ("minus", rf"[{_MINUS}](?=[\d.])", _replaced_by("-")),
    ("space", rf"[{_SPACE}]+", _replaced_by(" ")),
    ("invisible", "[\u200b-\u200d\u2060\ufeff]+", _replaced_by("")),
    ("quote", rf"[{_QUOTE}]", _replaced_by("")),
    ("numbers", rf"(?<!\binputs=)(?<==){_NAME}\s*:\s*{_NUMBER}(?:\s*[,:]\s*{_NUMBER})*(?![\w.])", _call),
    ("colon", rf"(?<=\w)\s*:\s*(?=[\w.+\-{_QUOTE}])", _colon),
    ("comma", r"[ \t]*[,;](?=\s*[A-Za-z_][\w-]*\s*[=:])", _comma),
    ("end", rf"[ \t]*(?:;(?=\s*(?:#|{_ARROW}|$))|,(?=\s*(?:#[^\r\n]*\s*)*(?:{_ARROW}|\Z)))", _separator),
    ("plus", r"(?<=\d)[ \t]*\+[ \t]*(?=\d)", _replaced_by("+")),
    ("percent", r"\d{1,9}(?:\.\d{1,9})?%", _percent),
    ("fraction", r"(?<=[=(,\s])\d{1,9}/\d{1,9}(?![\w.])", _fraction),
)
_ANY_HABIT = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern, _ in _RULES), re.MULTILINE)
_REWRITES = {name: write for name, _, write in _RULES}
