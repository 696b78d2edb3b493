"""Parametric ReLU: a learnt slope below 0 for each channel."""

from dataclasses import replace

from netspec.ir.ops import PRelu
from netspec.keys import YES_NO, Init, Initialiser, Key
from netspec.keys.learning import LEARNING, OF_BIASES
from netspec.layers._keys import PLACED, WEIGHTS_OF
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(PRelu(low["shared"]), init=low["init"])


def _of_slopes(key: Key) -> Key:
    """Return a key for the training of weights as one of slopes, which have no decay unless a layer asks for it."""
    if key.name != "decay":
        return key
    return replace(key, default=0.0, default_text="0, whatever the train line says")


TYPE = LayerType(
    "prelu",
    "max(0, x) + a min(0, x), with a learnt slope a for each channel (or each feature of a vector), by He et al. 2015. "
    "It is a layer and not a word of neuron=, because it has weights: the slopes. As in section 2.1 of the paper, they "
    "have no weight decay, which would pull them to 0 and so make the layer a relu; decay= gives them one. By section "
    "2.2, the weights before slopes a begin with a standard deviation of sqrt(2 / ((1 + a^2) fan_in)): with slopes of "
    "0.25, that is 3 % less than init=he.",
    lower,
    keys=(
        Key(
            "init",
            Init(),
            "the distribution of the initial slopes; fan_in and fan_out are 1",
            default=Initialiser("constant", (0.25,)),
            default_text="constant(0.25)",
            affects_shape=False,
        ),
        Key("shared", YES_NO, "whether one slope serves all channels", default=False, default_text="no"),
        WEIGHTS_OF,
        *(_of_slopes(key) for key in LEARNING if key not in OF_BIASES),
        *PLACED,
    ),
    rule="The shape of the input.",
    example="[image] input 3x32x32\n[conv1] conv filters=16 kernel=3\n[act1] prelu",
)
