"""What the normalisations with learnt coefficients share: their keys, and the initial values of what they learn."""

from __future__ import annotations

from netspec.ir.fault import Fault
from netspec.ir.ops import BatchNorm, GroupNorm
from netspec.keys import YES_NO, ZERO, Initialiser, Key, Real
from netspec.lowering import Lowering

EPS = Key(
    "eps",
    Real(above=0),
    "constant added to the variance",
    default=1e-5,
    default_text="1e-5",
    affects_shape=False,
)
AFFINE = Key(
    "affine",
    YES_NO,
    "whether the normalised values are scaled and shifted",
    default=True,
    default_text="yes",
)


def emit(low: Lowering, op: BatchNorm | GroupNorm) -> None:
    """Append a normalisation whose coefficients are 1 at first, and whose biases are 0."""
    low.emit(op, init=Initialiser("constant", (1.0,)), bias=ZERO)


def merged_groups(low: Lowering) -> int:
    """Return the number of groups of channels in all GPU groups, each of which divides its share into ``groups``.

    Raises ``Fault`` with ``groups-do-not-divide`` if the groups are not equal.
    """
    (operand,), groups = low.operands, low["groups"]
    shares = low.shares(operand)
    channels = operand.shape.channels // shares
    if channels % groups:
        what = "channels" if operand.shape.is_image else "inputs"
        of_each = f" of each of {shares} GPU groups" if shares > 1 else ""
        raise Fault(
            "groups-do-not-divide",
            f"{{layer}}: {groups} groups do not divide its {what}",
            ("groups",),
            (f"{channels} {what}{of_each} / {groups} groups = {channels / groups:.6g}, not a whole number",),
        )
    return int(groups * shares)
