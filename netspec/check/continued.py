"""Values in pieces: what follows a value without a key, or as keys that are unknown, and belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, takewhile
from typing import NamedTuple

from netspec.diagnostics import Fix
from netspec.diagnostics.fixes import replacement
from netspec.diagnostics.nearest import nearest
from netspec.keys import BadValue, Key
from netspec.keys.calls import as_call
from netspec.language.syntax import Call, Number, Pair, Value, Values, Word
from netspec.language.written import written
from netspec.source import Span


class Continued(NamedTuple):
    """Text that belongs to the value of ``key``, and the value with it."""

    key: str
    span: Span
    value: str

    @property
    def fix(self) -> Fix:
        return Fix(f"write {self.key}={self.value}", replacement(self.span, self.value).edits)


def continued(stray: Sequence[Value], pairs: Iterable[Pair], keys: Mapping[str, Key]) -> Continued | None:
    """Find the value that values without a key belong to: after a comma (``inputs=a b``), or in brackets if they are
    numbers that follow a word (``init=gaussian 0.01``)."""
    first, last = stray[0].span, stray[-1].span
    text = first.source.text
    pair = next((p for p in pairs if p.span.end < first.start and not text[p.span.end : first.start].strip()), None)
    if pair is None or pair.key.text not in keys or first.to(last).text.split() != [v.span.text for v in stray]:
        return None
    value, key = pair.value, keys[pair.key.text]
    whole = value.span.to(last)
    meant: str | None
    if isinstance(value, Word) and all(isinstance(v, Number) for v in stray):
        meant = _meant(Call(value, tuple(stray), (), whole), key)
    else:
        meant = _meant(Values((*(value.items if isinstance(value, Values) else (value,)), *stray)), key)
    return Continued(key.name, whole, meant) if meant else None


def in_brackets(value: Value, key: Key) -> str | None:
    """Return a word and its numbers that are written as a list, ``gaussian,0.01``, as a spec has them."""
    first, *numbers = value.items if isinstance(value, Values) else (value,)
    if not isinstance(first, Word) or not numbers or not all(isinstance(number, Number) for number in numbers):
        return None
    return _meant(Call(first, tuple(numbers), (), value.span), key)


def _meant(value: Value, key: Key) -> str | None:
    """Return the text of a value, corrected if its word is another tool's; ``None`` if it is wrong in another way."""
    text = written(value)
    try:
        key.kind.read(value)
    except BadValue as error:
        if not isinstance(value, Call) or not error.replacement:
            return None
        if error.span == value.name.span:
            text = error.replacement + text.removeprefix(value.name.text)
            renamed = replace(value, name=value.name._replace(text=error.replacement))
            return text if "(" in error.replacement or key.accepts(renamed) else None
        return error.replacement if error.span == value.span else None
    return text


def arguments_as_keys(pairs: Sequence[Pair], keys: Mapping[str, Key]) -> Iterator[tuple[Continued, dict[str, Pair]]]:
    """Yield the values whose arguments follow them as keys, as in ``schedule=step every=30``, each with these keys by
    argument. They may have another tool's name, ``step_size=30``."""
    for number, pair in enumerate(pairs):
        key, call = keys.get(pair.key.text), as_call(pair.value)
        arguments = tuple(takewhile(lambda p: p.key.text not in keys, pairs[number + 1 :]))
        if key is None or call is None or not arguments or not _adjacent((pair, *arguments)):
            continue
        whole = _renamed(Call(call.name, call.args, (*call.named, *arguments), call.span), key, keys)
        meant = _meant(whole, key)
        if meant:
            names = [pair.key.text for pair in whole.named[len(call.named) :]]
            given = dict(zip(names, arguments, strict=True))
            yield Continued(key.name, call.span.to(arguments[-1].span), meant), given


def _renamed(call: Call, key: Key, keys: Mapping[str, Key]) -> Call:
    """Return a call whose arguments have their right names, except for names that resemble one of ``keys``."""
    try:
        key.kind.read(call)
    except BadValue as error:
        names = {one.span: one.replacement for one in (error, *error.others) if one.replacement}
        words = [
            p.key if nearest(p.key.text, keys) else p.key._replace(text=names.get(p.key.span, p.key.text))
            for p in call.named
        ]
        return replace(call, named=tuple(Pair(word, p.value) for word, p in zip(words, call.named, strict=True)))
    return call


def _adjacent(pairs: Sequence[Pair]) -> bool:
    """Whether there are only spaces and ends of lines between pairs of one text."""
    return all(
        one.span.source is other.span.source and not one.span.source.text[one.span.end : other.span.start].strip()
        for one, other in pairwise(pairs)
    )
