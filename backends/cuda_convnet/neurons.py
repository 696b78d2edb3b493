"""Neurons in the syntax of cuda-convnet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.formatting import format_literal
from netspec.ir import ops

from .sections import decimal

if TYPE_CHECKING:
    from .site import Site

PLAIN: dict[type[ops.Op], str] = {
    ops.Relu: "relu",
    ops.Logistic: "logistic",
    ops.SoftRelu: "softrelu",
    ops.Abs: "abs",
    ops.Square: "square",
    ops.Sqrt: "sqrt",
}
"""The words of neurons without parameters."""


def word(site: Site, op: ops.Op) -> str:
    """Return the value of ``neuron=``, such as ``relu`` or ``tanh[1.7159,0.667]``. Raises ``Inexpressible``."""
    if type(op) in PLAIN:
        return PLAIN[type(op)]
    if isinstance(op, ops.Relu6):
        return f"brelu[{op.top}]"
    if isinstance(op, ops.NoisyRelu):
        return _noisy(site, op)
    if isinstance(op, ops.Tanh):
        return f"tanh[{decimal(op.a)},{decimal(op.b)}]"
    if isinstance(op, ops.LinearNeuron):
        return "ident" if (op.a, op.b) == (1, 0) else f"linear[{decimal(op.a)},{decimal(op.b)}]"
    if isinstance(op, ops.Log) and not site.draft.old:
        return f"log[{decimal(op.a)}]"
    if isinstance(op, ops.Log):
        raise site.error("the neurons of 2012 have no logarithm", "neuron", instead=("--dialect v2",))
    raise site.error(f"cuda-convnet has no neuron {ops.word_of(op)}", "neuron", instead=("relu",))


def _noisy(site: Site, op: ops.NoisyRelu) -> str:
    """Return ``nrelu``, which only 2012 has: version 2 still parses it but does not implement it."""
    if not site.draft.old:
        raise site.error("the neurons of version 2 have no noise", "neuron", instead=("--dialect 2012", "relu"))
    if op.std != 1:
        message = f"the noise of cuda-convnet's nrelu has a std of 1, and its std is {format_literal(op.std)}"
        raise site.error(message, "std", "neuron", instead=("std=1",))
    return "nrelu"
