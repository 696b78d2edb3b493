"""Footprints of normalisations and of dropout."""

from __future__ import annotations

from netspec.ir.ops import BatchNorm, ContrastNorm, Dropout, Lrn, MapNorm
from netspec.ir.window import Pad
from netspec.plan.footprint.model import FULL, WORD, Footprint, Site, chain


def norm(op: Lrn | MapNorm | BatchNorm | Dropout, site: Site) -> Footprint:
    """The footprint of a normalisation or of dropout."""
    width, numbers = site.widths[0], site.input_numel
    if isinstance(op, Dropout):  # keeps a mask, which is computed from two arrays of 32-bit words
        return Footprint(numbers * width, width, extra=numbers * width, forward=2 * numbers * (WORD - width))
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
