"""Fixes that change numbers other than a window's: crops, filters, groups, slices, tables."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netspec.check import Checked, LayerFacts
from netspec.diagnostics import Edit
from netspec.formatting import plural
from netspec.ir.shape import Shape
from netspec.keys import Rows
from netspec.language.syntax import Number
from netspec.solve.edits import propose_keys, set_crop, set_input, set_keys
from netspec.solve.trial import Proposal


def crop(checked: Checked) -> Iterator[Proposal]:
    """Propose crops of the input's size, and an input of the crops' size."""
    source, crop = checked.input, checked.settings.augment.crop
    if source is None or source.computed is None or crop is None or not source.computed.is_image:
        return
    shape = source.computed
    if shape.height == shape.width:
        yield Proposal(f"augment crop={shape.height}", set_crop(checked, shape.height))
    if len(source.section.values) > 1:
        other = Shape(shape.channels, crop, crop)
        yield Proposal(f"input {other}", set_input(checked, source, other))


def whole_map(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose to pool the whole map if the window is larger. The trial fails for layers other than pooling."""
    if "kernel" in facts.pairs and facts.reads:
        yield propose_keys(checked, facts, {"kernel": "global"}, f"one window over the whole {facts.reads[0]}")


def divisible_numbers(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose numbers that divide: the nearest number of groups that divides the channels, if the given one does not,
    then the nearest numbers of filters or outputs, which the trial checks."""
    groups = facts.values.get("groups")
    if facts.type == "slice":
        yield from _equal_parts(checked, facts)
    elif facts.type in ("groupnorm", "layernorm"):
        yield from _groups_of_norm(checked, facts)
    elif isinstance(groups, int) and "groups" in facts.pairs and len(facts.reads) == 1:
        of_share = facts.type == "shuffle"
        channels = channels_of_share(checked, facts, facts.reads[0]) if of_share else facts.reads[0].channels
        filters = facts.values.get("filters")
        if channels % groups:
            fitting = (g for g in range(1, channels + 1) if channels % g == 0 and not (filters and filters % g))
            for other in sorted(fitting, key=lambda g: abs(g - groups))[:1]:
                yield propose_keys(checked, facts, {"groups": str(other)})
    for key in ("filters", "outputs"):
        number = facts.values.get(key)
        if isinstance(number, int) and key in facts.pairs:
            for distance in range(1, 65):
                for other in (number + distance, number - distance):
                    if other > 0:
                        claim = _claim_edit(facts, number, other)
                        yield propose_keys(checked, facts, {key: str(other)}, more=claim)


def _groups_of_norm(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose the nearest smaller and larger numbers of groups that divide the channels, or a GPU group's share.

    If the smaller one has one channel in each group, which is instance normalisation, the next is proposed, too.
    """
    groups = facts.values["groups"]
    channels = channels_of_share(checked, facts, facts.reads[0])
    small = [g for g in range(1, math.isqrt(channels) + 1) if channels % g == 0]
    divisors = sorted({*small, *(channels // g for g in small)})
    if facts.type == "layernorm" or not facts.reads[0].is_image:
        divisors.remove(channels)  # groups of one number, of which nothing is left
    smaller, larger = [g for g in divisors if g < groups], [g for g in divisors if g > groups]
    nearest = 2 if smaller[-1:] == [channels] else 1
    for other in (*smaller[-nearest:], *larger[:1]):
        yield propose_keys(checked, facts, {"groups": str(other)}, f"{plural(channels // other, 'channel')} in each")


def channels_of_share(checked: Checked, facts: LayerFacts, read: Shape) -> int:
    """The number of channels that a GPU group reads of the layer's only input: a share, if both are split, else all."""
    above, own = checked.layers[facts.inputs[0]].lowered, facts.pairs.get("gpu")
    gpu = facts.values.get("gpu", own and own.value.span.text)
    split = above is not None and above.value.placement.split and gpu in (None, "all")
    return read.channels // ((checked.settings.groups if split else None) or 1)


def slice_within(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose as many channels as there are from the first on, and an earlier first channel."""
    channels, first, has = facts.values["channels"], facts.values["first"], facts.reads[0].channels
    if first < has:
        yield propose_keys(checked, facts, {"channels": str(has - first)}, f"the last of {has:,}")
    if channels <= has:
        yield propose_keys(checked, facts, {"first": str(has - channels)}, f"the last {channels:,} of {has:,}")


def _equal_parts(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose the nearest numbers that the GPU groups divide: smaller ones first, then larger ones."""
    gpus, given = checked.settings.groups, {key: facts.values[key] for key in ("channels", "first")}
    if gpus is None:
        return
    for up in (0, gpus - 1):
        numbers = {key: (value + up) // gpus * gpus for key, value in given.items()}
        changed = {key: str(number) for key, number in numbers.items() if number != given[key]}
        if numbers["channels"] and changed:
            yield propose_keys(checked, facts, changed, "an equal part of each group")


def table_fixes(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose fixes of a connection table.

    These are as many filters as it has rows, channels counted from 0 if it counts from 1, neutral values for keys that
    do not go with a table, and placing the whole layer on one GPU group.
    """
    pair, filters = facts.pairs.get("table"), facts.pairs.get("filters")
    if pair is None:
        return  # it is that of a default line
    table = Rows().read(pair.value)
    rows = len(table.rows)
    if filters is not None and isinstance(filters.value, Number) and filters.value.value != rows:
        claim = _claim_edit(facts, filters.value.value, rows)
        yield propose_keys(checked, facts, {"filters": str(rows)}, more=claim)
    if min(row[0] for row in table.rows) > 0:
        edits = set_keys(checked, facts, {"table": str(table.counted_from_0())})
        yield Proposal("each number of the table one less", edits, "channels are counted from 0")
    neutral = {"groups": "1", "spread": "1", "min_std": "none", "max_std": "none"}
    given = {key: value for key, value in neutral.items() if key in facts.pairs}
    if given:
        yield propose_keys(checked, facts, given)
    yield propose_keys(checked, facts, {"gpu": "0"})


def _claim_edit(facts: LayerFacts, number: float, other: int) -> tuple[Edit, ...]:
    """Return the edit that adapts a claim with the old number of filters or outputs to the new number."""
    shape, span = facts.stated.shape, facts.stated.shape_span
    if shape is None or span is None or shape.channels != number:
        return ()
    return (Edit(span, str(Shape(other, *shape[1:]))),)
