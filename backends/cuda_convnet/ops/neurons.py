"""Sections of layers that consist of a neuron."""

from __future__ import annotations

from netspec.ir.ops import Elu, Gelu, HardSigmoid, HardSwish, LeakyRelu, LinearNeuron, Log, NoisyRelu, Relu6, Silu, Tanh

from ..neurons import PLAIN, word
from ..sections import Section
from ..site import Site


def neuron(site: Site) -> Section:
    """``neuron``."""
    part = site.single()
    return site.section("neuron", (part,), {"neuron": word(site, site.nodes[0].op)})


EMITTED = dict.fromkeys(
    (*PLAIN, Relu6, NoisyRelu, LeakyRelu, Elu, Silu, Gelu, HardSwish, Tanh, HardSigmoid, LinearNeuron, Log), neuron
)
