"""Fixes that change numbers other than those of windows: the input's channels and crops, filters, groups, tables."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netspec.check import Checked, LayerFacts
from netspec.check.claims import number_of
from netspec.check.other_tools.calls import instance_norm_keys
from netspec.check.other_tools.types import adaptive_pooling
from netspec.diagnostics import Diagnostic, Edit
from netspec.diagnostics.fixes import removal
from netspec.diagnostics.other_keys import CHANNELS_READ, GROUP_SIZES, PARAMETERS
from netspec.diagnostics.other_tools import plain_word
from netspec.formatting import format_count, plural
from netspec.ir.shape import Shape
from netspec.keys import BadValue, Rows
from netspec.keys.kind import shown
from netspec.keys.texts import pair as size_text
from netspec.language.syntax import Dims, Number, Pair
from netspec.solve.edits import propose_keys, set_crop, set_input, set_keys
from netspec.solve.slices import of_equal_parts
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


def layer_of_known_channels(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose what another tool's adaptive pooling or instance normalisation is, which depends on what it reads."""
    yield from adaptive_window(checked, facts)
    yield from instance_norm(checked, facts)


def instance_norm(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose a group for each channel instead of another tool's instance normalisation.

    PyTorch's has no coefficients by default; that of Keras has.
    """
    above = checked.layers[facts.inputs[0]].computed if len(facts.inputs) == 1 else None
    keys = instance_norm_keys(facts.section)
    if above is None or not above.is_image or keys is None:
        return
    written = " ".join([f"groupnorm groups={_channels_of_share(checked, facts, above)}", *keys])
    span = facts.section.values[0].span
    if "affine" not in facts.section.body.keys and not any(key.startswith("affine=") for key in keys):
        yield Proposal(f"write {written} affine=no", (Edit(span, f"{written} affine=no"),), "as PyTorch's by default")
        yield Proposal(f"write {written}", (Edit(span, written),), "with learnt coefficients")
    else:
        yield Proposal(f"write {written}", (Edit(span, written),))


def adaptive_window(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose the window that does the same as adaptive pooling, if the map's sides are multiples of the output's.

    For an output of 1x1, the mistake has its fix already, which does not depend on the map.
    """
    adaptive = adaptive_pooling(facts.section)
    above = checked.layers[facts.inputs[0]].computed if len(facts.inputs) == 1 else None
    if adaptive is None or adaptive.size in (None, (1, 1)) or above is None or not above.is_image:
        return
    (rows, columns), (_, height, width) = adaptive.size, above
    if height % rows == 0 and width % columns == 0:
        kernel = size_text((height // rows, width // columns))
        gives = f"gives {rows}x{columns} of {height}x{width}"
        yield Proposal(f"write {adaptive.type} kernel={kernel}", adaptive.written_as(kernel), gives)


def for_unknown_key(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose what a key of other tools says of the layer and what it reads."""
    yield from without_channels_read(checked, facts)
    yield from groups_of_size(checked, facts)
    yield from claimed_parameters(checked, facts)


def without_channels_read(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose to leave out other tools' number of channels or features that a layer reads, if it reads as many."""
    for pair, difference in _channels_read(checked, facts):
        if not difference:
            yield Proposal(f"leave out {shown(pair)}", (removal(pair.span),))


def other_channels_read(checked: Checked, facts: LayerFacts, mistake: Diagnostic) -> tuple[str, ...]:
    """Return a note if the mistake is such a number and the layer reads another one."""
    differences = [text for pair, text in _channels_read(checked, facts) if text and pair.key.span == mistake.span]
    return tuple(f"{text}: a layer is missing, different or in another place" for text in differences)


def _channels_read(checked: Checked, facts: LayerFacts) -> Iterator[tuple[Pair, str]]:
    """Yield the keys of other tools that state how much a layer reads, each with the difference, empty if it is right.

    A size such as 64x8x8 stands for all features.
    """
    above = checked.layers[facts.inputs[0]] if len(facts.inputs) == 1 else None
    shape = above and above.computed
    if above is None or shape is None:
        return
    for word, pair in facts.pairs.items():
        plain, value = plain_word(word), pair.value
        sizes = value.values if isinstance(value, Dims) else (value.value,) if isinstance(value, Number) else ()
        if plain not in CHANNELS_READ or not sizes or (plain == "normalizedshape" and len(sizes) > 1):
            continue
        is_whole = facts.type == "fc" or len(sizes) > 1 or not shape.is_image
        what = plural(shape.units, "feature") if is_whole else plural(shape.channels, "channel")
        has = f"{shape} = {what}" if is_whole and shape.is_image else what
        stated = shown(value) if len(sizes) == 1 else f"{shown(value)} = {format_count(math.prod(sizes))}"
        is_right = math.prod(sizes) == (shape.units if is_whole else shape.channels)
        yield pair, "" if is_right else f"{facts.name} reads {above.name}, which has {has}, not {stated}"


def groups_of_size(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose the number of groups for other tools' number of channels in each, if that divides the channels.

    There is none for a convolution in GPU groups: what it reads of them depends on further keys.
    """
    pair = next((p for key, p in facts.pairs.items() if plain_word(key) in GROUP_SIZES), None)
    above = checked.layers[facts.inputs[0]].computed if len(facts.inputs) == 1 else None
    size = pair.value.value if pair is not None and isinstance(pair.value, Number) else 0
    if pair is None or "groups" in facts.pairs or above is None or not isinstance(size, int) or size < 1:
        return
    if facts.type == "conv" and "gpus" in checked.settings.statements:
        return
    channels = _channels_of_share(checked, facts, above)
    if channels % size == 0:
        text = f"groups={channels // size}"
        yield Proposal(f"write {text}", (Edit(pair.span, text),), f"{plural(size, 'channel')} in each of the groups")


def claimed_parameters(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose the number of weights for a claim of parameters, which are the weights, or the weights and biases."""
    claimed = next((p for p in facts.stated.pairs.values() if plain_word(p.key.text) in PARAMETERS), None)
    number = number_of(claimed.value) if claimed is not None else None
    if claimed is None or number is None or facts.lowered is None:
        return
    weights, biases = facts.counts["weights"], sum(p.size for p in facts.lowered.parameters if p.role == "bias")
    if number in (weights, weights + biases):
        total = f"{format_count(weights)} weights + {plural(biases, 'bias')} = {format_count(number)}"
        edits = (Edit(claimed.span, f"weights={weights}"),)
        yield Proposal(f"write weights={weights}", edits, total if number > weights else "")


def divisible_numbers(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose numbers that divide: the nearest number of groups that divides the channels, if the given one does not,
    then the nearest numbers of filters or outputs, which the trial checks."""
    groups = facts.values.get("groups")
    if facts.type == "slice":
        yield from of_equal_parts(checked, facts)
    elif facts.type in ("groupnorm", "layernorm"):
        yield from _groups_of_norm(checked, facts)
    elif isinstance(groups, int) and "groups" in facts.pairs and len(facts.reads) == 1:
        of_share = facts.type == "shuffle"
        channels = _channels_of_share(checked, facts, facts.reads[0]) if of_share else facts.reads[0].channels
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
    channels = _channels_of_share(checked, facts, facts.reads[0])
    small = [g for g in range(1, math.isqrt(channels) + 1) if channels % g == 0]
    divisors = sorted({*small, *(channels // g for g in small)})
    if facts.type == "layernorm" or not facts.reads[0].is_image:
        divisors.remove(channels)  # groups of one number, of which nothing is left
    smaller, larger = [g for g in divisors if g < groups], [g for g in divisors if g > groups]
    nearest = 2 if smaller[-1:] == [channels] else 1
    for other in (*smaller[-nearest:], *larger[:1]):
        yield propose_keys(checked, facts, {"groups": str(other)}, f"{plural(channels // other, 'channel')} in each")


def _channels_of_share(checked: Checked, facts: LayerFacts, read: Shape) -> int:
    """The number of channels that a GPU group reads of the layer's only input: a share, if both are split, else all."""
    above, own = checked.layers[facts.inputs[0]].lowered, facts.pairs.get("gpu")
    gpu = facts.values.get("gpu", own and own.value.span.text)
    split = above is not None and above.value.placement.split and gpu in (None, "all")
    return read.channels // ((checked.settings.groups if split else None) or 1)


def table_fixes(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose fixes of a connection table.

    These are as many filters as it has rows, channels counted from 0 if it counts from 1, neutral values for keys that
    do not go with a table, and placing the whole layer on one GPU group.
    """
    pair, filters = facts.pairs.get("table"), facts.pairs.get("filters")
    try:
        table = Rows().read(pair.value) if pair is not None else None
    except BadValue:
        return
    if table is None:
        return
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
