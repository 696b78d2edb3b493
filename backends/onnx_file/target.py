"""``--to onnx``."""

from __future__ import annotations

import math
import re
from pathlib import Path

from netspec.backend import Target, Trained
from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.model import whole
from netspec.net import Net
from netspec.units import count, size

PRODUCER = "netspec"

LARGEST = 2**31 - 2**26
"""Bytes of weights. A protobuf message, which an ONNX file is, has less than 2 GiB; 64 MiB are left for the rest."""

_START = re.compile(rb"\x08[\x01-\x7f]\x12" + bytes([len(PRODUCER)]) + PRODUCER.encode())
"""How a model begins that netspec made: the version of the file's format, then the producer."""


def make(
    net: Net, stem: str, *, weights: Trained | None = None, seed: int = 0, losses: bool = False
) -> dict[str, bytes]:
    """The model, with these weights, or with the initial values of the seed; with ``losses`` also these.

    Raises
    ------
    SpecError
        ``too-large-for-onnx``: the weights need more than an ONNX file holds.
    """
    _need_to_fit(net)
    from .assembly import model
    from .initial import initial_values

    arrays = initial_values(net.graph, seed) if weights is None else weights.arrays
    facts = {"seed": str(seed)} if weights is None else weights.facts
    made = model(net.graph, arrays, spec=net.source.text, facts=facts, losses=losses)
    return {f"{stem}.onnx": made.SerializeToString(deterministic=True)}


def is_ours(path: Path) -> bool:
    """Whether a file is a model that netspec made."""
    with path.open("rb") as file:
        return _START.match(file.read(16)) is not None


def _need_to_fit(net: Net) -> None:
    shapes = [parameter.shape for parameter in net.graph.parameters.values()]
    needed = 4 * sum(map(math.prod, shapes))
    if needed > LARGEST:
        message = f"{net.name} is too large for an ONNX file"
        note = f"{count(needed // 4)} parameters x 4 bytes = {size(needed)}; one file holds less than {size(2**31)}"
        raise SpecError((Diagnostic("too-large-for-onnx", message, (whole(net.source),), (note,)),))


TARGET = Target(
    "onnx",
    "one ONNX file that computes the network outside training",
    ".onnx",
    make,
    is_ours,
    options=("weights", "seed", "losses"),
    extra="onnx",
)
