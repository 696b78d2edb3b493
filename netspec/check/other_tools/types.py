"""Types of other tools that are a layer type with certain keys, or one of several types."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import NamedTuple

from netspec.diagnostics import Edit, Fix
from netspec.diagnostics.fixes import removal
from netspec.diagnostics.other_tools.words import plain_word
from netspec.keys import BadValue, Size2
from netspec.language.syntax import Call, Section, Word
from netspec.source import Span

_GLOBAL_POOLING = re.compile(r"(?:adaptive|global)(avg|average|max)pool(?:ing)?|gap")
_ADAPTIVE_POOLING = re.compile(r"adaptive(avg|average|max)pool(?:ing)?")
_OPERATIONS = {"prod": "product", "sum": "sum", "max": "max"}
"""The operations of Caffe's ``Eltwise``, and the types that compute them."""

_WITH_KEYS: Mapping[str, str] = {
    **dict.fromkeys(("droppath", "stochasticdepth"), "dropout over=images"),
    **dict.fromkeys(("channeldropout", "dropout2d", "featuredropout", "spatialdropout"), "dropout over=channels"),
    "layerscale": "affine bias=none init=constant(1e-6)",
}
"""Types of other tools, in small letters without signs between words, and how a spec writes them."""


def global_pooling(word: str) -> str | None:
    """Translate another tool's word for global pooling, such as ``GlobalAveragePooling2D``."""
    match = _GLOBAL_POOLING.fullmatch(plain_word(word))
    return match and f"{'maxpool' if match[1] == 'max' else 'avgpool'} kernel=global"


def with_its_keys(word: str, given: Container[str] = ()) -> str | None:
    """Translate another tool's type: ``dropout over=images`` for ``DropPath``.

    ``None`` for another word, or if one of the translation's keys is ``given``.
    """
    meant = global_pooling(word) or _WITH_KEYS.get(re.sub("[_-]", "", word.lower())) or _WITH_KEYS.get(plain_word(word))
    if meant is None or any(part.partition("=")[0] in given for part in meant.split()[1:]):
        return None
    return meant


class AdaptivePooling(NamedTuple):
    """A layer of adaptive pooling: the type of pooling, the height and width of its output, and where its own type and
    this size are written. The size is ``None`` if it cannot be read."""

    type: str
    size: tuple[int, int] | None
    type_span: Span
    size_span: Span

    def written_as(self, layer: str) -> tuple[Edit, ...]:
        """Return the edits that write it as a layer of this type and these keys: ``avgpool kernel=2``."""
        return Edit(self.type_span, layer), removal(self.size_span)


def adaptive_pooling(section: Section) -> AdaptivePooling | None:
    """Return what a layer of the adaptive pooling of other tools asks for, or ``None`` for another layer.

    Its size is a value, a key, or in brackets as in a program.
    """
    first = section.values[0] if section.values else None
    call = first if isinstance(first, Call) else None
    word = call.name if call else first
    match = _ADAPTIVE_POOLING.fullmatch(plain_word(word.text)) if isinstance(word, Word) else None
    pairs, values = (call.named, call.args) if call else (section.pairs, section.values[1:2])
    pair = next((p for p in pairs if plain_word(p.key.text) == "outputsize"), None)
    value = pair.value if pair is not None else next(iter(values), None)
    if word is None or match is None or value is None:
        return None
    try:
        size = Size2().read(value)
    except BadValue:
        size = None
    size_span = Span(call.span.source, word.span.end, call.span.end) if call else (pair or value).span
    return AdaptivePooling("maxpool" if match[1] == "max" else "avgpool", size, word.span, size_span)


def elementwise(section: Section) -> tuple[str, Fix] | None:
    """Return the type that Caffe's ``Eltwise`` is with its ``operation``, and the fix that writes it so."""
    word = section.values[0] if section.values else None
    pair = next((p for p in section.pairs if p.key.text == "operation"), None)
    if not isinstance(word, Word) or plain_word(word.text) != "eltwise" or pair is None:
        return None
    meant = _OPERATIONS.get(pair.value.text.lower()) if isinstance(pair.value, Word) else None
    if meant is None:
        return None
    return meant, Fix(f"write {meant}", (Edit(word.span, meant), removal(pair.span)))
