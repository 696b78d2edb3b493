"""The passes in which version 2 took a batch, and after which of them it updated a layer's weights.

Where layers had unlike numbers of replicas, a layer with fewer was given the images of the others' replicas one after
the other: a batch went through in as many passes as the most replicas are the fewest times over. A layer was active in
every so many passes, and updated after each of these, or after every ``updatePeriod``
(``cudaconvnet/src/convnet.cu:443-445``, ``cudaconvnet/src/layer.cu:537-549`` and ``762-769`` of version 2). In a spec
the passes are the parts of ``accumulate``, and ``updatePeriod`` is ``update_every``. It is what Krizhevsky, One weird
trick for parallelizing convolutional neural networks (2014), section 4, calls a variable batch size.
"""

from __future__ import annotations

from netspec.importers.cuda_convnet.model import Definition, Layer
from netspec.importers.cuda_convnet.options import Options
from netspec.units import plural


def passes(definition: Definition) -> int:
    """In how many passes a batch goes through: the most replicas of a layer over the fewest."""
    counts = _replicas(definition)
    return max(counts) // min(counts)


def update_every(layer: Layer, options: Options, definition: Definition) -> int | None:
    """After how many passes a layer's weights are updated; ``None``: once a batch."""
    given = options.integer("updatePeriod", 0, 0)
    whole, own = passes(definition), max(1, len(layer.gpu)) // min(_replicas(definition))
    every = given or own
    if whole % every or every % own:
        active = f" and is active in one of {own}" if own > 1 else ""
        message = f"updatePeriod={given} does not fit it: a batch goes through in {plural(whole, 'part')}{active}"
        options.warn("cfg-left-out", message, "updatePeriod", notes=("its weights are updated once a batch",))
        return None
    return None if every == whole else every


def _replicas(definition: Definition) -> list[int]:
    return [len(layer.gpu) for layer in definition.layers.values() if layer.gpu] or [1]
