"""Read a network: its layers in today's format, of one phase, connected."""

from __future__ import annotations

from collections.abc import Collection

from netspec.check.report import Findings
from netspec.importers.caffe.net.connections import connected
from netspec.importers.caffe.net.inputs import input_layers
from netspec.importers.caffe.net.layers import LOSSES, SINKS, SOURCES, Network
from netspec.importers.caffe.net.phases import TEST, TRAIN, check_rules, phase_of, state_of
from netspec.importers.caffe.net.problem import Inexpressible
from netspec.importers.caffe.net.upgrades import upgraded
from netspec.importers.caffe.schema.record import Record

FREE = frozenset({*SOURCES, *LOSSES, *SINKS, "ArgMax", "Dropout", "Python", "Softmax"})
"""The types of layers that a network may have in one phase only, because they do not change what it computes."""

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
        return Network(network.text("name"), (), phase, network)
    return Network(network.text("name"), connected(present, findings), phase, network)


def all_layers(network: Record, findings: Findings) -> list[Record]:
    """Return the layers of all phases in today's format, with the inputs that are stated beside them."""
    if network.has("layer") and network.has("layers"):
        message = "layer is today's format and layers an older one: a file has one of them"
        findings.add("caffe-network", message, network.place("layers"))
    old = upgraded(network.messages("layers"), findings)
    return [*input_layers(network, findings), *old, *network.messages("layer")]


def differences(network: Record, phase: str) -> list[tuple[Record, Inexpressible]]:
    """Return the layers with which the network computes something else in the other phase, with the reason."""
    layers = all_layers(network, Findings(network.span.source))
    own, other = (state_of(network, word) for word in (phase, TEST if phase == TRAIN else TRAIN))
    present = [layer for layer in layers if own.has(layer)]
    absent = [layer for layer in layers if other.has(layer) and not own.has(layer)]
    states_phase = network.message("state").has("phase")
    if states_phase or not any(other.has(layer) for layer in layers if layer.text("type") in SOURCES):
        return []
    problems = []
    for layer in absent:
        if layer.text("type") not in FREE and not any(_same(layer, twin) for twin in present):
            problems.append((layer, Inexpressible(f"it is only there in the phase {other.phase}")))
    for layer in present:
        if layer.text("type") in FREE or other.has(layer) or any(_same(layer, twin) for twin in absent):
            continue
        problems.append((layer, Inexpressible(f"it is only there in the phase {own.phase}")))
    return problems


def twin_of(layer: Record, network: Record) -> Record | None:
    """Return the layer of another phase that stands in the place of this one."""
    layers = all_layers(network, Findings(network.span.source))
    return next((other for other in layers if other.span != layer.span and _same(layer, other)), None)


def _same(layer: Record, other: Record) -> bool:
    """Whether two layers of different phases are one, which only differs in how it uses statistics or data."""
    ignored = {"include", "exclude", "param", "batch_norm_param"}
    return _plain(layer, ignored) == _plain(other, ignored) and (
        _plain(layer.message("batch_norm_param"), {"use_global_stats"})
        == _plain(other.message("batch_norm_param"), {"use_global_stats"})
    )


def _plain(record: Record, ignored: Collection[str] = ()) -> dict[str, list[object]]:
    """Return the values of a message without their places."""
    return {
        name: [_plain(entry.value) if isinstance(entry.value, Record) else entry.value for entry in entries]
        for name, entries in record.entries.items()
        if name not in ignored
    }
