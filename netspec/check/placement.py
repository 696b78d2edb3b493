"""Place each layer's value on the GPU groups, according to the placement of its inputs and its keys.

The rules are those of docs/language.md, section "GPU groups". They are mathematics: on one device the groups become
grouped operations, and the number of devices of a run plays no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from netspec.ir.fault import Fault
from netspec.ir.graph import SPLIT, WHOLE, Placement
from netspec.lowering import Grouping, Operand

GpuKey = int | tuple[int, ...] | Literal["all"] | None


def placement_of(grouping: Grouping, gpu: GpuKey, operands: Sequence[Operand], groups: int) -> Placement:
    """Return the placement of a layer's value.

    Raises
    ------
    Fault
        ``no-such-group`` if ``gpu`` is not one of the groups, ``placement-mismatch`` if inputs that must be placed
        alike are not.
    """
    if isinstance(gpu, int | tuple):
        check_group(gpu, groups)
        return Placement(gpu=gpu) if isinstance(gpu, int) else Placement(replicas=gpu)
    if groups == 1 or grouping == "input":
        return operands[0].placement if operands else WHOLE
    first = operands[0].placement
    joined = _joined(operands, groups) if grouping == "joins" else first
    if grouping == "alike" and any(o.placement != first for o in operands):
        raise _mismatch("needs inputs with the same placement on the GPU groups", operands)
    if gpu == "all":
        return WHOLE if grouping == "gathers" else SPLIT
    stays = first.gpu is not None or first.replicas
    if grouping == "weights":
        return first if stays else SPLIT
    if grouping == "gathers":
        return first if stays else WHOLE
    return joined


def check_group(gpu: GpuKey, groups: int) -> None:
    """Raise the fault ``no-such-group`` if ``gpu`` is not one of the groups."""
    largest = max(gpu) if isinstance(gpu, tuple) else gpu
    if isinstance(largest, int) and largest >= groups:
        note = f"the file has {groups} groups, 0 to {groups - 1}" if groups > 1 else "the file has no gpus statement"
        raise Fault("no-such-group", f"{{layer}}: there is no GPU group {largest}", ("gpu",), (note,))


def _joined(operands: Sequence[Operand], groups: int) -> Placement:
    """The placement of a concatenation: split if all inputs are, or if they are the groups' shares in order."""
    placements = [o.placement for o in operands]
    if [p.gpu for p in placements] == list(range(groups)):
        if len({o.shape.channels for o in operands}) > 1:
            raise _mismatch("joins shares of different sizes from the GPU groups", operands)
        return SPLIT
    if any(p.split for p in placements) and not all(p.split for p in placements):
        raise _mismatch("joins values that are split over the GPU groups with others that are not", operands)
    return placements[0]


def _mismatch(what: str, operands: Sequence[Operand]) -> Fault:
    return Fault(
        "placement-mismatch",
        f"{{layer}} {what}",
        ("inputs",),
        (
            ", ".join(f"{o.node} ({o.shape}) is {described(o.placement)}" for o in operands),
            "gpu=0 puts this whole layer on group 0; gpu=all on an input splits that input",
        ),
    )


def described(placement: Placement) -> str:
    """Describe a placement in words."""
    if placement.split:
        return "split over the groups"
    if placement.replicas:
        return f"whole on each of groups {', '.join(map(str, placement.replicas))}"
    return "whole" if placement.gpu is None else f"whole on group {placement.gpu}"
