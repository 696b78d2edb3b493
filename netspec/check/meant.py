"""Guess what is meant by a layer that is written as in another tool."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from netspec import layers
from netspec.check.called import called_layer
from netspec.check.called_prelu import AMBIGUOUS, is_bare_prelu
from netspec.check.other_layers import global_pooling
from netspec.diagnostics import Edit, Fix
from netspec.diagnostics.fixes import removal, replacement
from netspec.diagnostics.nearest import nearest
from netspec.diagnostics.other_keys import (
    ABSENT_KEYS,
    CHANNELS_READ,
    CLIPPED_NORMS,
    CLIPPED_VALUES,
    WARM_UP_EPOCHS,
    WARM_UP_STEPS,
)
from netspec.diagnostics.other_tools import ABSENT_TYPES, WORDS, plain_word
from netspec.keys import BadValue, Key, Size2
from netspec.keys.kind import shown
from netspec.language.syntax import Call, Number, Pair, Section, Value, Word
from netspec.language.written import without_brackets
from netspec.lowering import LayerType
from netspec.source import Span

_ADAPTIVE_POOLING = re.compile(r"adaptive(avg|average|max)pool(?:ing)?")
_TRANSLATED_KEYS = {
    "affine": {
        **dict.fromkeys(("scale", "weight", "gamma", "coefficient"), "init=constant({})"),
        **dict.fromkeys(("shift", "offset", "beta"), "bias={}"),
    },
    "prelu": dict.fromkeys(("alpha", "negativeslope", "slope", "weight"), "init=constant({})"),
    "upsample": dict.fromkeys(("scale", "scalefactor"), "factor={}"),
    "train": {
        **dict.fromkeys(CLIPPED_NORMS, "clip_gradients=norm({})"),
        **dict.fromkeys(CLIPPED_VALUES, "clip_gradients=value({})"),
        **dict.fromkeys(WARM_UP_EPOCHS, "warmup={}"),
        **dict.fromkeys(WARM_UP_STEPS, "warmup=steps({})"),
    },
}
"""By layer type or setting: keys of other tools, as ``plain_word`` returns them, and how to write them here."""

_TRANSLATED_WORDS = {"upsample": dict.fromkeys(("interpolation", "mode"), ("nearest", "bilinear"))}
"""By layer type: keys of other tools for ``method=``, and those of their words that mean the same here."""

_OPERATIONS = {"prod": "product", "sum": "sum", "max": "max"}
"""The operations of Caffe's ``Eltwise``, and the types that compute them."""

_NEVER_GUESSED = ("inputs", "gpu", "parts", "eps", "loss_weight")
"""Keys that a value without a key is never taken for."""
_IN_ORDER = ("kernel", "stride", "pad")
"""The order in which other tools take the numbers of a pooling."""


class AdaptivePooling(NamedTuple):
    """A layer of adaptive pooling: the type of pooling, the height and width of its output, and where its own type and
    this size are written. The size is ``None`` if it cannot be read."""

    type: str
    size: tuple[int, int] | None
    type_span: Span
    size_span: Span

    def written_as(self, kernel: str) -> tuple[Edit, ...]:
        """Return the edits that write it as pooling with a kernel of this size, which is the stride too."""
        return Edit(self.type_span, f"{self.type} kernel={kernel}"), removal(self.size_span)


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


def translated_key(owner: str, pair: Pair) -> str | None:
    """Translate another tool's key: ``scale=2`` of an affine layer is ``init=constant(2)`` here, ``mode=bilinear`` of
    an upsample layer ``method=bilinear``, and ``clip_norm=2`` or ``clip=norm(2)`` of a train line
    ``clip_gradients=norm(2)``."""
    if isinstance(pair.value, Word):
        words = _TRANSLATED_WORDS.get(owner, {}).get(plain_word(pair.key.text), ())
        return f"method={pair.value.text}" if pair.value.text in words else None
    template = _TRANSLATED_KEYS.get(owner, {}).get(plain_word(pair.key.text))
    if template and owner == "train" and isinstance(pair.value, Call):
        return f"{template.partition('=')[0]}={shown(pair.value)}"
    return template.format(shown(pair.value)) if template and isinstance(pair.value, Number) else None


def missing_type(section: Section) -> tuple[Span, str, tuple[Fix, ...]]:
    """Return where a layer's type is missing, a note on how to write it, and a fix if it is there in another form."""
    first = section.values[0] if section.values else None
    if isinstance(first, Call):
        pooling, adaptive = global_pooling(first.name.text), adaptive_pooling(section)
        if pooling and (adaptive.size == (1, 1) if adaptive else not first.args and not first.named):
            return first.span, f"pooling over the whole map is {pooling}", (replacement(first.span, pooling),)
        if first.name.text == "LeakyReLU" and not first.args and not first.named:
            fixes = tuple(replacement(first.span, f"leakyrelu slope={slope}") for slope in ("0.01", "0.3"))
            return first.span, "its slope is 0.01 in PyTorch and 0.3 in Keras", fixes
        if is_bare_prelu(first):
            fixes = tuple(replacement(first.span, text) for text in ("prelu shared=yes", "prelu"))
            return first.span, AMBIGUOUS, fixes
        if translated := called_layer(first):
            words = [word for word in translated.split() if plain_word(word.partition("=")[0]) not in CHANNELS_READ]
            return first.span, f"a spec writes it as {' '.join(words)}", (replacement(first.span, translated),)
        absent = ABSENT_TYPES.get(plain_word(first.name.text))
        if absent:
            return first.span, absent, ()
        note = "keys follow the type without brackets: conv filters=96 kernel=11"
        return first.span, note, (replacement(first.span, without_brackets(first)),)
    if first is not None:
        note = "the layer's type, a word, follows its name: [conv1] conv filters=96 kernel=11"
        return first.span, note, ()
    pair = next((p for p in section.pairs if p.key.text == "type"), None)
    if pair is not None:
        type_text = shown(pair.value)
        fixes = (replacement(pair.span, type_text),) if pair is section.pairs[0] else ()
        return pair.span, f"the type is written without a key: [{section.name.text}] {type_text} ...", fixes
    return section.name.span, "a layer is [name] type key=value ...", ()


def meant_type(layer_type: LayerType, pairs: Mapping[str, Pair], keys: Mapping[str, Key]) -> str | None:
    """Return another layer type, if it has the keys that this one lacks.

    It is what other tools mean by this type's name, such as ``fc`` for ``linear``, whose keys may also have the other
    tools' names, or a type whose name begins with this one's, such as ``maxpool`` for ``max``.
    """
    lacking = [key for key in pairs if key not in keys]
    if not lacking:
        return None
    for other in filter(None, map(layers.find, WORDS.get(plain_word(layer_type.name), ()))):
        names = [key.name for key in other.keys]
        known_there = [key for key in lacking if key in names or nearest(key, names)]
        absent = [key for key in lacking if plain_word(key) in ABSENT_KEYS]
        if (
            known_there
            and len(known_there) + len(absent) == len(lacking)
            and not any(nearest(key, keys) for key in lacking)
        ):
            return other.name
    longer = sorted((t for t in layers.all_types() if t.name.startswith(layer_type.name)), key=lambda t: len(t.name))
    return next((t.name for t in longer if t is not layer_type and all(map(t.key, pairs))), None)


def with_keys(stray: Sequence[Value], section: Section, layer_type: LayerType) -> Fix | None:
    """Return a fix that puts the most likely key before each value that has none.

    A number goes to the key that is named before it (``stride 2``), to a required key that is missing (``conv 96 11``),
    to the type's first key or, in a pooling, to those after it (``maxpool 3 2``), a word to a key that accepts it
    (``conv ... relu``). Other words are taken for layers to read (``sum a b``). The number of a type whose name is
    another tool's word for a type with such a required key goes to that one (``linear 10`` is ``fc outputs=10``).
    """
    if len(stray) == 1 and len(section.values) == 2 and (fix := _of_other_type(stray[0], section, layer_type)):
        return fix
    free = [key for key in layer_type.keys if key.name not in section.body.keys]
    numbered = _IN_ORDER if layer_type.keys[0].name == _IN_ORDER[0] else (layer_type.keys[0].name,)
    edits: list[Edit] = []
    pending = list(stray)
    while pending:
        value = named = pending.pop(0)
        key = next((key for key in free if isinstance(value, Word) and key.name == value.text), None)
        if key is not None and pending and _accepts(key, pending[0]):
            named = pending.pop(0)
        else:
            place = next((key for key in free if key.name in numbered), None)
            key = next((key for key in free if _may_be_meant(key, value, takes_numbers=key is place)), None)
        if key is None:
            joins = layer_type.arity[1] != 1 and layer_type.grouping != "weights"
            return _as_inputs(stray) if joins and "inputs" not in section.body.keys else None
        free.remove(key)
        edits.append(Edit(value.span.to(named.span), f"{key.name}={shown(named)}"))
    return Fix(f"write {' '.join(edit.text for edit in edits)}", tuple(edits))


def _of_other_type(value: Value, section: Section, layer_type: LayerType) -> Fix | None:
    """Return a fix that replaces the type by the one that other tools mean by its name, and gives the value a key."""
    for other in filter(None, map(layers.find, WORDS.get(plain_word(layer_type.name), ()))):
        key = next((key for key in other.keys if key.required), None)
        if key and all(map(other.key, section.body.keys)) and _may_be_meant(key, value, takes_numbers=False):
            text = f"{other.name} {key.name}={shown(value)}"
            return Fix(f"write {text}", (Edit(section.values[0].span.to(value.span), text),))
    return None


def _may_be_meant(key: Key, value: Value, *, takes_numbers: bool) -> bool:
    """Whether a value without a key may be meant for ``key``: a word that the key accepts, or a number if the key is
    required or ``takes_numbers`` without its name."""
    if key.training_only or key.name in _NEVER_GUESSED:
        return False
    if isinstance(value, Word | Call):
        word = value.text if isinstance(value, Word) else value.name.text
        if word not in key.kind.words:
            return False
    elif not (key.required or takes_numbers):
        return False
    return _accepts(key, value)


def _accepts(key: Key, value: Value) -> bool:
    try:
        key.kind.read(value)
    except BadValue:
        return False
    return True


def _as_inputs(stray: Sequence[Value]) -> Fix | None:
    words = [value.text for value in stray if isinstance(value, Word)]
    if len(words) < len(stray):
        return None
    names = words[1:] if words[0] == "inputs" and len(words) > 2 else words
    text = f"inputs={','.join(names)}"
    whole = stray[0].span.to(stray[-1].span)
    return Fix(f"write {text}", (Edit(whole, text),)) if whole.text.split() == words else None
