"""The network's input."""

from netspec.ir.ops import Input
from netspec.keys import Choice, ImageShape, Key, OneOf
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Input(low["shape"]))


TYPE = LayerType(
    "input",
    "The images (or vectors) that come in, and what their numbers are.",
    lower,
    keys=(
        Key("range", OneOf((255, 1)), "the value of a white pixel; a black one is 0", default=1, of_shape=False),
        Key(
            "mean",
            Choice({"image": "image", "channel": "channel", "none": "none"}),
            "what is subtracted: the training images' mean image, one mean per channel, or nothing",
            default="none",
            of_shape=False,
        ),
        Key(
            "order",
            Choice({"rgb": "rgb", "bgr": "bgr"}),
            "the order of the colour channels",
            default="rgb",
            of_shape=False,
        ),
    ),
    arity=(0, 0),
    grouping="input",
    operand=Key("shape", ImageShape(), "channels x height x width, or the length of a vector"),
    rule="What it states: channels x height x width, or a length.",
    example="[image] input 3x224x224 range=255 mean=image",
)
