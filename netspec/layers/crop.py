"""Cropping: a rectangle of an image."""

from netspec.ir.fault import Fault
from netspec.ir.ops import Crop
from netspec.keys import Key, Size2, Whole
from netspec.keys.sizes import MAX_SIDE
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering

_PLACE = "0; the middle, rounded down, if there is a second input"


def lower(low: Lowering) -> None:
    """Lower the layer.

    Raises
    ------
    Fault
        ``missing-key`` if neither ``size`` nor a second input says how large the rectangle is, ``bad-value`` if both
        do, ``needs-image`` if the second input is a vector.
    """
    x, *others = low.operands
    size, middle = low["size"], (0, 0)
    if others:
        wanted = others[0].shape
        if size is not None:
            raise Fault(
                "bad-value", "{layer}: its second input says how large it is, and so does size", ("size", "inputs")
            )
        if not wanted.is_image:
            raise Fault(
                "needs-image", f"{{layer}} crops to the size of its second input, a vector of {wanted}", ("inputs",)
            )
        size = wanted.height, wanted.width
        middle = max(0, x.shape.height - size[0]) // 2, max(0, x.shape.width - size[1]) // 2
    elif size is None:
        note = "without size, it crops its first input to the size of a second one: inputs=a,b"
        raise Fault("missing-key", "{layer} needs size=, the height and width of the rectangle", (), (note,))
    top, left = (start if low[key] is None else low[key] for key, start in zip(("top", "left"), middle, strict=True))
    low.emit(Crop(top, left, *size), x)


TYPE = LayerType(
    "crop",
    "Cuts the same rectangle of pixels out of each map. Of the channels, slice takes some. With a second input, whose "
    "values it does not read, it crops the first one to the size of the second, as U-Net does before it joins them.",
    lower,
    keys=(
        Key(
            "size",
            Size2(),
            "the side of the rectangle, or its height x width",
            default=None,
            default_text="that of the second input",
            unit="pixels",
        ),
        Key(
            "top",
            Whole(0, MAX_SIDE),
            "number of rows above the rectangle",
            default=None,
            default_text=_PLACE,
            unit="pixels",
        ),
        Key(
            "left",
            Whole(0, MAX_SIDE),
            "number of columns left of the rectangle",
            default=None,
            default_text=_PLACE,
            unit="pixels",
        ),
        *USUAL,
    ),
    arity=(1, 2),
    rule="The channels of the input, with the height and width of the rectangle.",
    example="[image] input 3x256x256\n[conv1] conv filters=8 kernel=5 -> 8x252x252\n"
    "[middle] crop inputs=image,conv1 -> 3x252x252\n[both] concat inputs=middle,conv1 -> 11x252x252\n"
    "[corner] crop size=224 top=16 left=16 -> 11x224x224",
)
