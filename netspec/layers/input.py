"""The network's input."""

from netspec.formatting import plural
from netspec.ir.fault import Fault
from netspec.ir.ops import Input
from netspec.keys import Choice, ImageShape, Key, PerChannel, PixelRange, Real
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    channels = low["shape"].channels
    for key in ("mean", "std"):
        numbers = low[key]
        if not isinstance(numbers, str) and len(numbers) not in (1, channels):
            message = f"{{layer}}: {key} has {len(numbers)} numbers for {plural(channels, 'channel')}"
            raise Fault("bad-value", message, (key,), ("one for each channel, or one for all",))
    low.emit(Input(low["shape"]))


TYPE = LayerType(
    "input",
    "The input of the network: images or vectors, and their preprocessing.",
    lower,
    keys=(
        Key("range", PixelRange(), "the value of a white pixel; black is 0", default=1, affects_shape=False),
        Key(
            "mean",
            PerChannel(("image", "channel", "none")),
            "what is subtracted. image: the mean image of the training data. channel: their mean in each channel. "
            "none: nothing. Or numbers, in the range and order of channels of the input",
            default="none",
            affects_shape=False,
        ),
        Key(
            "std",
            PerChannel(("channel", "none"), Real(above=0)),
            "what each channel is then divided by. channel: the standard deviation of the training data. none: "
            "nothing. Or numbers",
            default="none",
            affects_shape=False,
        ),
        Key(
            "order",
            Choice(("rgb", "bgr")),
            "order of the colour channels",
            default="rgb",
            affects_shape=False,
        ),
    ),
    arity=(0, 0),
    grouping="input",
    operand=Key("shape", ImageShape(), "channels x height x width, or the length of a vector"),
    rule="The given shape.",
    example="[image] input 3x224x224 range=255 mean=image",
)
