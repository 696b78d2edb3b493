"""Sections of the two files, and their text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from netspec.ir.shape import Shape

FIRST_LINE = "# Written by netspec. Another `netspec compile` overwrites this file as long as this line stands first."
"""What both files begin with, and what shows that a file may be overwritten."""


@dataclass(frozen=True, slots=True)
class Part:
    """A section's value as a reader sees it: its name, its shape, and the GPUs that it lives on (none for data)."""

    name: str
    shape: Shape
    gpu: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """What stands for a layer's value: one section, or one for each GPU. ``split``: each GPU may read its own alone."""

    parts: tuple[Part, ...]
    split: bool = False


@dataclass(slots=True)
class Section:
    """One section of the layer file with its section of the parameter file. ``layer`` is the spec's."""

    name: str
    layer: str
    keys: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)


def text_of(sections: Iterable[tuple[str, Mapping[str, str]]], head: Sequence[str]) -> str:
    """A file: comments, then its sections."""
    blocks = ["\n".join(f"# {line}".rstrip() for line in head)]
    blocks += ["\n".join([f"[{name}]", *(f"{key}={value}" for key, value in keys.items())]) for name, keys in sections]
    return "\n\n".join(blocks) + "\n"


def decimal(value: float) -> str:
    """A number without an exponent, which both versions take everywhere."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{Decimal(repr(value)):f}"


def listed(values: Iterable[object]) -> str:
    """Values in a row, as a key lists them: one for each input."""
    return ",".join(map(str, values))
