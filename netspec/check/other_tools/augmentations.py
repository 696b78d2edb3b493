"""Transforms of images that are written as calls of the classes of other tools."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from netspec.diagnostics.other_tools import plain_word
from netspec.keys.kind import shown
from netspec.language.syntax import Call, Number, Values

_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "colorjitter": ("brightness", "contrast", "saturation", "hue"),
    "cutmix": ("alpha",),
    "cutout": ("length",),
    "mixup": ("alpha",),
    "randaugment": ("numops", "magnitude"),
    "randomcrop": ("size", "padding"),
    "randomerasing": ("p",),
    "randomhorizontalflip": ("p",),
    "randomresizedcrop": ("size", "scale", "ratio"),
    "resize": ("size",),
    **dict.fromkeys(("trivialaugment", "trivialaugmentwide"), ()),
}
"""The first arguments of these classes of torchvision, by ``plain_word`` of their names, in their order."""

_IGNORED = frozenset(("antialias", "inplace", "interpolation", "numclasses", "paddingmode"))
"""Arguments that do not change what a spec says, but for the mode of a padding, which ``_padding`` reads."""

_TEMPLATES: Mapping[str, tuple[str, str | None]] = {
    "cutmix": ("cutmix={}", "cutmix=1"),
    "cutout": ("erase=cutout({})", None),
    "mixup": ("mixup={}", "mixup=1"),
    "resize": ("from={}", None),
}
"""Classes with one argument: a key with it, and without it, if it has a default."""


def keys_of_transform(call: Call, given: Collection[str] = ()) -> str | None:
    """Translate a transform of images: ``pad=4`` for ``RandomCrop(32, padding=4)``, if the line has ``crop=``.

    ``given`` are the keys that the line has. ``None`` for another transform, and for one with arguments that a spec
    does not have.
    """
    name = plain_word(call.name.text)
    places = _ARGUMENTS.get(name)
    if places is None or len(call.args) > len(places):
        return None
    pairs = dict(zip(places, call.args, strict=False)) | {plain_word(p.key.text): p.value for p in call.named}
    fill = pairs.pop("value", None) if name == "randomerasing" else None
    if any(not isinstance(pairs.get(word), (Number, Values)) for word in places if word in pairs):
        return None
    if not pairs.keys() <= {*places, *_IGNORED}:
        return None
    written = {word: shown(value) for word, value in pairs.items()}
    if name in ("randomcrop", "randomresizedcrop"):
        side = [f"crop={written['size']}"] if "size" in written and "crop" not in given else []
        rest = _padding(written) if name == "randomcrop" else _areas(written)
        return " ".join([*side, *rest]) if rest is not None else None
    if name == "colorjitter":
        changes = [f"{word}={written[word]}" for word in places if word in written]
        return f"colour=jitter({', '.join(changes)})" if changes else None
    if name == "randaugment":
        given_numbers = [
            f"{key}={written[word]}"
            for key, word in (("count", "numops"), ("magnitude", "magnitude"))
            if word in written
        ]
        return f"policy=randaugment({', '.join(given_numbers)})" if given_numbers else "policy=randaugment"
    if not places:
        return "policy=trivialaugment"
    if name == "randomerasing":
        return _erased(written.get("p"), "0" if fill is None else shown(fill))
    if name == "randomhorizontalflip":
        p = pairs.get("p")
        return "flip=horizontal" if p is None or (isinstance(p, Number) and p.value == 0.5) else None
    with_number, without = _TEMPLATES[name]
    return with_number.format(written[places[0]]) if places[0] in written else without


def _erased(p: str | None, value: str) -> str | None:
    """Write what is erased with the probability ``p``, and becomes 0 or, with PyTorch's ``value=random``, noise."""
    if value not in ("0", "random"):
        return None
    arguments = [*([p] if p else []), *(["fill=noise"] if value == "random" else [])]
    return f"erase=random({', '.join(arguments)})" if arguments else "erase=random"


def _padding(written: Mapping[str, str]) -> list[str] | None:
    mode = written.get("paddingmode", "constant")
    if mode not in ("constant", "reflect"):
        return None
    return (
        [f"pad={written['padding']}", *(["fill=reflect"] if mode == "reflect" else [])] if "padding" in written else []
    )


def _areas(written: Mapping[str, str]) -> list[str]:
    return [f"area={written.get('scale', '0.08,1')}", *([f"aspect={written['ratio']}"] if "ratio" in written else [])]
