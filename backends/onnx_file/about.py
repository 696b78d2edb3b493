"""The metadata of an ONNX model: a mapping of strings to strings that every runtime can read."""

from __future__ import annotations

from hashlib import sha256

from netspec.ir.graph import Graph
from netspec.passes.crops import stored_size


def about(graph: Graph, spec: str) -> dict[str, str]:
    """Return the net's name, its spec with the SHA-256 that run folders record, and how to preprocess images.

    Pixels are scaled to 0..``input.range``. ``input.mean`` is then subtracted: the mean ``image`` of the training set,
    its mean per ``channel``, ``none``, or comma-separated numbers. The result is divided by ``input.std``: ``channel``,
    ``none``, or numbers. ``input.order`` is the order of the channels. The shorter side of an image is first resized to
    ``input.resize``, and ``input.crop`` (height x width) is cut from the centre.
    """
    preprocessing = graph.preprocessing
    metadata = {
        "net": graph.name,
        "spec_sha256": sha256(spec.encode()).hexdigest(),
        "spec": spec,
        "input.range": f"{preprocessing.range}",
        "input.mean": _format(preprocessing.mean),
        "input.std": _format(preprocessing.std),
        "input.order": preprocessing.order,
    }
    shape = graph.input.output
    if shape.is_image:
        metadata["input.resize"] = str(min(stored_size(graph)))
        metadata["input.crop"] = f"{shape.height}x{shape.width}"
    return metadata


def _format(numbers: str | tuple[float, ...]) -> str:
    return numbers if isinstance(numbers, str) else ",".join(map(repr, numbers))
