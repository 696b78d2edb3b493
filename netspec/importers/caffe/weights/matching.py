"""Which blobs of a file a spec's parameters are: checked number by number and shape by shape, as Caffe checks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from netspec.check.report import Findings
from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.nearest import nearest
from netspec.formatting import format_sizes, listed, plural
from netspec.importers.caffe.net.layers import Layer
from netspec.importers.caffe.weights.blobs import Array, Blob, read_blobs
from netspec.importers.caffe.weights.wire import Malformed
from netspec.importers.spec.parameters import shapes_of
from netspec.importers.spec.report import raise_errors
from netspec.ir.distribution import Constant
from netspec.ir.graph import Graph
from netspec.ir.ops import RUNNING_STATISTICS
from netspec.opening import cannot_open
from netspec.source import Source

MAX_LISTED = 5
_FACTOR = 2
"""The blob of a BatchNorm layer by which its sums must be divided."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The parameters and running statistics of a spec by key, ``conv1.weight``, as functions that return the values,
    and warnings."""

    arrays: Mapping[str, Callable[[], Array]]
    warnings: tuple[Diagnostic, ...]


def read_weights(
    path: Path,
    graph: Graph,
    blobs: Mapping[str, tuple[str, int]],
    layers: Mapping[str, Layer],
    source: Source,
) -> Weights:
    """Read the weights of a network from a ``.caffemodel`` file.

    Parameters
    ----------
    graph:
        The network of the spec.
    blobs:
        The layer of Caffe's network that each of its parameters belongs to, and the number of its blob.
    layers:
        The layers of Caffe's network by name.
    source:
        The file with this network.

    Raises
    ------
    CannotOpen
        The file cannot be read.
    SpecError
        ``caffe-weights``: it is not such a file, or its blobs are not those of the network.
    """
    try:
        file = read_blobs(path)
    except OSError as error:
        raise cannot_open(path, error) from None
    except Malformed as reason:
        span = next(iter(layers.values())).span
        message = f"{path} is not a .caffemodel file: {reason}"
        raise SpecError((Diagnostic("caffe-weights", message, (span,)),)) from None
    shapes = shapes_of(graph)
    wanted = {key: place for key, place in blobs.items() if key in shapes}  # --set may have removed some
    findings = Findings(source)
    matching = _Matching(path, file, layers, findings)
    matching.check_names(wanted)
    matching.check_layers(wanted)
    present = {key: place for key, place in wanted.items() if place[0] in file}
    matching.check_counts(present)
    result = {key: matching.array(key, *place, shapes[key]) for key, place in present.items()}
    raise_errors(findings)
    arrays = {key: read for key, read in result.items() if read is not None}
    return Weights(_constants(graph, blobs) | arrays, tuple(findings.all))


def _constants(graph: Graph, blobs: Mapping[str, tuple[str, int]]) -> dict[str, Callable[[], Array]]:
    """Return the parameters that are constants in Caffe: the coefficients of a layer that only adds biases."""
    return {
        p.key: partial(np.full, p.shape, p.distribution.value, dtype=np.float32)
        for p in graph.parameters.values()
        if p.key not in blobs and isinstance(p.distribution, Constant)
    }


@dataclass(frozen=True, slots=True)
class _Matching:
    """Blobs by layer, the layers of the network, and what is wrong."""

    path: Path
    file: Mapping[str, tuple[Blob, ...]]
    layers: Mapping[str, Layer]
    findings: Findings

    def check_names(self, wanted: Mapping[str, tuple[str, int]]) -> None:
        """Report layers of one name with weights: a file has blobs by name."""
        keys: dict[tuple[str, int], list[str]] = {}
        for key, place in wanted.items():
            keys.setdefault(place, []).append(key)
        for name in dict.fromkeys(name for (name, _), own in keys.items() if len(own) > 1):
            message = f"several layers with weights are named {name}: which of them has those in {self.path.name}?"
            self.findings.add("caffe-weights", message, self.layers[name].span, layer=name)

    def check_layers(self, wanted: Mapping[str, tuple[str, int]]) -> None:
        """Report layers without blobs, in one error, and layers of the file that the network does not have."""
        needed = dict.fromkeys(name for name, _ in wanted.values())
        missing = [name for name in needed if name not in self.file]
        strange = [name for name in self.file if name not in self.layers]
        if missing:
            near = nearest(missing[0], strange)
            notes = [f"did you mean {near}, which the network does not have?"] if near else []
            notes.append(f"layers of the file with weights: {listed(list(self.file), MAX_LISTED)}")
            share = f"{len(missing)} of {plural(len(needed), 'layer')} with weights" if len(missing) > 1 else missing[0]
            named = f": {listed(missing, MAX_LISTED)}" if len(missing) > 1 else ""
            message = f"{self.path.name} has no weights for {share}{named}"
            self.findings.add("caffe-weights", message, self.layers[missing[0]].span, notes=notes, layer=missing[0])
        elif strange:
            message = f"{self.path.name} has weights for layers that the network does not have: they are left out"
            note = listed(strange, MAX_LISTED)
            self.findings.warn("caffe-weights", message, next(iter(self.layers.values())).span, notes=(note,))

    def check_counts(self, wanted: Mapping[str, tuple[str, int]]) -> None:
        """Report layers with another number of blobs than those of the file."""
        indices: dict[str, set[int]] = {}
        for name, index in wanted.values():
            indices.setdefault(name, set()).add(index)
        for name, own in indices.items():
            count = _FACTOR + 1 if self.layers[name].type == "BatchNorm" else len(own)
            if len(self.file[name]) != count:
                shown = ", ".join(_shown(blob.shape) for blob in self.file[name])
                message = f"{name} has {plural(count, 'blob')}, and {plural(len(self.file[name]), 'blob')} in "
                self.findings.add(
                    "caffe-weights",
                    f"{message}{self.path.name}",
                    self.layers[name].span,
                    notes=(f"there: {shown}",),
                    layer=name,
                )

    def array(self, key: str, name: str, index: int, shape: tuple[int, ...]) -> Callable[[], Array] | None:
        """Return a function that returns a parameter; ``None``, after an error, if its blob has another shape."""
        blobs, layer = self.file[name], self.layers[name]
        if index >= len(blobs):
            return None
        transposed = len(shape) == 2 and layer.record.message("inner_product_param").flag("transpose")
        one_for_all = layer.record.message("prelu_param").flag("channel_shared")  # a blob without axes
        in_file = () if one_for_all else shape[::-1] if transposed else shape
        if layer.type == "BN":
            in_file = (1, *shape, 1, 1)
        blob = blobs[index]
        if not blob.has_shape(in_file):
            what = {"weight": "weights", "bias": "biases"}.get(key.rpartition(".")[2], f"blob {index}")
            message = f"the {what} of {name} are {_shown(in_file)}, and {_shown(blob.shape)} in {self.path.name}"
            self.findings.add("caffe-weights", message, layer.span, layer=name)
            return None
        if key.rpartition(".")[2] in RUNNING_STATISTICS and layer.type == "BatchNorm":
            return lambda: blob.values().reshape(shape) * _share(blobs)
        return lambda: blob.values().reshape(in_file).T if transposed else blob.values().reshape(shape)


def _share(blobs: tuple[Blob, ...]) -> np.float32:
    """Return the factor of a BatchNorm layer's running sums: 1 / scale, or 0 if they are empty."""
    scale = blobs[_FACTOR].values().reshape(-1)[0]
    return np.float32(0.0 if scale == 0 else 1.0 / scale)


def _shown(shape: tuple[int, ...]) -> str:
    return format_sizes(shape) or "a single number"
