"""The words of ``neuron=``, which are also layer types, and their operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netspec.ir import ops
from netspec.keys.calls import Argument, arguments, as_call, notation
from netspec.keys.kind import BadValue, one_of, unknown_word
from netspec.keys.numbers import Real
from netspec.language.syntax import Value


@dataclass(frozen=True, slots=True)
class Neuron:
    """The definition of a neuron: its doc, its arguments, and a function that makes its operation of their values."""

    doc: str
    make: Callable[..., ops.Op]
    arguments: tuple[Argument, ...] = ()


NEURONS: dict[str, Neuron] = {
    "relu": Neuron("max(0, x)", ops.Relu),
    "relu6": Neuron("min(max(0, x), 6)", ops.Relu6),
    "nrelu": Neuron(
        "max(0, r + std r z), where r is max(0, x) and z is standard normal noise, also outside training",
        ops.NoisyRelu,
        (Argument("std", Real(low=0), 1.0),),
    ),
    "leakyrelu": Neuron("max(0, x) + slope min(0, x)", ops.LeakyRelu, (Argument("slope", Real(low=0), 0.01),)),
    "elu": Neuron("max(0, x) + alpha min(0, e^x - 1)", ops.Elu, (Argument("alpha", Real(low=0), 1.0),)),
    "silu": Neuron("x / (1 + e^-x)", ops.Silu),
    "gelu": Neuron("x (1 + erf(x / sqrt 2)) / 2", ops.Gelu),
    "hardswish": Neuron("x min(max(0, x + 3), 6) / 6", ops.HardSwish),
    "tanh": Neuron("a tanh(b x)", ops.Tanh, (Argument("a", Real(), 1.0), Argument("b", Real(), 1.0))),
    "logistic": Neuron("1 / (1 + e^-x)", ops.Logistic),
    "hardsigmoid": Neuron("min(max(0, x + 3), 6) / 6", ops.HardSigmoid),
    "softrelu": Neuron("log(1 + e^x), and x above 4", ops.SoftRelu),
    "abs": Neuron("|x|", ops.Abs),
    "square": Neuron("x^2", ops.Square),
    "sqrt": Neuron("the square root of x", ops.Sqrt),
    "log": Neuron("log(a + x)", ops.Log, (Argument("a", Real(), 0.0),)),
    "linear": Neuron(
        "a x + b, by default x", ops.LinearNeuron, (Argument("a", Real(), 1.0), Argument("b", Real(), 0.0))
    ),
}

IDENTITY = ops.LinearNeuron()


@dataclass(frozen=True, slots=True)
class NeuronWord:
    """The kind of ``neuron=``: a word, or a word with numbers, ``tanh(1.7159, 0.667)``. It is read as an operation."""

    words: tuple[str, ...] = tuple(NEURONS)

    @property
    def doc(self) -> str:
        return one_of([notation(word, neuron.arguments) for word, neuron in NEURONS.items()])

    def read(self, value: Value) -> ops.Op:
        call = as_call(value)
        if call is None or call.name.text not in NEURONS:
            if call is not None and call.name.text.lower() == "prelu":
                note = "its slopes are weights: it is a separate layer, [act1] prelu"
                raise BadValue("prelu is no neuron", call.name.span, notes=(note,))
            error = unknown_word(value, self.words, self.doc)
            if call is not None and call.name.text.lower() == "softmax":
                error.notes = ("a softmax is a separate layer: [prob] softmax",)
            raise error
        neuron = NEURONS[call.name.text]
        return neuron.make(**arguments(call, neuron.arguments))
