"""What a model says of itself in its metadata, which every runtime hands out as texts by name."""

from __future__ import annotations

from hashlib import sha256

from netspec.ir.graph import Graph


def about(graph: Graph, spec: str) -> dict[str, str]:
    """The net's name, its spec with the hash that runs know it by, and how images are prepared.

    Pixels are scaled to 0..``input.range``, then ``input.mean`` is subtracted (the training images' mean ``image``,
    their mean in each ``channel``, ``none``, or numbers with commas between them), and what is left divided by
    ``input.std`` (``channel``, ``none``, or numbers); channels are in the order ``input.order``. ``input.resize`` is
    what the shorter side of an image is scaled to, and ``input.crop`` (height x width) is cut from its centre.
    """
    preprocessing = graph.preprocessing
    found = {
        "net": graph.name,
        "spec_sha256": sha256(spec.encode()).hexdigest(),
        "spec": spec,
        "input.range": f"{preprocessing.range}",
        "input.mean": _text(preprocessing.mean),
        "input.std": _text(preprocessing.std),
        "input.order": preprocessing.order,
    }
    shape = graph.input.output
    if shape.is_image:
        found["input.resize"] = str(graph.augment.resize or min(shape.height, shape.width))
        found["input.crop"] = f"{shape.height}x{shape.width}"
    return found


def _text(numbers: str | tuple[float, ...]) -> str:
    return numbers if isinstance(numbers, str) else ",".join(map(repr, numbers))
