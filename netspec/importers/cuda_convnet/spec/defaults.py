"""``default`` lines: what many layers of a type have in common, said once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.importers.cuda_convnet.spec.lines import Line, is_list

MANY = 6
"""Layers without weights say their numbers themselves, as papers do, unless there are so many of a type."""

_WEIGHTED = ("conv", "local", "fc")
_SHARED = (
    *("init", "neuron", "reads", "lr", "schedule", "momentum", "decay"),
    *("bias_lr", "bias_schedule", "bias_momentum", "update_every", "super_eps"),
)
_NUMBERS = {
    "lrn": ("size", "k", "scale", "beta"),
    "rnorm": ("size", "k", "scale", "beta"),
    "contrast": ("size", "k", "scale", "beta"),
    "maxpool": ("kernel", "stride"),
    "avgpool": ("kernel", "stride"),
    "dropout": ("rate", "scaling"),
}


def defaults_of(lines: Sequence[Line], usual: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """For each layer type the keys that its ``default`` line says. ``usual``: the learning keys of layers that have
    none of their own."""
    found: dict[str, dict[str, str]] = {}
    for type_ in _WEIGHTED:
        own = [line for line in lines if line.type == type_]
        chosen = {key: value for key in _SHARED if (value := _best(own, key, usual)) is not None}
        if chosen:
            found[type_] = chosen
    for type_, keys in _NUMBERS.items():
        own = [line for line in lines if line.type == type_]
        said = [{line.keys.get(key) for line in own} for key in keys]
        if len(own) >= MANY and all(len(values) == 1 and None not in values for values in said):
            found[type_] = {key: own[0].keys[key] for key in keys}
    return found


def unsaid(line: Line, key: str, usual: Mapping[str, str]) -> str | None:
    """What a key comes to on a line that has it not; ``None`` where that cannot be said."""
    if key in ("neuron", "reads"):
        return {"neuron": "linear", "reads": "own"}[key]
    if key == "bias_schedule" and key in usual:
        return usual[key]
    if key in ("bias_lr", "bias_schedule", "bias_momentum"):
        value = line.keys.get(key.removeprefix("bias_"), usual.get(key.removeprefix("bias_")))
        return None if value is None or is_list(value) else value
    return usual.get(key)


def _best(lines: Sequence[Line], key: str, usual: Mapping[str, str]) -> str | None:
    """The value that makes the fewest lines say the key, if that are fewer than without a ``default``."""
    values = [line.keys.get(key) or unsaid(line, key, usual) for line in lines]
    said = sum(key in line.keys for line in lines)
    if len(lines) < 2 or None in values or any("weights" in line.keys and key not in line.keys for line in lines):
        return None
    plain = [value for value in values if value is not None and not is_list(value)]
    best = max(dict.fromkeys(plain), key=plain.count) if plain else None
    return best if best is not None and len(lines) - plain.count(best) < said else None
