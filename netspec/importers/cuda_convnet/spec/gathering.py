"""Remove concatenations that only gather the shares of all GPUs. Layers of a spec can read all shares directly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from netspec.importers.cuda_convnet.spec.functions import FUNCTIONS
from netspec.importers.cuda_convnet.spec.lines import Line, is_list

_LOSSES = (
    "crossentropy", "setcrossentropy", "binarycrossentropy", "squarederror", "cauchyerror", "sumsquares",
    "gatedsumsquares", "topographic",
)  # fmt: skip
NEVER_SPLIT = ("input", "softmax", "reshape", "slice", "colourspace", *_LOSSES)
"""The types of lines that are never on several GPUs."""


def gathering_concats(lines: Sequence[Line], gpus: int) -> dict[str, Line]:
    """Return the concatenations with as many inputs as there are GPUs, and whose readers can read these directly."""
    readers: dict[str, list[Line]] = {}
    for line in lines:
        for name in line.inputs:
            readers.setdefault(name, []).append(line)
    concats = (line for line in lines if line.type == "concat" and not line.keys and len(line.gpu) == 1)
    return {
        line.name: line
        for line in concats
        if len(line.inputs) == gpus
        and line.name in readers
        and all(
            can_read_shares(reader) or (_is_elementwise(reader) and reader.name not in readers)
            for reader in readers[line.name]
        )
    }


def without_concats(lines: Sequence[Line], joins: Mapping[str, Line]) -> tuple[list[Line], dict[str, str]]:
    """Return the lines without these concatenations, and the concatenation that each of their readers read."""
    read_through = {line.name: line.inputs[0] for line in lines if line.inputs and line.inputs[0] in joins}
    plain = []
    for line in lines:
        if line.name in joins:
            continue
        if line.name in read_through:
            # A function of every value can be applied to each share on its own GPU.
            gpu = () if _is_elementwise(line) else line.gpu
            line = replace(line, inputs=joins[read_through[line.name]].inputs, gpu=gpu)
        plain.append(line)
    return plain, read_through


def can_read_shares(line: Line) -> bool:
    """Whether a line can read the shares of several GPUs instead of their concatenation."""
    if len(line.inputs) != 1:
        return False
    return line.type in ("softmax", *_LOSSES) or (line.type in ("conv", "fc") and uniform(line))


def _is_elementwise(line: Line) -> bool:
    """Whether a line applies a function to every value of its only input."""
    return line.type in FUNCTIONS and len(line.inputs) == 1


def uniform(line: Line) -> bool:
    """Whether a line has the same settings for all inputs and could read several of them as one."""
    if any(line.keys.get(key, "1") != "1" for key in ("groups", "parts", "spread")) or "weights" in line.keys:
        return False
    return not any(map(is_list, line.keys.values()))
