"""What somebody means who writes a layer in another tool's way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from netspec import layers
from netspec.check.report import replacement
from netspec.diagnostics import Fix
from netspec.diagnostics.nearest import plain_word
from netspec.keys import BadValue, Key
from netspec.keys.kinds import shown
from netspec.language.syntax import Call, Dims, Number, Pair, Section, Value
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
    """The type with a longer name, ``maxpool`` of ``max``, that all keys of a layer belong to which this one lacks."""
    if all(key in keys for key in pairs):
        return None
    longer = (layers.find(name) for name in sorted(layers.names(), key=len) if name.startswith(found.name))
    return next((t.name for t in longer if t and t is not found and all(t.key(key) for key in pairs)), None)


def with_its_key(stray: Sequence[Value], section: Section, found: LayerType) -> str | None:
    """Of a single number, ``fc 4096`` or ``dropout 0.5``, itself with the key that it most likely belongs to: one that
    is needed and missing, else the first."""
    key = next((key for key in found.keys if key.required and key.name not in section.body.keys), found.keys[0])
    if len(stray) > 1 or not isinstance(stray[0], Number | Dims) or key.name in section.body.keys:
        return None
    try:
        key.kind.read(stray[0])
    except BadValue:
        return None
    return f"{key.name}={shown(stray[0])}"
