"""What a layer's body says, by its words alone."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

from netspec.language.parser.grammar import Form, Words
from netspec.language.syntax import Wording
from netspec.language.words import MAX_NUMBER_LENGTH


class Extent(NamedTuple):
    """The words of a value: from the number ``first`` up to but not including ``end``."""

    first: int
    end: int


class Outline(NamedTuple):
    """Where the words of a body's values are, those of its pairs (each with the number of the key), and its claim."""

    values: tuple[Extent, ...]
    pairs: tuple[tuple[int, Extent], ...]
    claim: Extent | None


@functools.lru_cache(maxsize=4096)
def _outline(form: Form) -> Outline:
    """Return the outline of a body's parse tree."""
    values, pairs, claim = [], [], None
    for part in form.parts:
        if isinstance(part, Form) and part.rule == "claim":
            claim = _extent(part)
        elif isinstance(part, Form) and part.rule == "pair":
            key, value = part.parts
            assert isinstance(key, int)
            pairs.append((key, _extent(value)))
        else:
            values.append(_extent(part))
    return Outline(tuple(values), tuple(pairs), claim)


def _extent(part: Form | int) -> Extent:
    numbers = [*_numbers(part)]
    return Extent(numbers[0], numbers[-1] + 1)


def _numbers(part: Form | int) -> Iterator[int]:
    """Yield the numbers of a part's words in order."""
    if isinstance(part, int):
        yield part
    else:
        for inner in part.parts:
            yield from _numbers(inner)


def wording(form: Form, words: Words) -> Wording:
    """Return the words of a body, by what they belong to."""
    texts, kinds = words.texts, words.kinds
    values, pairs, claim = _outline(form)
    tokens, inputs = texts, None
    lists = [extent for key, extent in pairs if texts[key] == "inputs"]
    if len(lists) == 1:
        first, end = lists[0]
        if all(kind in ("NAME", "COMMA") for kind in kinds[first:end]):
            tokens, inputs = texts[:first] + texts[end:], texts[first:end:2]
    return Wording(
        tokens,
        tuple([texts[first:end] for first, end in values]),
        tuple([(texts[key], texts[first:end]) for key, (first, end) in pairs]),
        texts[claim.first : claim.end] if claim else (),
        inputs,
    )


def may_be_too_long(words: Words) -> bool:
    """Whether a word may be longer, or a number larger, than is accepted."""
    return words.exponents or (
        len(words.text) > MAX_NUMBER_LENGTH and max(map(len, words.texts), default=0) > MAX_NUMBER_LENGTH
    )
