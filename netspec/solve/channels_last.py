"""An input that was most likely written height x width x channels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from netspec.check import Checked
from netspec.check.traps import MAX_COLOURS
from netspec.diagnostics import Diagnostic
from netspec.ir.shape import Shape
from netspec.solve.edits import set_input
from netspec.solve.trial import Proposal


def channels_first(checked: Checked, most: float = math.inf) -> Iterator[Proposal]:
    """Propose to reorder an input that was written height x width x channels, if it has at most ``most`` channels."""
    source = checked.input
    if source is None or source.computed is None or len(source.section.values) < 2:
        return
    shape = source.computed
    if shape.is_image and shape.width < shape.channels and shape.width <= most:
        other = Shape(shape.width, shape.channels, shape.height)
        yield Proposal(f"input {other}", set_input(checked, source, other), "channels stand first")


def colours_first(checked: Checked) -> Iterator[Proposal]:
    """Propose the same for an input with as many channels as colours."""
    return channels_first(checked, MAX_COLOURS)


def noted(mistake: Diagnostic, checked: Checked) -> Diagnostic:
    """Add a note if the input is probably written channels last and writing them first is not among the fixes.

    That happens if the file has other mistakes too. Other fixes of this mistake are then kept only if with them the
    whole file checks.
    """
    shape = checked.input.computed if checked.input is not None else None
    for proposal in colours_first(checked):
        if not any(fix.title == proposal.title for fix in mistake.fixes):
            note = f"the input is {shape}, which is channels x height x width; did you mean {proposal.title}?"
            fixes = tuple(fix for fix in mistake.fixes if fix.checks)
            return replace(mistake, notes=(*mistake.notes, note), fixes=fixes)
    return mistake
