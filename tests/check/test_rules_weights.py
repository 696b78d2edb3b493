"""Weights that are not a plain kernel's: the coefficients of channels."""

from __future__ import annotations

from checking import good, ops

from netspec.ir.distribution import Constant
from netspec.ir.ops import Bias, ChannelScale, Tanh

IMAGE = "[image] input 4x8x8\n"


def test_affine_starts_as_the_identity_and_learns_as_other_weights_do() -> None:
    train = "\ntrain optimizer=sgd(lr=0.1, weight_decay=0.01)"
    graph = good(IMAGE + "[x] affine neuron=tanh" + train).graph
    assert {p.key: (p.role, p.shape, p.distribution, p.lr, p.decay) for p in graph.parameters.values()} == {
        "x.weight": ("weight", (4,), Constant(1.0), 0.1, 0.01),
        "x.bias": ("bias", (4,), Constant(0.0), 0.1, 0.0),
    }
    assert ops(IMAGE + "[x] affine neuron=tanh", "x") == [ChannelScale(), Bias(), Tanh()]
    own = good(IMAGE + "[x] affine init=constant(0.25) bias=none lr=0.5 decay_mult=0" + train).graph
    assert [(p.key, p.distribution, p.lr, p.decay) for p in own.parameters.values()] == [
        ("x.weight", Constant(0.25), 0.5, 0.0)
    ]
