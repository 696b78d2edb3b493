"""The mish neuron as a layer."""

from netspec.layers._neuron import neuron_type

TYPE = neuron_type("mish")
