"""The passes into which version 2 divided a batch, and the passes after which it updated a layer's weights.

If layers had different numbers of replicas, a layer with fewer replicas received the images of the other layers'
replicas one after the other. A batch took as many passes as the ratio of the largest to the smallest number of
replicas. A layer was active in every nth pass, where n is its number of replicas divided by the smallest number, and it
was updated after each of its passes, or after every ``updatePeriod`` passes (``cudaconvnet/src/convnet.cu:443-445``,
``cudaconvnet/src/layer.cu:537-549`` and ``762-769`` of version 2). In a spec, the passes are the parts of
``accumulate``, and ``updatePeriod`` becomes ``update_every``. If a period extends over several batches, these become a
single batch of the spec. This is the variable batch size of Krizhevsky, One weird trick for parallelizing convolutional
neural networks (2014), section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import lcm

from netspec.formatting import format_count
from netspec.importers.cuda_convnet.layers.model import Definition, Layer
from netspec.importers.cuda_convnet.learning.rates import Rates
from netspec.importers.cuda_convnet.options import MAX_NUMBER, Options


def period(layer: Layer, options: Options, definition: Definition) -> int:
    """Return the number of passes between two updates of a layer's weights.

    Raises ``SectionError`` if this is no multiple of the number of passes between those in which the layer is active.
    """
    update_period = options.integer("updatePeriod", 0, 0)
    active_every = max(1, len(layer.gpu)) // min(_replicas(definition))
    if update_period % active_every:
        message = f"updatePeriod={update_period} is not a multiple of {active_every}"
        message += f", and its replicas are active in one of {active_every} passes"
        raise options.report_error("bad-value", message, "updatePeriod")
    return update_period or active_every


@dataclass(frozen=True, slots=True)
class Updates:
    """When layers are updated, in terms of a spec.

    ``batches`` batches of the original are one batch of the spec, which is divided into ``parts`` parts. ``every`` maps
    each layer that is updated more than once per batch to the number of parts between its updates.
    """

    batches: int = 1
    parts: int = 1
    every: Mapping[str, int] = field(default_factory=dict)


def possible_updates(rates: Mapping[str, Rates], definition: Definition, batch: int) -> Updates:
    """Return when the layers are updated. If a spec cannot express it, this is once per batch, with a warning.

    ``batch`` is the number of images in a batch of the original.
    """
    periods = {name: r.period for name, r in rates.items() if r.period and r.learns}
    counts = _replicas(definition)
    passes = max(counts) // min(counts)
    parts = lcm(passes, *periods.values())
    every = {name: period_ for name, period_ in periods.items() if period_ != parts}
    batches = parts // passes
    images = batches * batch
    if images > MAX_NUMBER:
        message = (
            f"all layers are updated together only after {format_count(images)} images, and a spec's batch has at most "
        )
        message += f"{format_count(MAX_NUMBER)}; it is updated once per batch"
    elif every and batch % passes:
        message = (
            f"a batch of {batch} images does not have {passes} equal parts; its weights are updated once per batch"
        )
    else:
        return Updates(batches, parts if every else batches, every)
    for name, passes_per_update in periods.items():
        if passes_per_update != passes:
            options = rates[name].options
            options.warn("cfg-left-out", message, "updatePeriod" if options.has("updatePeriod") else "epsW")
    return Updates()


def _replicas(definition: Definition) -> list[int]:
    """The numbers of replicas that layers have."""
    return [len(layer.gpu) for layer in definition.layers.values() if layer.gpu] or [1]
