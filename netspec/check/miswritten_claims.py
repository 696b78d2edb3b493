"""Report what is wrong with how a claim is written, with a fix if its meaning is clear."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Collection, Iterator
from typing import NamedTuple

from netspec import layers
from netspec.check.report import Findings
from netspec.diagnostics import Edit, Fix
from netspec.diagnostics.fixes import insertion, removal
from netspec.diagnostics.other_tools.keys import ABSENT_COUNTS
from netspec.diagnostics.other_tools.words import WORDS, plain_word
from netspec.formatting import format_count, format_product
from netspec.keys import BadValue
from netspec.keys.counts import MAX_COUNT, SCALES, Count, Counts
from netspec.keys.kind import shown
from netspec.language.printed_counts import printed_count
from netspec.language.syntax import Claim, Dims, Maps, Number, Pair, Rounded, Value, Word
from netspec.setting_keys import keys_of_setting
from netspec.source import Span

_COUNT = Counts()
_SCALED = ("flops", "macs", "madds", "multadds", "multiplyadds", "params", "parameters")
"""Counts whose names may begin with the letter of a scale: GFLOPs."""

_GROUPED = re.compile(r"[\d\s]+")
"""Digits with spaces between them: one number, or several."""


class Piece(NamedTuple):
    """A count that is written in several words: ``60 million``, ``61M parameters``. ``text`` is how a spec writes it.

    ``key`` is that of the pair whose value it is, empty if it is no pair.
    """

    span: Span
    key: str
    text: str

    def report(self, findings: Findings, layer: str) -> None:
        """Report how it is written."""
        words = self.span.text
        fixes = (Fix(f"write {self.text}", (Edit(self.span, self.text),), spelling=True),)
        if self.key:
            message = f"{self.key}: needs {_COUNT.doc}, not '{words}'"
            findings.add("bad-value", message, self.span, fixes=fixes, layer=layer)
        else:
            message = f"a count follows its name; did you mean {self.text}?"
            findings.add("stray-value", message, self.span, fixes=fixes, layer=layer)


class Pieces(NamedTuple):
    """The counts of a claim that are written in several words, and where the values begin that are parts of them."""

    counts: tuple[Piece, ...] = ()
    starts: frozenset[int] = frozenset()

    def have(self, value: Value) -> bool:
        """Whether a value is a part of such a count."""
        return value.span.start in self.starts


def counts_in_pieces(claim: Claim, known: Collection[str], *, may_have_shape: bool) -> Pieces:
    """Return the counts of a claim that are written in several words.

    Where the claim may have a shape, a single number after a count may be that: ``weights=960 120``. Digits with spaces
    between them are then one number only if there are more of them, or a shape elsewhere in the claim.
    """
    if not claim.values:
        return Pieces()
    end, starts = claim.span.end, [value.span.start for value in claim.values]
    pieces: list[Piece] = []
    taken: set[int] = set()

    def take(piece: Piece) -> None:
        pieces.append(piece)
        taken.update(starts[bisect_left(starts, piece.span.start) : bisect_left(starts, piece.span.end)])

    for pair in claim.pairs:
        span, text, _ = _printed(end, pair.value)
        alone = len(claim.values) == 1 and may_have_shape and _GROUPED.fullmatch(span.text)
        if text and span.end > pair.value.span.end and not alone:
            take(Piece(span, pair.key.text, text))
            taken.add(pair.value.span.start)
    for value, after in zip(claim.values, (*claim.values[1:], None), strict=True):
        if isinstance(value, Dims):
            continue
        span, text, name = _printed(end, value)
        if isinstance(value, Word) and after is not None and after.span.start not in taken:
            name, (span, text, _) = value.text, _printed(end, after)
            span = value.span.to(span)
        key = meant(name, known)
        if text and key and value.span.start not in taken:
            take(Piece(span, "", f"{key}={text}"))
    return Pieces(tuple(pieces), frozenset(taken))


def _printed(end: int, value: Value) -> tuple[Span, str, str]:
    """Return the count that is printed where a value of a claim begins, its text and its name; both are empty if there
    is none. The claim is up to ``end``."""
    source, start = value.span.source, value.span.start
    printed = printed_count(source.text, start, end)
    return (Span(source, start, printed.end), printed.text, printed.name) if printed else (value.span, "", "")


def meant(name: str, known: Collection[str]) -> str | None:
    """Return the count of those ``known`` that a name stands for in papers and other tools."""
    return next((word for word in (name.lower(), *WORDS.get(plain_word(name), ())) if word in known), None)


def report_unknown(pair: Pair, claim: Claim, known: Collection[str], findings: Findings, layer: str) -> None:
    """Report a key that a claim does not have."""
    word = pair.key
    if is_key(word.text, layer):
        message = f"{word.text}= is a key, and keys are written before ->"
        findings.add("unknown-key", message, pair.span, fixes=(_moved(pair, claim),), layer=layer)
        return
    name, text = count_of(pair)
    absent = ABSENT_COUNTS.get(name)
    if absent:
        fixes = tuple(_of_flops(pair, text)) if name in ("flop", "flops") and text else ()
        findings.add(
            "unknown-key", f"claim '{word.text}' is unknown", word.span, notes=(absent,), fixes=fixes, layer=layer
        )
        return
    notes = (f"{'a layer' if layer else 'a network'} may state {', '.join(known)}",)
    near = meant(name, known) or findings.nearest(word.text, known)
    if near and text and text != pair.value.span.text:
        right = f"{near}={text}"
        message = f"claim '{word.text}' is unknown; did you mean {right}?"
        fixes = (Fix(f"write {right}", (Edit(pair.span, right),)),)
        findings.add("unknown-key", message, word.span, notes=notes, fixes=fixes, layer=layer)
        return
    findings.unknown("unknown-key", "claim", word, known, layer=layer, notes=notes)


def is_key(word: str, layer: str) -> bool:
    """Whether a word is a key of a layer, or else of the ``net`` line."""
    if layer:
        return any(layer_type.key(word) for layer_type in layers.all_types())
    return word in [key.name for key in keys_of_setting("net")]


def _moved(pair: Pair, claim: Claim) -> Fix:
    """Return the fix that writes a key before the claim's arrow. If the claim has nothing else, the arrow goes."""
    source = pair.span.source
    arrow = source.text.rfind("->", 0, claim.span.start)
    title = f"write {shown(pair)} before ->"
    if len(claim.pairs) + len(claim.values) == 1:
        return Fix(title, (Edit(Span(source, arrow, pair.span.start), ""),), spelling=True)
    return Fix(title, (insertion(source, arrow, f"{pair.span.text}  "), removal(pair.span)), spelling=True)


def count_of(pair: Pair) -> tuple[str, str]:
    """Return what a count is called, and how a spec writes it, empty if it is none: ``flops`` and ``1.45G`` of
    ``GFLOPs=1.45``."""
    name, letter, value = plain_word(pair.key.text), "", pair.value
    if name[:1].upper() in SCALES and name[1:] in _SCALED and isinstance(value, Number):
        name, letter = name[1:], name[0].upper()
    if isinstance(value, Rounded):
        return name, value.text
    printed = printed_count(f"{value.span.text}{letter}")
    if printed and printed.end == len(value.span.text) + len(letter):
        return name, printed.text
    number = number_of(value)
    return name, "" if number is None or letter else str(number)


def _of_flops(pair: Pair, text: str) -> Iterator[Fix]:
    """Yield fixes that claim connections for FLOPs: as many, as many papers count them, or half as many; none for a
    number that no count is."""
    try:
        number, unit, letter = _COUNT.read(Number(int(text), pair.span) if text.isdigit() else Rounded(text, pair.span))
    except BadValue:
        return
    halves = [number // 2 // unit * unit] if unit > 1 or number % 2 == 0 else []
    for count in (number, *halves):
        right = f"connections={Count(count, unit, letter)}"
        yield Fix(f"write {right}", (Edit(pair.span, right),))


def report_bad_count(pair: Pair, error: BadValue, findings: Findings, layer: str) -> None:
    """Report a count that could not be read, with a fix if it is a number in another notation."""
    (_, text), value = count_of(pair), pair.value
    notes: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    if text and text != value.span.text:
        fixes = (Fix(f"write {text}", (Edit(value.span, text),), spelling=True),)
        notes = (f"{format_product(value.values)} = {format_count(int(text))}",) if isinstance(value, Dims) else ()
    findings.add("bad-value", f"{pair.key.text}: {error.message}", error.span, notes=notes, fixes=fixes, layer=layer)


def number_of(value: Value) -> int | None:
    """Return the whole number that is written as 150.0, 5x5x6 or 144+6; ``None`` for another value."""
    match value:
        case Number() if value.value == int(value.value) and 0 <= value.value <= MAX_COUNT:
            return int(value.value)
        case Dims() if (product := math.prod(value.values)) <= MAX_COUNT:
            return product
        case Maps():
            return sum(value.values)
    return None
