"""Layers of other tools that a spec writes as a type with certain keys, or that are written as calls with numbers."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import NamedTuple

from netspec.diagnostics.other_tools import plain_word
from netspec.keys.kind import shown
from netspec.language.syntax import Call, Number, Pair, Section, Word

_GLOBAL_POOLING = re.compile(r"(?:adaptive|global)(avg|average|max)pool(?:ing)?|gap")
_INSTANCE_NORM = re.compile(r"instancenorm(?:alization)?")
_WITH_KEYS: Mapping[str, str] = {
    **dict.fromkeys(("droppath", "stochasticdepth"), "dropout over=images"),
    **dict.fromkeys(("channeldropout", "dropout2d", "featuredropout", "spatialdropout"), "dropout over=channels"),
    "layerscale": "affine bias=none init=constant(1e-6)",
}
"""Types of other tools, in small letters without signs between words, and how a spec writes them."""


class _Arguments(NamedTuple):
    """What the arguments of a call stand for: a key for each in its place, and keys for those that are named."""

    places: tuple[str, ...]
    named: Mapping[str, str]


_EPS: Mapping[str, str] = {"eps": "eps", "epsilon": "eps"}
_CALLED: Mapping[str, _Arguments] = {
    "groupnorm": _Arguments(
        ("groups", "num_channels"),
        {**_EPS, "affine": "affine", "numgroups": "groups", "groups": "groups", "numchannels": "num_channels"},
    ),
    "layernorm": _Arguments(
        ("normalized_shape",), {**_EPS, "elementwiseaffine": "affine", "normalizedshape": "normalized_shape"}
    ),
    "dropout": _Arguments(("rate",), {"p": "rate", "rate": "rate", "dropprob": "rate"}),
}
_INSTANCE_NORM_CALLED = _Arguments(("num_features",), {**_EPS, "affine": "affine", "numfeatures": "num_features"})
_WORDS_OF_VALUES = {"true": "yes", "false": "no"}


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


def translated_call(call: Call) -> str | None:
    """Translate a layer written as a call of another tool: ``groupnorm groups=32`` for ``GroupNorm(32, 64)``.

    ``None`` for another call, or if not all of its arguments can be written.
    """
    meant = with_its_keys(call.name.text) or _type_of(call.name.text)
    arguments = _CALLED.get(meant.split()[0]) if meant else None
    if meant is None or arguments is None:
        return meant if not call.args and not call.named else None
    keys = _keys(call, arguments)
    return None if keys is None else " ".join([meant, *keys])


def instance_norm_keys(section: Section) -> tuple[str, ...] | None:
    """Return the keys that another tool's instance normalisation has in brackets: ``affine=yes`` for
    ``InstanceNorm2d(64, affine=True)``.

    ``None`` for another layer, or if not all of them can be written.
    """
    first = section.values[0] if section.values else None
    word = first.name if isinstance(first, Call) else first
    if not isinstance(word, Word) or not _INSTANCE_NORM.fullmatch(plain_word(word.text)):
        return None
    return _keys(first, _INSTANCE_NORM_CALLED) if isinstance(first, Call) else ()


def _keys(call: Call, arguments: _Arguments) -> tuple[str, ...] | None:
    """Return what the arguments of a call are as keys, or ``None`` if not all of them can be written."""
    numbers = call.args[:-1] if _is_row(call) else call.args
    if len(numbers) > len(arguments.places) or not all(isinstance(value, Number) for value in numbers):
        return None
    if not all(plain_word(pair.key.text) in arguments.named for pair in call.named):
        return None
    named = [(arguments.named[plain_word(pair.key.text)], pair) for pair in call.named]
    if any(key == "normalized_shape" and not isinstance(pair.value, Number) for key, pair in named):
        return None  # such as normalized_shape=96x7x7, which is not the number of channels alone
    keys = [(key, shown(value)) for key, value in zip(arguments.places, numbers, strict=False)]
    keys += [(key, _value(pair)) for key, pair in named]
    return tuple(f"{key}={text}" for key, text in keys)


def _type_of(word: str) -> str | None:
    """The type of a spec that another tool's word is, but for its spelling."""
    plain = plain_word(word)
    return plain if plain in _CALLED else None


def _is_row(call: Call) -> bool:
    """Whether the last argument is the mode of torchvision's stochastic depth that drops each image by itself."""
    return len(call.args) == 2 and isinstance(last := call.args[-1], Word) and last.text == "row"


def _value(pair: Pair) -> str:
    text = shown(pair.value)
    return _WORDS_OF_VALUES.get(text.lower(), text)
