"""Footprints of normalisations and of dropout."""

from __future__ import annotations

from netspec.ir.ops import BatchNorm, ContrastNorm, Dropout, GroupNorm, LayerNorm, Lrn, MapNorm
from netspec.ir.widths import FULL
from netspec.ir.window import Pad
from netspec.plan.footprint.model import WORD, Footprint, Site, chain

Norm = Lrn | MapNorm | BatchNorm | GroupNorm | Dropout


def norm(op: Norm, site: Site) -> Footprint:
    """The footprint of a normalisation or of dropout."""
    width, numbers = site.widths[0], site.input_numel
    if isinstance(op, Dropout):  # keeps a mask, which is computed from two arrays of 32-bit words
        choices = site.images * op.choices(site.inputs[0]).units
        return Footprint(numbers * width, width, extra=choices * width, forward=2 * choices * (WORD - width))
    if isinstance(op, GroupNorm):
        return _group_norm(op, site)
    if isinstance(op, BatchNorm):
        if not site.shared:
            return Footprint(numbers * width, width, keeps_input=True, extra=2 * site.output.channels * FULL)
        maps = 2 if op.affine else 1  # the centred value and, if it is then scaled, the normalised one
        wide = numbers * FULL
        return Footprint(numbers * width, width, extra=maps * wide, forward=wide, backward=3 * wide)
    maps = numbers * FULL
    wide = width == FULL
    copy = 0 if wide else maps
    if isinstance(op, Lrn):  # keeps its input, the base and its power; backward needs two sums
        back, later = chain(maps, *((maps,) if copy else ()), numbers * width)
        return Footprint(
            maps, FULL, keeps_input=wide, extra=2 * maps + copy, forward=maps, backward=2 * maps + back, later=later
        )
    before = op.size // 2
    after = op.size - 1 - before
    padded = site.padded(Pad(before, after, before, after)) * FULL
    kept = padded + 2 * maps  # the zero-padded squares, the base, and its power
    if isinstance(op, ContrastNorm):
        kept += padded + maps
    return Footprint(maps, FULL, keeps_input=wide, extra=kept + copy, forward=2 * maps, backward=2 * maps + copy)


def _group_norm(op: GroupNorm, site: Site) -> Footprint:
    """Keeps its input in float32, and a mean and a deviation for each group that is normalised together.

    At each position of a map, it normalises and keeps a copy with the channels side by side, and copies the result
    back.
    """
    x, wide = site.inputs[0], site.widths[0] == FULL
    maps, statistics = site.input_numel * FULL, 2 * (site.input_numel // op.normalised_together(x)) * FULL
    back, later = (0, 0) if wide else chain(maps, maps, site.input_numel * site.widths[0])
    if isinstance(op, LayerNorm) and 1 < x.channels < x.units:
        copy = 0 if wide else maps
        return Footprint(maps, FULL, extra=maps + statistics, forward=maps + copy, backward=back, later=later)
    strided = site.strided and not isinstance(op, LayerNorm)  # makes its input contiguous, after making it float32
    copied = strided or not wide
    return Footprint(
        maps, FULL, keeps_input=not copied, extra=copied * maps + statistics,
        forward=maps if strided and not wide else 0, backward=back, later=later,
    )  # fmt: skip
