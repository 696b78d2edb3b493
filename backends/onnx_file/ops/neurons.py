"""Neurons: element-wise functions."""

from __future__ import annotations

import math

from netspec.ir import ops

from ..site import Site, Table


def _noisy_relu(op: ops.NoisyRelu, site: Site) -> None:
    """relu(x) relu(1 + std z), where the runtime draws new normal noise z in every run."""
    noise = site.inner("RandomNormalLike", site.x, mean=1.0, scale=op.std)
    site.result("Mul", site.inner("Relu", site.x), site.inner("Relu", noise))


def _gelu(op: ops.Gelu, site: Site) -> None:
    scaled = site.inner("Mul", site.x, site.constant("slope", math.sqrt(0.5)))
    doubled = site.inner("Add", site.inner("Erf", scaled), site.constant("one", 1.0))
    share = site.inner("Mul", doubled, site.constant("half", 0.5))
    site.result("Mul", site.x, share)


def _tanh(op: ops.Tanh, site: Site) -> None:
    x = site.x if op.b == 1 else site.inner("Mul", site.x, site.constant("b", op.b))
    if op.a == 1:
        site.result("Tanh", x)
    else:
        site.result("Mul", site.inner("Tanh", x), site.constant("a", op.a))


def _softrelu(op: ops.SoftRelu, site: Site) -> None:
    above = site.inner("Greater", site.x, site.constant("linear-above", op.linear_above))
    site.result("Where", above, site.x, site.inner("Softplus", site.x))


def _linear_neuron(op: ops.LinearNeuron, site: Site) -> None:
    if (op.a, op.b) == (1, 0):
        site.result("Identity", site.x)
        return
    scaled = site.inner("Mul", site.x, site.constant("a", op.a))
    site.result("Add", scaled, site.constant("b", op.b))


TABLE: Table = {
    ops.Relu: lambda op, site: site.result("Relu", site.x),
    ops.Relu6: lambda op, site: site.result("Clip", site.x, site.constant("bottom", 0.0), site.constant("top", op.top)),
    ops.NoisyRelu: _noisy_relu,
    ops.LeakyRelu: lambda op, site: site.result("LeakyRelu", site.x, alpha=op.slope),
    ops.Elu: lambda op, site: site.result("Elu", site.x, alpha=op.alpha),
    ops.Silu: lambda op, site: site.result("Mul", site.x, site.inner("Sigmoid", site.x)),
    ops.Mish: lambda op, site: site.result("Mul", site.x, site.inner("Tanh", site.inner("Softplus", site.x))),
    ops.Gelu: _gelu,
    ops.HardSwish: lambda op, site: site.result("HardSwish", site.x),
    ops.Tanh: _tanh,
    ops.Logistic: lambda op, site: site.result("Sigmoid", site.x),
    ops.HardSigmoid: lambda op, site: site.result("HardSigmoid", site.x, alpha=1 / 6, beta=0.5),
    ops.SoftRelu: _softrelu,
    ops.Abs: lambda op, site: site.result("Abs", site.x),
    ops.Square: lambda op, site: site.result("Mul", site.x, site.x),
    ops.Sqrt: lambda op, site: site.result("Sqrt", site.x),
    ops.Log: lambda op, site: site.result(
        "Log", site.inner("Add", site.x, site.constant("a", op.a)) if op.a else site.x
    ),
    ops.LinearNeuron: _linear_neuron,
}
