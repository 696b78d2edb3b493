"""Keys of other tools, with their values, as a spec writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping

from netspec.diagnostics.other_tools.augmentations import MIRRORED, OF_AUGMENT, TURNED
from netspec.diagnostics.other_tools.keys import CLIPPED_NORMS, CLIPPED_VALUES, WARM_UP_EPOCHS, WARM_UP_STEPS
from netspec.diagnostics.other_tools.words import plain_word
from netspec.formatting import format_number
from netspec.keys.kind import shown
from netspec.language.syntax import Call, Number, Pair, Value, Values, Word

_YES, _NO = ("true", "yes", "1"), ("false", "no", "0", "none")

_TRANSLATED_KEYS = {
    "affine": {
        **dict.fromkeys(("scale", "weight", "gamma", "coefficient"), "init=constant({})"),
        **dict.fromkeys(("shift", "offset", "beta"), "bias={}"),
    },
    "prelu": dict.fromkeys(("alpha", "negativeslope", "slope", "weight"), "init=constant({})"),
    "upsample": dict.fromkeys(("scale", "scalefactor"), "factor={}"),
    "augment": {"colorjitter": "colour=jitter({0}, {0}, {0})", **OF_AUGMENT},
    "train": {
        **dict.fromkeys(CLIPPED_NORMS, "clip_gradients=norm({})"),
        **dict.fromkeys(CLIPPED_VALUES, "clip_gradients=value({})"),
        **dict.fromkeys(WARM_UP_EPOCHS, "warmup={}"),
        **dict.fromkeys(WARM_UP_STEPS, "warmup=steps({})"),
    },
}
"""By layer type or setting: keys of other tools, as ``plain_word`` returns them, and how to write them here."""

_WHOLE_MAP = ("global", "globalpool", "globalpooling")
_POOLINGS = ("avgpool", "maxabspool", "maxpool", "sumpool")
"""Keys of other tools for a window as large as the map, and the layer types that have such windows."""

_TRANSLATED_WORDS: Mapping[str, Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "augment": {"paddingmode": ("fill", ("reflect",))},
    "upsample": dict.fromkeys(("interpolation", "mode"), ("method", ("nearest", "bilinear"))),
}
"""By layer type or setting: keys of other tools, the key of a spec, and those of their words that mean the same."""

_NEED_NOT: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("device", "dtype", "name"), ()),
    "aligncorners": _NO,
    "axis": ("1", "-1"),
    **dict.fromkeys(("center", "scale"), ("true", "yes")),
    "countincludepad": _NO,
    "dataformat": ("channels_first", "channels_last"),
    "dim": ("1",),
    "divisoroverride": _NO,
    "enddim": ("-1",),
    "inplace": ("true", "false"),
    "mode": ("row",),
    "paddingmode": ("zeros",),
    "returnindices": _NO,
    "startdim": ("1",),
    "trackrunningstats": _YES,
    "usebias": _YES,
}
"""Keys that a spec does not need, as ``plain_word`` returns them, with these values; with any if there are none."""


def _rate(value: float) -> float | None:
    return round(1 - value, 12) if 0 < value <= 1 else None


def _size(value: float) -> float | None:
    return 2 * value + 1 if isinstance(value, int) else None


def _step(value: float) -> float | None:
    step = round(1 / value, 12) if value > 0 else 0
    return step if step * value == 1 else None


_NUMBERS: Mapping[str, tuple[str, Callable[[float], float | None]]] = {
    "depthradius": ("size", _size),
    "keepprob": ("rate", _rate),
    "scalefactor": ("step", _step),
}
"""Keys with a number that a key of a spec has otherwise: that key, and its number, if there is one."""


_COEFFICIENTS = re.compile("bias|usebias|init|center|scale|weight|(?:beta|gamma)(?:initializer)?")
"""Keys with which other tools, and other layers, say what a normalisation learns, and where it begins."""


def translated_key(owner: str, pair: Pair) -> str | None:
    """Translate another tool's key: ``scale=2`` of an affine layer is ``init=constant(2)`` here, ``mode=bilinear`` of
    an upsample layer ``method=bilinear``, and ``clip_norm=2`` or ``clip=norm(2)`` of a train line
    ``clip_gradients=norm(2)``. Empty if a spec does not write it, ``vflip=0`` of an augment line."""
    plain = plain_word(pair.key.text)
    if owner == "augment" and plain in (*MIRRORED, *TURNED):
        flip = _FLIPS.get(pair.value.value if isinstance(pair.value, Number) else shown(pair.value).lower())
        return ("" if flip == "none" else None) if plain in TURNED else flip and f"flip={flip}"
    if owner in _POOLINGS and plain in _WHOLE_MAP:
        return "kernel=global" if shown(pair.value).lower() in _YES else None
    if isinstance(pair.value, Word):
        key, words = _TRANSLATED_WORDS.get(owner, {}).get(plain, ("", ()))
        return f"{key}={pair.value.text}" if pair.value.text in words else None
    template = _TRANSLATED_KEYS.get(owner, {}).get(plain)
    if template and owner == "train" and isinstance(pair.value, Call):
        return f"{template.partition('=')[0]}={shown(pair.value)}"
    numbers = (Number, Values) if owner == "augment" else Number
    return template.format(shown(pair.value)) if template and isinstance(pair.value, numbers) else None


_FLIPS: Mapping[float | str, str] = {
    **dict.fromkeys((0.5, "true", "yes", "horizontal"), "horizontal"),
    **dict.fromkeys((0, "false", "no", "none"), "none"),
}
"""Probabilities of mirror images, and words for whether there are any, as ``flip=`` says them."""


def converted(pair: Pair, keys: Container[str]) -> str | None:
    """Return another tool's key with its value as a spec writes it, ``rate=0.2`` for ``keep_prob=0.8``; empty if a spec
    does not write it, ``inplace=True``.

    ``None`` for another key, for a value that cannot be converted, and if the result is none of these ``keys``.
    """
    plain, text = plain_word(pair.key.text), shown(pair.value).lower()
    if plain in _NEED_NOT:
        return "" if text in _NEED_NOT[plain] or not _NEED_NOT[plain] else None
    if plain == "dilation" and plain not in keys:
        return "" if text == "1" else None
    found = _rounding(text) if plain == "ceilmode" else _number(plain, pair.value)
    return found if found is not None and found.partition("=")[0] in keys else None


def coefficients_note(word: str, keys: Container[str]) -> str | None:
    """Return a note on an unknown key for the coefficients of a normalisation, ``None`` for another key or type."""
    if "affine" not in keys or not _COEFFICIENTS.fullmatch(plain_word(word)):
        return None
    return (
        "its coefficients begin as 1 and its biases as 0; bias_lr=0 keeps these at 0, lr=0 with a bias_lr= of its own "
        "keeps those at 1, affine=no leaves out both"
    )


def _rounding(text: str) -> str | None:
    return "rounding=caffe" if text in _YES else "rounding=down" if text in _NO else None


def _number(plain: str, value: Value) -> str | None:
    key, convert = _NUMBERS.get(plain, ("", lambda _: None))
    number = convert(value.value) if isinstance(value, Number) else None
    return None if number is None else f"{key}={format_number(number)}"
