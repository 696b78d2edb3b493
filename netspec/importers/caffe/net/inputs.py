"""The inputs of a network that has them beside its layers: ``input: "data" input_dim: 10 ...``."""

from __future__ import annotations

from netspec.check.report import Findings
from netspec.formatting import plural
from netspec.importers.caffe.schema.messages import MESSAGES
from netspec.importers.caffe.schema.record import Entry, Record

DIMENSIONS = 4
"""The numbers of ``input_dim`` for each input: images, channels, height, width."""


def input_layers(network: Record, findings: Findings) -> list[Record]:
    """Return a layer ``Input`` for each input that is stated beside the layers."""
    names = network.entries.get("input", ())
    shapes = network.entries.get("input_shape", ()) or _shapes_of_dimensions(network, len(names), findings)
    if network.has("input_shape") and network.has("input_dim"):
        findings.add("caffe-network", "input_shape and input_dim are both given", network.place("input_dim"))
    elif shapes and len(shapes) != len(names) and network.has("input_shape"):
        message = f"there are {len(names)} inputs and {len(shapes)} input_shape"
        findings.add("caffe-network", message, network.place("input_shape"))
    layers = []
    for index, name in enumerate(names):
        shape = shapes[index : index + 1]
        parameter = Record(MESSAGES["InputParameter"], {"shape": shape} if shape else {}, name.span)
        entries = {
            "name": (name,),
            "type": (Entry("Input", name.span),),
            "top": (name,),
            "input_param": (Entry(parameter, name.span),),
        }
        layers.append(Record(MESSAGES["LayerParameter"], entries, name.span))
    return layers


def _shapes_of_dimensions(network: Record, inputs: int, findings: Findings) -> tuple[Entry, ...]:
    numbers = network.entries.get("input_dim", ())
    if numbers and len(numbers) != DIMENSIONS * inputs:
        needed = f"{plural(inputs, 'input')} of {DIMENSIONS} dimensions"
        message = f"input_dim is given {plural(len(numbers), 'time')}, for {needed}"
        findings.add("caffe-network", message, numbers[0].span)
        return ()
    shapes = []
    for start in range(0, len(numbers), DIMENSIONS):
        own = numbers[start : start + DIMENSIONS]
        span = own[0].span.to(own[-1].span)
        shapes.append(Entry(Record(MESSAGES["BlobShape"], {"dim": own}, span), span))
    return tuple(shapes)
