"""Changes of a spec's text: a layer's key, the net's rounding, the input's size, a claim."""

from __future__ import annotations

from netspec.check import Checked, LayerFacts
from netspec.diagnostics import Edit
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Rounding
from netspec.language.syntax import Pair
from netspec.source import Span


def set_key(facts: LayerFacts, key: str, value: str) -> Edit:
    """Give a layer's key a value: in place of the one that it has, or after what stands there."""
    pair = facts.pairs.get(key)
    if pair is not None:
        return Edit(pair.value.span, value)
    section = facts.section
    last = max([section.name.span.end, *(v.span.end for v in section.values), *(p.span.end for p in section.pairs)])
    return _insert(facts, last, f" {key}={value}")


def set_net_rounding(checked: Checked, rounding: Rounding) -> Edit:
    """Give the net a rounding, in a ``net`` line of its own if there is none."""
    pair: Pair | None = checked.net_pairs.get("rounding")
    if pair is not None:
        return Edit(pair.value.span, rounding)
    source = checked.file.source
    statement = checked.statements.get("net")
    if statement is not None:
        end = statement.span
        return Edit(Span(end.source, end.end, end.end), f" rounding={rounding}")
    first = min(
        [*(s.span.start for s in checked.file.sections), *(s.span.start for s in checked.file.settings)], default=0
    )
    return Edit(Span(source, first, first), f"net rounding={rounding}\n")


def set_input(checked: Checked, facts: LayerFacts, shape: Shape) -> tuple[Edit, ...]:
    """Give the input another shape, and the training crop with it."""
    edits = [Edit(facts.section.values[1].span, str(shape))]
    if checked.crop is not None:
        edits.append(Edit(checked.crop.value.span, str(shape.height)))
    return tuple(edits)


def pad_text(pad: Pad) -> str:
    """A pad as it is written: one number where all sides are alike."""
    return str(pad.left) if len(set(pad)) == 1 else ",".join(map(str, pad))


def _insert(facts: LayerFacts, place: int, text: str) -> Edit:
    return Edit(Span(facts.section.span.source, place, place), text)
