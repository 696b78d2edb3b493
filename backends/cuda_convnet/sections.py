"""The sections of the two files, and their text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from netspec.ir.shape import Shape

FIRST_LINE = "# Written by netspec. Another `netspec compile` overwrites this file as long as this line stands first."
"""The first line of both files, which marks them as safe to overwrite."""


@dataclass(frozen=True, slots=True)
class Part:
    """A section as its readers see it: its name, output shape, and GPUs (none for data)."""

    name: str
    shape: Shape
    gpu: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """The sections that hold a layer's value: one, or one per GPU. ``split``: each GPU may read only its own share."""

    parts: tuple[Part, ...]
    split: bool = False


@dataclass(slots=True)
class Section:
    """A section of the layer file, with the keys of its parameter section. ``layer`` is the layer in the spec."""

    name: str
    layer: str
    keys: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)


def text_of(sections: Iterable[tuple[str, Mapping[str, str]]], head: Sequence[str]) -> str:
    """Return the text of a file: comment lines, then sections."""
    blocks = ["\n".join(f"# {line}".rstrip() for line in head)]
    blocks += ["\n".join([f"[{name}]", *(f"{key}={value}" for key, value in keys.items())]) for name, keys in sections]
    return "\n\n".join(blocks) + "\n"


def decimal(value: float) -> str:
    """Return a number without an exponent, which both versions accept everywhere."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{Decimal(repr(value)):f}"


def listed(values: Iterable[object]) -> str:
    """Return comma-separated values, one for each input."""
    return ",".join(map(str, values))
