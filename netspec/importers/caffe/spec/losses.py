"""Losses."""

from __future__ import annotations

from netspec.formatting import plural
from netspec.importers.caffe.net.problem import Inexpressible, Rejected
from netspec.importers.caffe.spec.lines import Site, described
from netspec.importers.caffe.spec.norms import scores
from netspec.ir.shape import Shape
from netspec.keys.texts import number


def softmax_with_loss(site: Site) -> None:
    """Cross-entropy. Its second top is the softmax, a line only if it is read."""
    x = scores(site, "softmax_param")
    if site.layer.bottoms[1] not in site.draft.labels:
        raise Inexpressible("its labels are computed, or are the images", site.layer.record.places("bottom")[1])
    if len(x.sizes) > 1:
        raise Inexpressible(f"it has a label for each pixel of {described(x)}; a spec has one for each image")
    weight = loss_weight(site)
    keys = {} if weight == 1 else {"loss_weight": number(weight)}
    site.draft.new_line("crossentropy", [x.line], keys, Shape(1), origin=site.layer)
    site.draft.values[site.top(0)] = None
    if len(site.layer.tops) > 1 and site.draft.readers.get(site.top(1)):
        probabilities = site.draft.new_line("softmax", [x.line], {}, x.shape, origin=site.layer)
        site.result(x.of(probabilities), 1)


def loss_weight(site: Site) -> float:
    """Return the factor of a loss. Caffe divides it by the number of images, as a spec does."""
    record, parameter = site.layer.record, site.parameter("loss_param")
    if parameter.has("ignore_label"):
        raise Inexpressible("it ignores a label", parameter.place("ignore_label"))
    if parameter.has("normalization") and parameter.text("normalization") == "NONE":
        raise Inexpressible("it is summed over the images; a spec's is averaged", parameter.place("normalization"))
    weights = record.reals("loss_weight")
    tops = max(len(site.layer.tops), 1)  # Caffe adds the top of a loss that has none
    if len(weights) not in (0, tops):
        note = f"{plural(tops, 'top')}, {len(weights)} loss_weight"
        raise Rejected("it has a loss_weight for each top, or none", record.place("loss_weight"), note)
    if any(weights[1:]):
        raise Inexpressible("its second top, the probabilities, has a loss_weight", record.places("loss_weight")[1])
    return weights[0] if weights else 1.0
