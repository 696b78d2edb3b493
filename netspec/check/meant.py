"""What somebody means who writes a layer in another tool's way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from netspec import layers
from netspec.check.report import replacement
from netspec.diagnostics import Edit, Fix
from netspec.diagnostics.elsewhere import ABSENT_KEYS, WORDS, plain_word
from netspec.diagnostics.nearest import nearest
from netspec.keys import BadValue, Key
from netspec.keys.kind import shown
from netspec.language.syntax import Call, Number, Pair, Section, Value, Word
from netspec.language.written import without_brackets
from netspec.lowering import LayerType
from netspec.source import Span

_WHOLE_MAP = re.compile(r"(?:adaptive|global)(avg|average|max)pool(?:ing)?|gap")
_IN_OTHER_WORDS = {
    "affine": {
        **dict.fromkeys(("scale", "weight", "gamma", "coefficient"), "init=constant({})"),
        **dict.fromkeys(("shift", "offset", "beta"), "bias={}"),
    }
}
"""By layer type: what a number is called elsewhere, and how it is said here."""

_NEVER = ("inputs", "gpu", "parts")
"""Keys whose value is never left without them by habit."""


def whole_map(word: str) -> str | None:
    """The pooling of a whole map that another tool has a word for: ``GlobalAveragePooling2D``."""
    found = _WHOLE_MAP.fullmatch(plain_word(word))
    return found and f"{'maxpool' if found[1] == 'max' else 'avgpool'} kernel=global"


def in_other_words(owner: str, pair: Pair) -> str | None:
    """A layer's number that is said by another key: ``init=constant(2)`` for ``scale=2`` of an affine."""
    said = _IN_OTHER_WORDS.get(owner, {}).get(pair.key.text)
    return said.format(shown(pair.value)) if said and isinstance(pair.value, Number) else None


def where_type_should_be(section: Section) -> tuple[Span, str, tuple[Fix, ...]]:
    """The place of a layer's missing type, how it is written, and the fix where it is there in another form."""
    first = section.values[0] if section.values else None
    if isinstance(first, Call):
        over_all = whole_map(first.name.text)
        if over_all and all(isinstance(arg, Number) and arg.value == 1 for arg in first.args) and not first.named:
            return first.span, f"pooling over the whole map is {over_all}", (replacement(first.span, over_all),)
        note = "keys stand behind the type without brackets: conv filters=96 kernel=11"
        return first.span, note, (replacement(first.span, without_brackets(first)),)
    if first is not None:
        note = "behind the name stands the layer's type, a word: [conv1] conv filters=96 kernel=11"
        return first.span, note, ()
    pair = next((p for p in section.pairs if p.key.text == "type"), None)
    if pair is not None:
        said = shown(pair.value)
        fixes = (replacement(pair.span, said),) if pair is section.pairs[0] else ()
        return pair.span, f"the type stands without a key: [{section.name.text}] {said} ...", fixes
    return section.name.span, "a layer is [name] type key=value ...", ()


def meant_type(found: LayerType, pairs: Mapping[str, Pair], keys: Mapping[str, Key]) -> str | None:
    """The type that all keys of a layer belong to which this one lacks: one with a longer name, ``maxpool`` of ``max``,
    or what others call so, ``fc`` of ``linear``, by its keys' names there too."""
    lacking = [key for key in pairs if key not in keys]
    if not lacking:
        return None
    for other in filter(None, map(layers.find, WORDS.get(plain_word(found.name), ()))):
        names = [key.name for key in other.keys]
        theirs = [key for key in lacking if key in names or nearest(key, names)]
        absent = [key for key in lacking if plain_word(key) in ABSENT_KEYS]
        if theirs and len(theirs) + len(absent) == len(lacking) and not any(nearest(key, keys) for key in lacking):
            return other.name
    longer = (layers.find(name) for name in sorted(layers.names(), key=len) if name.startswith(found.name))
    return next((t.name for t in longer if t and t is not found and all(t.key(key) for key in pairs)), None)


def with_keys(stray: Sequence[Value], section: Section, found: LayerType) -> Fix | None:
    """The values that stand without keys, each with the one that it most likely belongs to, as a fix that writes them.

    Numbers belong to the keys that are needed and missing (``conv 96 11``), or to a type's first, words to keys that
    may have them (``conv ... relu``), and other words are layers to read (``sum a b``).
    """
    free = [key for key in found.keys if not (key.name in section.body.keys or key.of_training or key.name in _NEVER)]
    texts: list[str] = []
    for value in stray:
        key = next((key for key in free if _may_have(key, value, first=key is found.keys[0])), None)
        if key is None:
            joins = found.arity[1] != 1 and found.grouping != "weights"
            return _as_inputs(stray) if joins and "inputs" not in section.body.keys else None
        free.remove(key)
        texts.append(f"{key.name}={shown(value)}")
    edits = tuple(Edit(value.span, text) for value, text in zip(stray, texts, strict=True))
    return Fix(f"write {' '.join(texts)}", edits)


def _may_have(key: Key, value: Value, *, first: bool) -> bool:
    """Whether a value may be meant for a key: a word that is one of its own, a number where one is needed or the key is
    the type's first."""
    if isinstance(value, Word | Call):
        word = value.text if isinstance(value, Word) else value.name.text
        if word not in key.kind.words:
            return False
    elif not (key.required or first):
        return False
    try:
        key.kind.read(value)
    except BadValue:
        return False
    return True


def _as_inputs(stray: Sequence[Value]) -> Fix | None:
    words = [value.text for value in stray if isinstance(value, Word)]
    if len(words) < len(stray):
        return None
    text = f"inputs={','.join(words)}"
    whole = stray[0].span.to(stray[-1].span)
    return Fix(f"write {text}", (Edit(whole, text),)) if whole.text.split() == words else None
