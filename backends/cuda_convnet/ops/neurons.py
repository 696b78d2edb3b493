"""Layers that are a neuron and nothing else, as sections of their own."""

from __future__ import annotations

from netspec.ir.ops import Elu, LeakyRelu, LinearNeuron, Log, NoisyRelu, Relu6, Tanh

from ..neurons import PLAIN, word
from ..sections import Section
from ..site import Site


def neuron(site: Site) -> Section:
    """A layer that is a neuron and nothing else."""
    read = site.one()
    return site.section("neuron", (read,), {"neuron": word(site, site.nodes[0].op)})


EMITTED = dict.fromkeys((*PLAIN, Relu6, NoisyRelu, LeakyRelu, Elu, Tanh, LinearNeuron, Log), neuron)
