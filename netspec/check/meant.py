"""Guess what is meant by a layer without a type, or of a type that lacks its keys, and by values without a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec import layers
from netspec.check.other_tools.calls import called_layer
from netspec.check.other_tools.prelu import AMBIGUOUS, is_bare_prelu
from netspec.check.other_tools.types import AdaptivePooling, adaptive_pooling, global_pooling
from netspec.diagnostics import Edit, Fix
from netspec.diagnostics.fixes import replacement
from netspec.diagnostics.nearest import nearest
from netspec.diagnostics.other_tools.keys import ABSENT_KEYS, CHANNELS_READ
from netspec.diagnostics.other_tools.types import ABSENT_TYPES
from netspec.diagnostics.other_tools.words import WORDS, plain_word
from netspec.keys import Key
from netspec.keys.kind import shown
from netspec.language.syntax import Call, Pair, Section, Value, Word
from netspec.language.written import without_brackets
from netspec.lowering import LayerType
from netspec.source import Span

_NEVER_GUESSED = ("inputs", "gpu", "parts", "eps", "loss_weight")
"""Keys that a value without a key is never taken for."""
_IN_ORDER = ("kernel", "stride", "pad")
"""The order in which other tools take the numbers of a pooling."""


def missing_type(section: Section) -> tuple[Span, str, tuple[Fix, ...]]:
    """Return where a layer's type is missing, a note on how to write it, and fixes if it is there in another form."""
    first = section.values[0] if section.values else None
    if isinstance(first, Call):
        note, texts = _called_type(first, adaptive_pooling(section))
        return first.span, note, tuple(replacement(first.span, text) for text in texts)
    if first is not None:
        return first.span, "the layer's type, a word, follows its name: [conv1] conv filters=96 kernel=11", ()
    pair = next((p for p in section.pairs if p.key.text == "type"), None)
    if pair is not None:
        type_text = shown(pair.value)
        fixes = (replacement(pair.span, type_text),) if pair is section.pairs[0] else ()
        return pair.span, f"the type is written without a key: [{section.name.text}] {type_text} ...", fixes
    return section.name.span, "a layer is [name] type key=value ...", ()


def _called_type(call: Call, adaptive: AdaptivePooling | None) -> tuple[str, tuple[str, ...]]:
    """Return a note on how a spec writes a type with brackets, and the texts that may replace it, if there are any."""
    name, is_bare = call.name.text, not call.args and not call.named
    pooling = global_pooling(name)
    if pooling and (adaptive.size == (1, 1) if adaptive else is_bare):
        return f"pooling over the whole map is {pooling}", (pooling,)
    if name == "LeakyReLU" and is_bare:
        return "its slope is 0.01 in PyTorch and 0.3 in Keras", ("leakyrelu slope=0.01", "leakyrelu slope=0.3")
    if is_bare_prelu(call):
        return AMBIGUOUS, ("prelu shared=yes", "prelu")
    if translated := called_layer(call):
        words = [word for word in translated.split() if plain_word(word.partition("=")[0]) not in CHANNELS_READ]
        return f"a spec writes it as {' '.join(words)}", (translated,)
    if absent := ABSENT_TYPES.get(plain_word(name)):
        return absent, ()
    return "keys follow the type without brackets: conv filters=96 kernel=11", (without_brackets(call),)


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
        if key is not None and pending and key.accepts(pending[0]):
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
    return key.accepts(value)


def _as_inputs(stray: Sequence[Value]) -> Fix | None:
    words = [value.text for value in stray if isinstance(value, Word)]
    if len(words) < len(stray):
        return None
    names = words[1:] if words[0] == "inputs" and len(words) > 2 else words
    text = f"inputs={','.join(names)}"
    whole = stray[0].span.to(stray[-1].span)
    return Fix(f"write {text}", (Edit(whole, text),)) if whole.text.split() == words else None
