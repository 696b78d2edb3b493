"""The words of ``neuron=``, which are also layer types, and their operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from netspec.ir import ops
from netspec.keys.calls import Argument, Form, as_call, notation
from netspec.keys.kind import BadValue, one_of, unknown_word
from netspec.keys.numbers import Real
from netspec.language.syntax import Value

NEURONS: Mapping[str, Form] = {
    "relu": Form("max(0, x)", make=ops.Relu),
    "relu6": Form("min(max(0, x), 6)", make=ops.Relu6),
    "nrelu": Form(
        "max(0, r + std r z), where r is max(0, x) and z is standard normal noise, also outside training",
        (Argument("std", Real(low=0), 1.0),),
        ops.NoisyRelu,
    ),
    "leakyrelu": Form("max(0, x) + slope min(0, x)", (Argument("slope", Real(low=0), 0.01),), ops.LeakyRelu),
    "elu": Form("max(0, x) + alpha min(0, e^x - 1)", (Argument("alpha", Real(low=0), 1.0),), ops.Elu),
    "silu": Form("x / (1 + e^-x)", make=ops.Silu),
    "mish": Form("x tanh(log(1 + e^x))", make=ops.Mish),
    "gelu": Form("x (1 + erf(x / sqrt 2)) / 2", make=ops.Gelu),
    "hardswish": Form("x min(max(0, x + 3), 6) / 6", make=ops.HardSwish),
    "tanh": Form(
        "a tanh(b x)",
        (
            Argument("a", Real(), 1.0),
            Argument("b", Real(), 1.0),
        ),
        ops.Tanh,
    ),
    "logistic": Form("1 / (1 + e^-x)", make=ops.Logistic),
    "hardsigmoid": Form("min(max(0, x + 3), 6) / 6", make=ops.HardSigmoid),
    "softrelu": Form("log(1 + e^x), and x above 4", make=ops.SoftRelu),
    "abs": Form("|x|", make=ops.Abs),
    "square": Form("x^2", make=ops.Square),
    "sqrt": Form("the square root of x", make=ops.Sqrt),
    "log": Form("log(a + x)", (Argument("a", Real(), 0.0),), ops.Log),
    "linear": Form(
        "a x + b, by default x",
        (
            Argument("a", Real(), 1.0),
            Argument("b", Real(), 0.0),
        ),
        ops.LinearNeuron,
    ),
}

IDENTITY = ops.LinearNeuron()


@dataclass(frozen=True, slots=True)
class NeuronWord:
    """The kind of ``neuron=``: a word, or a word with numbers, ``tanh(1.7159, 0.667)``. It is read as an operation."""

    forms: ClassVar = NEURONS
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
        op: ops.Op = NEURONS[call.name.text].read(call)
        return op
