"""Concatenations that gather the shares of all GPUs for a reader, which in a spec reads them as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from netspec.importers.cuda_convnet.spec.functions import FUNCTIONS
from netspec.importers.cuda_convnet.spec.lines import Line, is_list

_LOSSES = (
    "crossentropy", "setcrossentropy", "binarycrossentropy", "squarederror", "cauchyerror", "sumsquares",
    "gatedsumsquares", "topographic",
)  # fmt: skip
ALONE = ("input", "softmax", "reshape", "colourspace", *_LOSSES)
"""Types of lines that are never on several GPUs."""


def joins_of(lines: Sequence[Line], gpus: int) -> dict[str, Line]:
    """Concatenations of as many values as there are GPUs, whose readers may read what is joined there: a spec's layers
    read the shares of all GPUs as they are."""
    readers: dict[str, list[Line]] = {}
    for line in lines:
        for name in line.inputs:
            readers.setdefault(name, []).append(line)
    found = (line for line in lines if line.type == "concat" and not line.keys and len(line.gpu) == 1)
    return {
        line.name: line
        for line in found
        if len(line.inputs) == gpus
        and line.name in readers
        and all(gathers(reader) or (_by_number(reader) and reader.name not in readers) for reader in readers[line.name])
    }


def without(lines: Sequence[Line], joins: Mapping[str, Line]) -> tuple[list[Line], dict[str, str]]:
    """The lines without these concatenations; and their readers, with what each read."""
    through = {line.name: line.inputs[0] for line in lines if line.inputs and line.inputs[0] in joins}
    plain = []
    for line in lines:
        if line.name in joins:
            continue
        if line.name in through:
            # What is done to each number is done to each share where it is.
            gpu = () if _by_number(line) else line.gpu
            line = replace(line, inputs=joins[through[line.name]].inputs, gpu=gpu)
        plain.append(line)
    return plain, through


def gathers(line: Line) -> bool:
    """Whether a line may read the shares of several GPUs in place of what joins them."""
    if len(line.inputs) != 1:
        return False
    return line.type in ("softmax", *_LOSSES) or (line.type in ("conv", "fc") and uniform(line))


def _by_number(line: Line) -> bool:
    """Whether a line computes each number of its output from one number of its only input."""
    return line.type in FUNCTIONS and len(line.inputs) == 1


def uniform(line: Line) -> bool:
    """Whether all inputs of a line are treated alike, so that several may become one."""
    if any(line.keys.get(key, "1") != "1" for key in ("groups", "parts", "spread")) or "weights" in line.keys:
        return False
    return not any(map(is_list, line.keys.values()))
