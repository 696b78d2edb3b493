"""The estimated strength of a signal behind a neuron, against the neuron's mean square over a normal distribution."""

from __future__ import annotations

import numpy as np
import pytest

import netspec
from netspec import backend
from netspec.check.traps.strength import strengths

NORMAL = np.linspace(-8, 8, 801)
DENSITY = np.exp(-(NORMAL**2) / 2) / np.exp(-(NORMAL**2) / 2).sum()


@pytest.mark.parametrize("deviation", [0.1, 1, 10])
@pytest.mark.parametrize(
    "neuron",
    [
        *("relu", "relu6", "leakyrelu slope=0.2", "elu", "elu alpha=2", "silu", "gelu", "hardswish", "mish"),
        *("tanh", "tanh a=2 b=0.5", "logistic", "hardsigmoid", "softrelu", "abs", "square", "linear a=2 b=3"),
    ],
)
def test_neurons(neuron: str, deviation: float) -> None:
    """For all of them, the estimate is exact or too large, by up to 2.6 where a function bends most."""
    text = "[i] input {} range=1 mean=channel std=channel\n[x] linear a={}\n[n] {}\n[f] fc outputs=2"
    estimate = strengths(netspec.loads(text.format(4, deviation, neuron)).graph)["n"] ** 2
    graph = netspec.loads(text.format(len(NORMAL), deviation, neuron)).graph
    parameters = {key: np.zeros(parameter.shape) for key, parameter in graph.parameters.items()}
    values = backend.load("reference").run(graph, parameters, NORMAL[None]).values["n"][0]
    assert 0.85 < estimate / (DENSITY * values**2).sum() < 2.6
