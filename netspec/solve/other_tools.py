"""Fixes of what other tools write in a layer: what it means here depends on what the layer reads, or on its weights."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netspec.check import Checked, LayerFacts
from netspec.check.other_tools.calls import instance_norm_keys
from netspec.check.other_tools.types import adaptive_pooling
from netspec.diagnostics import Diagnostic, Edit
from netspec.diagnostics.fixes import removal
from netspec.diagnostics.other_tools.keys import CHANNELS_READ, GROUP_SIZES
from netspec.diagnostics.other_tools.words import plain_word
from netspec.formatting import format_count, plural
from netspec.ir.shape import Shape
from netspec.keys.kind import shown
from netspec.keys.texts import pair as size_text
from netspec.language.syntax import Dims, Number, Pair
from netspec.solve.numbers import channels_of_share
from netspec.solve.trial import Proposal


def instance_norm(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose a group for each channel instead of another tool's instance normalisation.

    PyTorch's has no coefficients by default; that of Keras has.
    """
    above = _shape_read(checked, facts)
    keys = instance_norm_keys(facts.section)
    if above is None or not above.is_image or keys is None:
        return
    written = " ".join([f"groupnorm groups={channels_of_share(checked, facts, above)}", *keys])
    span = facts.section.values[0].span
    if "affine" not in facts.section.body.keys and not any(key.startswith("affine=") for key in keys):
        yield Proposal(f"write {written} affine=no", (Edit(span, f"{written} affine=no"),), "as PyTorch's by default")
        yield Proposal(f"write {written}", (Edit(span, written),), "with learnt coefficients")
    else:
        yield Proposal(f"write {written}", (Edit(span, written),))


def adaptive_window(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose the window that does the same as adaptive pooling, if the map's sides are multiples of the output's, else
    bins for means.

    For an output of 1x1, the mistake has its fix already, which does not depend on the map.
    """
    adaptive = adaptive_pooling(facts.section)
    above = _shape_read(checked, facts)
    if adaptive is None or adaptive.size in (None, (1, 1)) or above is None or not above.is_image:
        return
    (rows, columns), (_, height, width) = adaptive.size, above
    if height % rows == 0 and width % columns == 0:
        layer = f"{adaptive.type} kernel={size_text((height // rows, width // columns))}"
    elif adaptive.type == "avgpool":
        layer = f"binpool bins={size_text((rows, columns))}"
    else:
        return
    yield Proposal(f"write {layer}", adaptive.written_as(layer), f"gives {rows}x{columns} of {height}x{width}")


def _shape_read(checked: Checked, facts: LayerFacts) -> Shape | None:
    """Return the shape of the layer that a layer reads, if it reads one and that could be computed."""
    return checked.layers[facts.inputs[0]].computed if len(facts.inputs) == 1 else None


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
    above = _shape_read(checked, facts)
    size = pair.value.value if pair is not None and isinstance(pair.value, Number) else 0
    if pair is None or "groups" in facts.pairs or above is None or not isinstance(size, int) or size < 1:
        return
    if facts.type == "conv" and "gpus" in checked.settings.statements:
        return
    channels = channels_of_share(checked, facts, above)
    if channels % size == 0:
        text = f"groups={channels // size}"
        yield Proposal(f"write {text}", (Edit(pair.span, text),), f"{plural(size, 'channel')} in each of the groups")
