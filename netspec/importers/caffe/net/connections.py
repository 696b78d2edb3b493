"""Connect layers by the names of their bottoms and tops, as Net::Init of src/caffe/net.cpp does, and check how many
they have, as ``ExactNumBottomBlobs`` and its like in Caffe's headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netspec.check.report import Findings
from netspec.diagnostics.nearest import did_you_mean
from netspec.formatting import plural
from netspec.importers.caffe.net.layers import Layer, Top
from netspec.importers.caffe.net.types import DEPTHWISE
from netspec.importers.caffe.schema.record import Record
from netspec.source import Span

NOT_IN_PLACE = ("AbsVal", "Flatten", "Reshape")
"""The types of layers whose top must have another name than their bottom."""


def connected(records: Sequence[Record], absent: Iterable[Record], findings: Findings) -> tuple[Layer, ...]:
    """Return layers with the values that they read. A layer reads the last value of a name that is above it.

    ``absent`` are the layers of other phases and stages. ``findings`` gets ``caffe-network`` for a bottom that no layer
    above computes, for a top that two compute, and for a layer that has too few or too many of either.
    """
    values: dict[str, Top] = {}
    layers: list[Layer] = []
    makers = {top: _left_out(record) for record in reversed([*absent]) for top in record.texts("top")}
    makers |= {top: [_computes(record)] for record in records for top in record.texts("top")}
    for number, record in enumerate(records):
        name, bottoms, tops = record.text("name"), record.texts("bottom"), record.texts("top")
        for bottom, span in zip(bottoms, record.places("bottom"), strict=True):
            if bottom not in values and not findings.full:
                _report_unknown(name, bottom, span, list(values), makers.get(bottom, []), findings)
        read = tuple(values.get(bottom, Top(-1, 0)) for bottom in bottoms)
        for index, top in enumerate(tops):
            in_place = bottoms[index : index + 1] == [top]
            if top in values and not in_place:
                maker = layers[values[top].layer].name if values[top].layer < len(layers) else name
                message = f"{name}: {top} is a value already, which {maker} computes"
                findings.add("caffe-network", message, record.places("top")[index])
            values[top] = Top(number, index)
        _check_counts(record, findings)
        layers.append(Layer(name, record.text("type"), read, tuple(tops), record))
    _check_in_place(layers, findings)
    return tuple(layers)


def _check_in_place(layers: Sequence[Layer], findings: Findings) -> None:
    """Report layers that change a value in place which another layer reads, too, and those that cannot do it.

    Caffe gives each reader a copy of such a value (src/caffe/util/insert_splits.cpp), so that it has two of that name.
    """
    readers: dict[Top, list[Layer]] = {}
    for layer in layers:
        for bottom in layer.bottoms:
            readers.setdefault(bottom, []).append(layer)
    for layer in layers:
        for index, (name, bottom) in enumerate(zip(layer.record.texts("bottom"), layer.bottoms, strict=True)):
            if layer.tops[index : index + 1] != (name,):
                continue
            place = layer.record.places("top")[index]
            if layer.type in NOT_IN_PLACE:
                findings.add("caffe-network", f"{layer.name}: {layer.type} does not work in place", place)
            if len(readers[bottom]) == 1:
                continue
            reader = next((other.name for other in readers[bottom] if other is not layer), "it")
            message = f"{layer.name}: it changes {name} in place, but {reader} reads {name} unchanged"
            note = "a top of another name keeps both values"
            findings.add("caffe-network", message, place, notes=[note])


def _computes(record: Record) -> str:
    return f"{record.text('name')}, in line {record.span.line}, computes it"


def _left_out(record: Record) -> list[str]:
    rule = " ".join(record.place("include", "exclude").text.split())
    notes = [f"{_computes(record)}, but is left out by its rule, {rule}"]
    stages = any(rule.has("stage") for rule in record.messages("include"))
    return [*notes, "the train_state of a solver chooses stages: --params solver.prototxt"] if stages else notes


def _report_unknown(
    name: str, bottom: str, span: Span, above: list[str], makers: Sequence[str], findings: Findings
) -> None:
    """Report a bottom that no layer above computes. ``makers`` are notes on another layer that does."""
    near = findings.nearest(bottom, above)
    message = f"{name}: no layer above it computes {bottom}" + did_you_mean(near)
    findings.add("caffe-network", message, span, notes=makers)


_MANY = 2**31


@dataclass(frozen=True, slots=True)
class _Limits:
    """The least and the greatest number of something that a layer has."""

    least: int
    greatest: int

    def __str__(self) -> str:
        if self.least == self.greatest:
            return str(self.least)
        return f"at least {self.least}" if self.greatest == _MANY else f"{self.least} to {self.greatest}"


_NONE, _ONE, _TWO, _ANY = _Limits(0, 0), _Limits(1, 1), _Limits(2, 2), _Limits(1, _MANY)

_OF_ONE = (
    "AbsVal", "ArgMax", "BN", "BNLL", "BatchNorm", "Clip", "Dropout", "ELU", "Exp", "Flatten", "Im2col", "InnerProduct",
    "Interp", "LRN", "Log", "MVN", "PReLU", "Power", "ReLU", "ReLU6", "Reduction", "Reshape", "SPP", "ShuffleChannel",
    "Sigmoid", "Softmax", "Swish", "TanH", "Threshold", "Tile",
)  # fmt: skip

_COUNTS: Mapping[str, tuple[_Limits, _Limits]] = {
    **dict.fromkeys(_OF_ONE, (_ONE, _ONE)),
    "Accuracy": (_TWO, _Limits(1, 2)), "Bias": (_Limits(1, 2), _ONE), "Concat": (_ANY, _ONE),
    **dict.fromkeys(("Convolution", "Deconvolution", *DEPTHWISE), (_ANY, _ANY)),
    "Axpy": (_Limits(3, 3), _ONE), "Crop": (_TWO, _ONE), "Eltwise": (_Limits(2, _MANY), _ONE),
    "HDF5Output": (_TWO, _NONE), "Pooling": (_ONE, _Limits(1, 2)), "Scale": (_Limits(1, 2), _ONE),
    "Silence": (_ANY, _NONE), "SoftmaxWithLoss": (_TWO, _Limits(0, 2)), "Slice": (_ONE, _ANY), "Split": (_ONE, _ANY),
}  # fmt: skip
"""The limits of bottoms and of tops, by type of layer. Other types are not checked."""


def _check_counts(layer: Record, findings: Findings) -> None:
    """Report a layer with too few or too many bottoms or tops, which Caffe rejects."""
    type_ = layer.text("type")
    limits = _COUNTS.get(type_)
    for name, limit in zip(("bottom", "top"), limits or (), strict=False):
        count = len(layer.texts(name))
        if limit.least <= count <= limit.greatest:
            continue
        place = layer.places(name)[limit.greatest] if count > limit.greatest else layer.place("name", "type")
        message = f"{layer.text('name')}: it has {plural(count, name)}, and {type_} takes {limit}"
        findings.add("caffe-network", message, place)
