"""``--to onnx``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from netspec.backend import Target, Trained
from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.model import first_line_span
from netspec.formatting import format_bytes, format_count
from netspec.ir.ops import NoisyRelu
from netspec.language.parser import parse
from netspec.language.syntax import by_key
from netspec.net import Net
from netspec.passes.label_grid import label_sizes, labels_are_masks
from netspec.passes.score_grid import NoGrid

PRODUCER = "netspec"

MAX_BYTES = 2**31 - 2**26
"""The most bytes of weights. A protobuf message is limited to 2 GiB, of which 64 MiB are reserved for the rest."""

_HEADER = re.compile(rb"\x08[\x01-\x7f]\x12" + bytes([len(PRODUCER)]) + PRODUCER.encode())
"""The first bytes of a model that netspec wrote: the format version, then the producer."""


def make(
    net: Net,
    stem: str,
    *,
    weights: Trained | None = None,
    seed: int = 0,
    losses: bool = False,
    tell: Callable[[Sequence[Diagnostic]], None] | None = None,
) -> dict[str, bytes]:
    """Return the ONNX file, with these weights or else with the initial values of the seed.

    ``losses`` adds the losses as outputs. ``tell`` is called with a warning for each operation whose random numbers
    the runtime draws itself.

    Raises
    ------
    SpecError
        ``too-large-for-onnx``: the weights do not fit in an ONNX file. ``classes-differ``: no labels are those of all
        losses.
    """
    _check_size(net)
    if losses and labels_are_masks(net.graph):
        _check_labels(net)
    from .assembly import model
    from .initial import initial_values

    arrays = initial_values(net.graph, seed) if weights is None else weights.arrays
    facts = {"seed": str(seed)} if weights is None else weights.facts
    onnx_model = model(net.graph, arrays, spec=net.source.text, facts=facts, losses=losses)
    if tell is not None:
        tell(tuple(_random_warnings(net)))
    return {f"{stem}.onnx": onnx_model.SerializeToString(deterministic=True)}


def is_ours(path: Path) -> bool:
    """Whether a file is an ONNX model that netspec wrote."""
    with path.open("rb") as file:
        return _HEADER.match(file.read(16)) is not None


def _check_size(net: Net) -> None:
    shapes = [parameter.shape for parameter in net.graph.parameters.values()]
    needed = 4 * sum(map(math.prod, shapes))
    if needed > MAX_BYTES:
        message = f"{net.name} is too large for an ONNX file"
        note = (
            f"{format_count(needed // 4)} parameters x 4 bytes = {format_bytes(needed)}; one file holds less than "
            f"{format_bytes(2**31)}"
        )
        raise SpecError((Diagnostic("too-large-for-onnx", message, (first_line_span(net.source),), (note,)),))


def _check_labels(net: Net) -> None:
    """Raise ``SpecError`` if losses of pixels read maps of different sizes, and one input cannot have the labels of
    all, because it is not known which pixels the scores belong to."""
    try:
        label_sizes(net.graph)
    except NoGrid as problem:
        message = "losses read maps of different sizes, which have no common labels"
        notes = (problem.message, *problem.notes)
        raise SpecError((Diagnostic("classes-differ", message, (first_line_span(net.source),), notes),)) from None


def _random_warnings(net: Net) -> Iterator[Diagnostic]:
    """Yield a warning for each layer whose noise the runtime draws, beyond the control of any seed."""
    sections = {section.name.text: section for section in parse(net.source).sections}
    for node in net.graph.nodes.values():
        if isinstance(node.op, NoisyRelu):
            section = sections.get(node.layer)  # None if the layer comes from the base of a variant
            neuron = by_key(section.pairs).get("neuron") if section is not None else None
            spans = [neuron.span] if neuron is not None else [section.name.span] if section is not None else []
            yield Diagnostic(
                "random-in-onnx",
                f"{node.layer} draws its noise anew in every run of the file",
                (*spans, first_line_span(net.source))[:1],
                ("ONNX has no way to say by which seed: RandomNormalLike draws what the runtime will",),
                severity="warning",
                layer=node.layer,
            )


TARGET = Target(
    "onnx",
    "one ONNX file for inference",
    ".onnx",
    make,
    is_ours,
    options=("weights", "seed", "losses", "tell"),
    extra="onnx",
)
