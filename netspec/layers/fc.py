"""Fully connected layer."""

from netspec.ir.fault import Fault
from netspec.ir.ops import Linear
from netspec.keys import Key, Whole
from netspec.keys.learning import NORM_OVER
from netspec.layers._bounds import check_values
from netspec.layers._keys import USUAL, WEIGHTED
from netspec.lowering import LayerType, Lowering, Operand

PARTS = Key(
    "parts",
    Whole(),
    "number of parts into which inputs and outputs are divided; each part of the outputs reads only its part of the "
    "inputs",
    default=1,
    per_input=True,
)


def lower(low: Lowering) -> None:
    """Lower the layer.

    Raises
    ------
    Fault
        ``bad-value`` if ``norm_over=parts`` is given and the parts are split over the GPU groups,
        ``groups-do-not-divide`` if the parts are not equal.
    """
    parts = [low.value_for("parts", i) for i in range(len(low.operands))]
    if low["norm_over"] == "parts" and max(parts) > 1 and low.placement.split:
        raise Fault(
            "bad-value",
            "{layer}: norm_over=parts needs the weights of all parts in one place; the GPU groups have a share each",
            ("norm_over",),
            ("gpu=0 puts the whole layer on group 0",),
        )
    for operand, number in zip(low.operands, parts, strict=True):
        _need_equal_parts(low, operand, number)
    low.emit_weighted(lambda i, bias: Linear(low["outputs"], parts[i] * low.shares(low.operands[i]), bias))


def _need_equal_parts(low: Lowering, operand: Operand, parts: int) -> None:
    """Raise ``groups-do-not-divide`` unless the parts divide the inputs and the outputs of each GPU group."""
    shares = low.shares(operand)
    read = "input channels" if operand.shape.is_image else "inputs"
    for number, what, key in ((operand.shape.channels, read, "inputs"), (low["outputs"], "outputs", "outputs")):
        share = number / shares
        if parts > 1 and share % parts:
            whose = f" of each of {shares} GPU groups" if shares > 1 else ""
            raise Fault(
                "groups-do-not-divide",
                f"{{layer}}: {parts} parts do not divide its {what}",
                ("parts", key),
                (f"{share:,.10g} {what}{whose} / {parts} parts = {share / parts:.6g}, not a whole number",),
            )


TYPE = LayerType(
    "fc",
    "Fully connected layer: every output reads every input. An image is read as a vector: channels, then rows, then "
    "columns.",
    lower,
    keys=(
        Key("outputs", Whole(), "number of outputs, over all groups", unit="features"),
        PARTS,
        *WEIGHTED,
        NORM_OVER,
        *USUAL,
    ),
    arity=(1, None),
    check_values=check_values,
    grouping="weights",
    rule="A vector with the given number of outputs.",
    example="[pool5] input 256x6x6\n[fc6] fc outputs=4096",
)
