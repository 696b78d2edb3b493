"""Transforms of images that are written as calls of the classes of other tools."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from netspec.diagnostics.other_tools.words import plain_word
from netspec.keys.kind import shown
from netspec.language.syntax import Call, Number, Values

_Written = Mapping[str, str]
"""The arguments of a call as text, by ``plain_word`` of their names."""


def keys_of_transform(call: Call, given: Collection[str] = ()) -> str | None:
    """Translate a transform of images: ``pad=4`` for ``RandomCrop(32, padding=4)``, if the line has ``crop=``.

    ``given`` are the keys that the line has. ``None`` for another transform, and for one with arguments that a spec
    does not have.
    """
    places, translate = _TRANSFORMS.get(plain_word(call.name.text), ((), None))
    if translate is None or len(call.args) > len(places):
        return None
    pairs = dict(zip(places, call.args, strict=False)) | {plain_word(p.key.text): p.value for p in call.named}
    if any(not isinstance(pairs[word], (Number, Values)) for word in places if word in pairs):
        return None
    if not pairs.keys() <= {*places, *_IGNORED, *_MORE.get(translate, ())}:
        return None
    return translate({word: shown(value) for word, value in pairs.items()}, given)


def _jitter(written: _Written, given: Collection[str]) -> str | None:
    changes = [f"{word}={written[word]}" for word in _CHANGES if word in written]
    return f"colour=jitter({', '.join(changes)})" if changes else None


def _random_crop(written: _Written, given: Collection[str]) -> str | None:
    mode = written.get("paddingmode", "constant")
    if mode not in ("constant", "reflect"):
        return None
    fill = ["fill=reflect"] if mode == "reflect" else []
    padding = [f"pad={written['padding']}", *fill] if "padding" in written else []
    return " ".join([*_side(written, given), *padding])


def _resized_crop(written: _Written, given: Collection[str]) -> str:
    aspect = [f"aspect={written['ratio']}"] if "ratio" in written else []
    return " ".join([*_side(written, given), f"area={written.get('scale', '0.08,1')}", *aspect])


def _side(written: _Written, given: Collection[str]) -> list[str]:
    return [f"crop={written['size']}"] if "size" in written and "crop" not in given else []


def _erasing(written: _Written, given: Collection[str]) -> str | None:
    """What is erased with the probability ``p`` becomes 0 or, with PyTorch's ``value=random``, noise."""
    value = written.get("value", "0")
    if value not in ("0", "random"):
        return None
    arguments = [*([written["p"]] if "p" in written else []), *(["fill=noise"] if value == "random" else [])]
    return f"erase=random({', '.join(arguments)})" if arguments else "erase=random"


def _randaugment(written: _Written, given: Collection[str]) -> str:
    keys = {"numops": "count", "magnitude": "magnitude"}
    numbers = [f"{key}={written[word]}" for word, key in keys.items() if word in written]
    return f"policy=randaugment({', '.join(numbers)})" if numbers else "policy=randaugment"


def _flip(written: _Written, given: Collection[str]) -> str | None:
    return "flip=horizontal" if _HALF.fullmatch(written.get("p", "0.5")) else None


def _key(template: str, word: str, default: str | None = None) -> _Translate:
    """Return the translation of a class with one argument, which is a key here, with its default, if it has one."""

    def translate(written: _Written, given: Collection[str]) -> str | None:
        value = written.get(word, default)
        return template.format(value) if value is not None else None

    return translate


_Translate = Callable[[_Written, Collection[str]], str | None]

_HALF = re.compile(r"0?\.50*")
_CHANGES = ("brightness", "contrast", "saturation", "hue")
_TRIVIAL: tuple[tuple[str, ...], _Translate] = ((), lambda written, given: "policy=trivialaugment")
_TRANSFORMS: Mapping[str, tuple[tuple[str, ...], _Translate]] = {
    "colorjitter": (_CHANGES, _jitter),
    "cutmix": (("alpha",), _key("cutmix={}", "alpha", "1")),
    "cutout": (("length",), _key("erase=cutout({})", "length")),
    "mixup": (("alpha",), _key("mixup={}", "alpha", "1")),
    "randaugment": (("numops", "magnitude"), _randaugment),
    "randomcrop": (("size", "padding"), _random_crop),
    "randomerasing": (("p",), _erasing),
    "randomhorizontalflip": (("p",), _flip),
    "randomresizedcrop": (("size", "scale", "ratio"), _resized_crop),
    "resize": (("size",), _key("from={}", "size")),
    "trivialaugment": _TRIVIAL,
    "trivialaugmentwide": _TRIVIAL,
}
"""The first arguments of these classes of torchvision, by ``plain_word`` of their names, in their order, and how they
are written as keys."""

_IGNORED = frozenset(("antialias", "inplace", "interpolation", "numclasses", "paddingmode"))
"""Arguments that do not change what a spec says, but for the mode of a padding, which ``_random_crop`` reads."""

_MORE: Mapping[_Translate, tuple[str, ...]] = {_erasing: ("value",)}
"""Further arguments, which may be words."""
