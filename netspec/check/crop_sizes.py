"""How large the images are from which crops are cut, as far as the augment line says it."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.diagnostics import Fix
from netspec.diagnostics.fixes import insertion, replacement
from netspec.ir.settings import Augment
from netspec.language.syntax import Pair


def pads_smaller(augment: Augment, pairs: Mapping[str, Pair]) -> bool:
    """Whether images that are scaled to less than the crop are padded: ``from=`` has two numbers, and ``fill=`` says
    with which colour. (Without it, the least number is most likely a slip.)"""
    return augment.sides is not None and "fill" in pairs and augment.fill != "reflect"


def least_side(augment: Augment, pairs: Mapping[str, Pair]) -> int | None:
    """Return the shorter side of the smallest images into which crops must fit; ``None`` if nothing says it, and where
    smaller images are padded."""
    if augment.sides is None:
        return augment.resize
    return None if pads_smaller(augment, pairs) else augment.sides[0]


def padding_fixes(augment: Augment, pairs: Mapping[str, Pair]) -> tuple[Fix, ...]:
    """Return the fixes that pad images whose side is drawn below that of the crop."""
    if augment.sides is None or augment.areas is not None or augment.pad:
        return ()
    if "fill" in pairs:
        return tuple(replacement(pairs["fill"].value.span, colour) for colour in ("mean", "black"))
    end = pairs["from"].span
    return tuple(
        Fix(f"pad smaller images: fill={colour}", (insertion(end.source, end.end, f" fill={colour}"),))
        for colour in ("mean", "black")
    )
