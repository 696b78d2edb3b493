"""Find the earlier layer that causes a refuted claim, and show the mistake there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netspec.check import Checked, LayerFacts
from netspec.check.report import key_spans
from netspec.diagnostics import Diagnostic, Label
from netspec.ir.window import AxisName
from netspec.solve.trial import Proposal
from netspec.solve.windows.sizes import layer_window, tiles


def culprit(working: Sequence[Proposal]) -> LayerFacts | None:
    """Return the earlier layer that most likely causes a refuted claim, given the proposals that make the claim true.

    This is the layer that the first proposal changes. If its window tiles its input, changes of other earlier layers
    must not be among the proposals; otherwise the cause is not clear, and the result is ``None``.
    """
    first = working[0].cause if working else None
    if first is None or not tiles(first):
        return first
    return first if all(proposal.cause in (first, None) for proposal in working) else None


def moved_to(mistake: Diagnostic, cause: LayerFacts, checked: Checked) -> Diagnostic:
    """Return the mistake located at its cause, with the claim as a second place."""
    window = layer_window(cause)
    output = cause.computed
    assert window is not None and output is not None
    x, name, exact = cause.reads[0], cause.name, tiles(cause)
    sizes: dict[AxisName, tuple[int, int]] = {"width": (x.width, output.width), "height": (x.height, output.height)}
    axis: AxisName = next(
        (a for a, (size, _) in sizes.items() if window.unrounded_output(a, size).denominator > 1), "width"
    )
    size, positions = sizes[axis]
    keys = ("kernel", "pad") if exact else ("kernel", "stride")
    spans = key_spans(cause.pairs, keys, cause.section.values[0].span, checked.texts.root)
    arithmetic = window.arithmetic(axis, size) + ("" if exact else f", rounding={window.rounding}")
    first, *others = mistake.notes
    return replace(
        mistake,
        message=f"{mistake.message}: {name} makes {positions} of {size}",
        spans=spans,
        notes=tuple(others),
        labels=(Label(spans[0], f"makes {positions} of {size}: {arithmetic}"), Label(mistake.span, first)),
    )
