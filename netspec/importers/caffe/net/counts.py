"""The numbers of bottoms and tops that layers have, as ``ExactNumBottomBlobs`` and its like in Caffe's headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netspec.check.report import Findings
from netspec.formatting import plural
from netspec.importers.caffe.net.types import DEPTHWISE
from netspec.importers.caffe.schema.record import Record

MANY = 2**31


@dataclass(frozen=True, slots=True)
class Limits:
    """The least and the greatest number of something that a layer has."""

    least: int
    greatest: int

    def __str__(self) -> str:
        if self.least == self.greatest:
            return str(self.least)
        return f"at least {self.least}" if self.greatest == MANY else f"{self.least} to {self.greatest}"


NONE, ONE, TWO, ANY = Limits(0, 0), Limits(1, 1), Limits(2, 2), Limits(1, MANY)

_OF_ONE = (
    "AbsVal", "ArgMax", "BN", "BNLL", "BatchNorm", "Clip", "Dropout", "ELU", "Exp", "Flatten", "Im2col", "InnerProduct",
    "Interp", "LRN", "Log", "MVN", "PReLU", "Power", "ReLU", "ReLU6", "Reduction", "Reshape", "SPP", "ShuffleChannel",
    "Sigmoid", "Softmax", "Swish", "TanH", "Threshold", "Tile",
)  # fmt: skip

COUNTS: Mapping[str, tuple[Limits, Limits]] = {
    **dict.fromkeys(_OF_ONE, (ONE, ONE)),
    "Accuracy": (TWO, Limits(1, 2)), "Bias": (Limits(1, 2), ONE), "Concat": (ANY, ONE), "Convolution": (ANY, ANY),
    **dict.fromkeys(("Deconvolution", *DEPTHWISE), (ANY, ANY)),
    "Axpy": (Limits(3, 3), ONE), "Crop": (TWO, ONE), "Eltwise": (Limits(2, MANY), ONE), "HDF5Output": (TWO, NONE),
    "Pooling": (ONE, Limits(1, 2)), "Scale": (Limits(1, 2), ONE), "Silence": (ANY, NONE),
    "SoftmaxWithLoss": (TWO, Limits(0, 2)), "Slice": (ONE, ANY), "Split": (ONE, ANY),
}  # fmt: skip
"""The limits of bottoms and of tops, by type of layer. Other types are not checked."""


def check_counts(layer: Record, findings: Findings) -> None:
    """Report a layer with too few or too many bottoms or tops, which Caffe rejects."""
    type_ = layer.text("type")
    limits = COUNTS.get(type_)
    for name, limit in zip(("bottom", "top"), limits or (), strict=False):
        count = len(layer.texts(name))
        if limit.least <= count <= limit.greatest:
            continue
        place = layer.places(name)[limit.greatest] if count > limit.greatest else layer.place("name", "type")
        message = f"{layer.text('name')}: it has {plural(count, name)}, and {type_} takes {limit}"
        findings.add("caffe-network", message, place)
