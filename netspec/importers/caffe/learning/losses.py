"""The weight of a loss in the sum that is minimised."""

from __future__ import annotations

from netspec.importers.caffe.net.problem import Inexpressible
from netspec.importers.caffe.schema.record import Record

MEANS = ("FULL", "VALID", "BATCH_SIZE")
"""The values of ``normalization`` that divide by the number of images, if there is a label for each image and all of
them count (``GetNormalizer`` in src/caffe/layers/softmax_loss_layer.cpp)."""


def weight(layer: Record, batch: int | None = None) -> float:
    """Return the factor of a loss that is the mean over a batch, for one label for each image.

    ``batch`` is the number of images that the network reads at once. Raises ``Inexpressible``.
    """
    parameter, weights = layer.message("loss_param"), layer.reals("loss_weight")
    if parameter.has("ignore_label"):
        raise Inexpressible("it leaves out a label (ignore_label)", parameter.place("ignore_label"))
    factor = weights[0] if weights else 1.0
    if parameter.has("normalization") and parameter.text("normalization") not in MEANS:
        if batch is None:
            reason = "it is the sum over a batch, whose size the file does not state"
            raise Inexpressible(reason, parameter.place("normalization"))
        return factor * batch
    return factor
