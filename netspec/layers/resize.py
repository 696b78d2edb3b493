"""Resizing: to a given size, or by a given distance between pixels."""

from netspec.ir.fault import Fault
from netspec.ir.ops import Interpolate, Resize
from netspec.ir.ops.scaling import METHODS
from netspec.keys import Choice, Key, Real, Size2
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering

_EXACT = (
    "nearest-exact of PyTorch takes the pixel whose middle is nearest, and nearest the one at or before that place: "
    "the same where the sides grow by a whole factor"
)


def lower(low: Lowering) -> None:
    """Lower the layer. A size that is a multiple of the input's is that of an ``upsample``.

    Raises
    ------
    Fault
        See ``_require_one_size``; or ``needs-image`` if the second input is a vector.
    """
    _require_one_size(low)
    x, *others = low.operands
    if low["step"] is not None:
        low.emit(Resize(low["step"]))
        return
    size = low["size"]
    if others:
        wanted = others[0].shape
        if not wanted.is_image:
            message = f"{{layer}} resizes to the size of its second input, a vector of {wanted}"
            raise Fault("needs-image", message, ("inputs",))
        size = wanted.height, wanted.width
    single = x.shape.height * x.shape.width == 1  # there is nothing to interpolate between
    op = Interpolate(size, "nearest" if single else low["method"] or "bilinear")
    low.emit(op.upsampling(x.shape) or op, x)


def _require_one_size(low: Lowering) -> None:
    """Raise ``Fault``: ``missing-key`` if neither ``step`` nor ``size`` nor a second input says how large the maps
    become, ``bad-value`` if several of them do, or if ``step`` has a ``method``."""
    is_given = {"step": low["step"], "size": low["size"], "inputs": low.operands[1:]}
    given = [key for key, value in is_given.items() if value]
    if len(given) > 1:
        message = "{layer}: its size is given twice, by " + " and ".join(_HOW[key] for key in given)
        raise Fault("bad-value", message, tuple(given))
    if not given:
        note = "step= is the distance between pixels; with inputs=a,b, a gets the size of b"
        raise Fault("missing-key", "{layer} needs size=, the height and width of its maps", (), (note,))
    if low["step"] is not None and low["method"] is not None:
        note = "with step, pixels are always interpolated, at even distances around the centre"
        raise Fault("bad-value", "{layer}: method goes with a size, not with a step", ("method", "step"), (note,))


_HOW = {"step": "step", "size": "size", "inputs": "its second input"}


TYPE = LayerType(
    "resize",
    "Resizes each map, to a larger or a smaller one. size= is the height and width that it gets, as with PyTorch's "
    "interpolate(size=); with a second input, whose values it does not read, it gets that one's. step= is the distance "
    "between pixels instead, and they are spread evenly around the centre, as in cuda-convnet.",
    lower,
    keys=(
        Key(
            "size",
            Size2(),
            "the side of the resized map, or its height x width",
            default=None,
            default_text="that of the second input",
            unit="pixels",
        ),
        Key(
            "method",
            Choice(METHODS, absent=dict.fromkeys(("nearest-exact", "nearest_exact"), _EXACT)),
            "how values between pixels are found, as in upsample: nearest, bilinear (PyTorch's align_corners=False) or "
            "corners (align_corners=True). Where a map shrinks, not all pixels are read",
            default=None,
            default_text="bilinear",
            affects_shape=False,
        ),
        Key(
            "step",
            Real(low=1 / 64, high=2**16),
            "the distance, in pixels of its input, between neighbouring pixels: 2 halves the sides, 0.5 doubles them",
            default=None,
            default_text="given by the size",
            unit="pixels",
        ),
        *USUAL,
    ),
    arity=(1, 2),
    rule="Height and width: size, or those of the input / step, rounded down. Channels: those of the input.",
    example="[image] input 3x256x256\n[small] resize size=100x120\n[half] resize step=2",
)
