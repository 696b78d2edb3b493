"""Read a network: its layers in today's format, of one phase, connected."""

from __future__ import annotations

from collections.abc import Collection

from netspec.check.report import Findings
from netspec.formatting import plural
from netspec.importers.caffe.net.connections import connected
from netspec.importers.caffe.net.layers import LOSSES, SINKS, Network, reads_data
from netspec.importers.caffe.net.phases import check_rules, other_phase, phase_of, state_of
from netspec.importers.caffe.net.upgrades import upgraded
from netspec.importers.caffe.schema.messages import MESSAGES
from netspec.importers.caffe.schema.record import Entry, Record
from netspec.importers.spec.problem import Inexpressible

FREE = frozenset({*LOSSES, *SINKS, "ArgMax", "Dropout", "Python", "Softmax"})
"""The types of layers that a network may have in one phase only, because they do not change what it computes, as those
that read images."""

MAX_LAYERS = 20_000
"""The most layers of a network."""


def read_network(network: Record, findings: Findings) -> Network:
    """Return the network of a message NetParameter. ``findings`` gets ``caffe-network`` for what Caffe rejects."""
    layers = all_layers(network, findings)
    check_rules(layers, findings)
    phase = phase_of(network, layers)
    state = state_of(network, phase)
    present = [layer for layer in layers if state.has(layer)]
    if not layers:
        findings.add("caffe-network", "this file has no layers", network.span)
    elif len(layers) > MAX_LAYERS:
        findings.add("caffe-network", f"this file has more than {MAX_LAYERS} layers", layers[MAX_LAYERS].place("name"))
    elif not present:
        findings.add("caffe-network", f"no layer is in the phase {phase}", layers[0].place("name"))
    if findings.has_errors():
        return Network(network.text("name"), (), phase, network, {})
    absent = {signature(layer): layer for layer in layers if not state.has(layer)}
    return Network(network.text("name"), connected(present, absent.values(), findings), phase, network, absent)


def all_layers(network: Record, findings: Findings) -> list[Record]:
    """Return the layers of all phases in today's format, with the inputs that are stated beside them."""
    if network.has("layer") and network.has("layers"):
        message = "layer is today's format and layers an older one: a file has one of them"
        findings.add("caffe-network", message, network.place("layers"))
    old = upgraded(network.messages("layers"), findings)
    return [*_input_layers(network, findings), *old, *network.messages("layer")]


def differences(network: Network) -> list[tuple[Record, Inexpressible]]:
    """Return the layers with which the network computes something else in the other phase, with the reason."""
    own, other = (state_of(network.record, phase) for phase in (network.phase, other_phase(network.phase)))
    present = {signature(layer.record): layer.record for layer in network.layers}
    in_other = {key: layer for key, layer in network.absent.items() if other.has(layer)}
    shared = [layer for layer in network.layers if other.has(layer.record)]
    has_images = any(layer.is_source for layer in shared) or any(reads_data(layer) for layer in in_other.values())
    if network.record.message("state").has("phase") or not has_images:
        return []
    alone = [(layer, own) for key, layer in present.items() if not other.has(layer) and key not in in_other]
    alone += [(layer, other) for key, layer in in_other.items() if key not in present]
    return [
        (layer, Inexpressible(f"it is only there in the phase {state.phase}"))
        for layer, state in alone
        if layer.text("type") not in FREE and not reads_data(layer)
    ]


def signature(layer: Record) -> str:
    """Return a text that two layers share if they are one layer in two phases: they differ in nothing but their rules,
    their learning rates, and which statistics a batch normalisation uses."""
    plain = _plain(layer, ("include", "exclude", "param", "batch_norm_param"))
    return repr((plain, _plain(layer.message("batch_norm_param"), ("use_global_stats",))))


def _plain(record: Record, ignored: Collection[str] = ()) -> list[tuple[str, list[object]]]:
    """Return the values of a message without their places, sorted by field."""
    return sorted(
        (name, [_plain(entry.value) if isinstance(entry.value, Record) else entry.value for entry in entries])
        for name, entries in record.entries.items()
        if name not in ignored
    )


_DIMENSIONS = 4
"""The numbers of ``input_dim`` for each input: images, channels, height, width."""


def _input_layers(network: Record, findings: Findings) -> list[Record]:
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
    if numbers and len(numbers) != _DIMENSIONS * inputs:
        needed = f"{plural(inputs, 'input')} of {_DIMENSIONS} dimensions"
        message = f"input_dim is given {plural(len(numbers), 'time')}, for {needed}"
        findings.add("caffe-network", message, numbers[0].span)
        return ()
    shapes = []
    for start in range(0, len(numbers), _DIMENSIONS):
        own = numbers[start : start + _DIMENSIONS]
        span = own[0].span.to(own[-1].span)
        shapes.append(Entry(Record(MESSAGES["BlobShape"], {"dim": own}, span), span))
    return tuple(shapes)
