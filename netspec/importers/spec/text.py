"""Write lines as the text of a spec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from netspec.importers.identifiers import identifier
from netspec.importers.spec.lines import Line
from netspec.keys.learning import LEARNING
from netspec.language.formatter import formatted
from netspec.source import Source

FIRST_WORDS = "# Imported from "
"""How every spec begins that was made from another program's file."""

MIN_FOR_DEFAULT = 3
"""The least number of layers of a type for a ``default`` line."""

_FACTORS = tuple(key.name for key in LEARNING if key.name.endswith("_mult"))
_LEARNT = ("init", "bias", *_FACTORS, "neuron")
_DEFAULTS = {
    "conv": _LEARNT,
    "deconv": _LEARNT,
    "fc": _LEARNT,
    "batchnorm": ("eps", "average", "affine", *_FACTORS, "neuron"),
}
"""The keys that a ``default`` line may state, by type of layer."""

_OTHERWISE = {
    "neuron": "linear", "bias": "0", "eps": "1e-5", "average": "0.1", "affine": "yes", "init": "he",
    **dict.fromkeys(_FACTORS, "1"),
}  # fmt: skip
"""The values of layers that do not state these keys."""

_FIRST = ("size", "filters", "outputs", "kernel", "stride", "pad")
_LAST = ("neuron", "weights", "inputs")


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the layers: comments, the name of the net, and the keys of the input.

    ``settings`` are the keys of the lines ``train`` and ``augment`` below them. ``rounding`` is that of the net line,
    if any layer has it.
    """

    comments: Sequence[str]
    name: str
    input_keys: Mapping[str, str]
    rounding: str = "down"
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def origin(source: Source, rest: str = "") -> str:
    """Return the first comment of a spec, ``Imported from lenet.prototxt.``, with ``rest`` before the full stop."""
    return one_line(f"{FIRST_WORDS.removeprefix('# ')}{PurePath(source.name).name}{rest}.")


def one_line(text: str) -> str:
    """Return a text that has a file's name in it, or other texts of a file, so that it stays on the comment's line."""
    return "".join(c if c.isprintable() else " " for c in text)


def write_spec(lines: Sequence[Line[Any, Any]], names: Sequence[str], head: Head) -> str:
    """Return the text of a spec."""
    rounded = any(line.keys.get("rounding") == head.rounding for line in lines)
    common = {type_: keys for type_ in _DEFAULTS if (keys := _common(type_, lines))}
    text = [f"# {comment}" for comment in head.comments]
    text.append(f"net {identifier(head.name)}" + (f" rounding={head.rounding}" if rounded else ""))
    text += [pairs(f"default {type_}", keys) for type_, keys in common.items()]
    text.append("")
    for number, line in enumerate(lines):
        start = f"[{names[number]}] {line.type}"
        if line.type == "input":
            text.append(pairs(f"{start} {line.shape}", _ordered(head.input_keys)))
            continue
        keys = _without_defaults(line.keys, common.get(line.type, {}), head.rounding)
        if line.weights_of is not None:
            keys["weights"] = names[line.weights_of]
        if line.inputs and line.inputs != (number - 1,):
            keys["inputs"] = ",".join(names[i] for i in line.inputs)
        text.append(pairs(start, _ordered(keys)) + (f" -> {line.shape}" if line.claimed else ""))
    if settings := [pairs(word, keys) for word, keys in head.settings.items() if keys]:
        text += ["", *settings]
    return formatted(Source("", "\n".join(text) + "\n"))


def _without_defaults(keys: Mapping[str, str], common: Mapping[str, str], rounding: str) -> dict[str, str]:
    """Return a layer's keys under a ``default`` line with the ``common`` ones and a net line with this rounding."""
    own = {key: value for key, value in keys.items() if (key, value) != ("rounding", rounding)}
    for key, value in common.items():
        if own.setdefault(key, _OTHERWISE[key]) == value:
            del own[key]
    return own


def _common(type_: str, lines: Sequence[Line[Any, Any]]) -> dict[str, str]:
    """Return the keys that a ``default`` line of this type makes shorter, with their values."""
    of_type = [line for line in lines if line.type == type_ and line.weights_of is None]
    common = {}
    for key in _DEFAULTS[type_] if len(of_type) >= MIN_FOR_DEFAULT else ():
        (value, count), *_ = Counter(line.keys.get(key, _OTHERWISE[key]) for line in of_type).most_common(1)
        if value != _OTHERWISE[key] and count > len(of_type) - count + 1:
            common[key] = value
    return common


def _ordered(keys: Mapping[str, str]) -> dict[str, str]:
    """Return keys in the order in which people write them: sizes first, the neuron and inputs last."""
    middle = [key for key in keys if key not in (*_FIRST, *_LAST)]
    return {key: keys[key] for key in (*_FIRST, *middle, *_LAST) if key in keys}


def pairs(head: str, keys: Mapping[str, str]) -> str:
    """Return a line of a spec: its beginning, and its keys with their values."""
    return " ".join([head, *(f"{key}={value}" for key, value in keys.items())])
