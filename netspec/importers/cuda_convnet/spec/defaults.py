"""Choose ``default`` lines, which state what many layers of a type have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.importers.cuda_convnet.spec.lines import WEIGHTED, Line, is_list

MIN_FOR_DEFAULT = 6
"""The least number of layers of a type without weights for a ``default`` line. Fewer state their own, as in papers."""

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
    """Return the keys of the ``default`` line of each layer type.

    ``usual`` are the learning keys of layers that do not have their own.
    """
    defaults: dict[str, dict[str, str]] = {}
    for type_ in WEIGHTED:
        of_type = [line for line in lines if line.type == type_]
        chosen = {key: value for key in _SHARED if (value := _best_default(of_type, key, usual)) is not None}
        if chosen:
            defaults[type_] = chosen
    for type_, keys in _NUMBERS.items():
        of_type = [line for line in lines if line.type == type_]
        values_of = [{line.keys.get(key) for line in of_type} for key in keys]
        if len(of_type) >= MIN_FOR_DEFAULT and all(len(values) == 1 and None not in values for values in values_of):
            defaults[type_] = {key: of_type[0].keys[key] for key in keys}
    return defaults


def implied_value(line: Line, key: str, usual: Mapping[str, str]) -> str | None:
    """Return the default value of a key on a line without it, or ``None`` if there is no single value."""
    if key in ("neuron", "reads"):
        return {"neuron": "linear", "reads": "own"}[key]
    if key == "bias_schedule" and key in usual:
        return usual[key]
    if key in ("bias_lr", "bias_schedule", "bias_momentum"):
        value = line.keys.get(key.removeprefix("bias_"), usual.get(key.removeprefix("bias_")))
        return None if value is None or is_list(value) else value
    return usual.get(key)


def _best_default(lines: Sequence[Line], key: str, usual: Mapping[str, str]) -> str | None:
    """Return the default value for which the fewest lines need the key, or ``None`` if a default saves nothing.

    The line of the default states the key once more.
    """
    values = [line.keys.get(key) or implied_value(line, key, usual) for line in lines]
    stated = sum(key in line.keys for line in lines)
    if len(lines) < 2 or None in values or any("weights" in line.keys and key not in line.keys for line in lines):
        return None
    plain = [value for value in values if value is not None and not is_list(value)]
    best = max(dict.fromkeys(plain), key=plain.count) if plain else None
    return best if best is not None and len(lines) - plain.count(best) + 1 < stated else None
