"""The passes in which version 2 took a batch, and after which of them it updated a layer's weights.

Where layers had unlike numbers of replicas, a layer with fewer was given the images of the others' replicas one after
the other: a batch went through in as many passes as the most replicas are the fewest times over. A layer was active in
every so many passes, and updated after each of these, or after every ``updatePeriod``
(``cudaconvnet/src/convnet.cu:443-445``, ``cudaconvnet/src/layer.cu:537-549`` and ``762-769`` of version 2). In a spec
the passes are the parts of ``accumulate``, and ``updatePeriod`` is ``update_every``; where one goes over several
batches, these are one of the spec's. It is what Krizhevsky, One weird
trick for parallelizing convolutional neural networks (2014), section 4, calls a variable batch size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import lcm

from netspec.importers.cuda_convnet.layers.model import Definition, Layer
from netspec.importers.cuda_convnet.options import Options


def passes(definition: Definition) -> int:
    """In how many passes a batch goes through: the most replicas of a layer over the fewest."""
    counts = _replicas(definition)
    return max(counts) // min(counts)


def period(layer: Layer, options: Options, definition: Definition) -> int:
    """How many passes lie between two updates of a layer's weights.

    Raises ``Refused`` where it is not active in each pass after which it is to be updated.
    """
    given = options.integer("updatePeriod", 0, 0)
    own = max(1, len(layer.gpu)) // min(_replicas(definition))
    if given % own:
        message = f"updatePeriod={given} is no multiple of {own}: its replicas are active in one of so many passes"
        raise options.refuse("bad-value", message, "updatePeriod")
    return given or own


@dataclass(frozen=True, slots=True)
class Updates:
    """When layers are updated, in a spec's words: the original's ``batches`` are one of the spec's, in ``parts``, and
    layers that are updated before its end are so after ``every`` of them."""

    batches: int = 1
    parts: int = 1
    every: Mapping[str, int] = field(default_factory=dict)


def updates(definition: Definition, periods: Mapping[str, int]) -> Updates:
    """When layers are updated, in a spec's words. ``periods`` are the passes between two updates of each."""
    whole = passes(definition)
    parts = lcm(whole, *periods.values())
    every = {name: passed for name, passed in periods.items() if passed != parts}
    batches = parts // whole
    return Updates(batches, parts if every else batches, every)


def _replicas(definition: Definition) -> list[int]:
    return [len(layer.gpu) for layer in definition.layers.values() if layer.gpu] or [1]
