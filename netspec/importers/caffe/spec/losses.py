"""Losses."""

from __future__ import annotations

import math

from netspec.diagnostics import Diagnostic
from netspec.formatting import format_count, plural
from netspec.importers.caffe.learning.substitutes import substitute
from netspec.importers.caffe.schema.record import Record
from netspec.importers.caffe.spec.lines import Site, Value
from netspec.importers.caffe.spec.norms import scores
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.shape import Shape
from netspec.keys.texts import number

_SUMMED = "it is summed over the images; a spec's is averaged"

_UNLABELLED = 255
"""The number in a mask of a pixel without a class."""


def softmax_with_loss(site: Site) -> None:
    """Cross-entropy. Its second top is the softmax, a line only if it is read."""
    x = scores(site, "softmax_param")
    if site.layer.bottoms[1] not in site.draft.labels:
        raise Inexpressible("its labels are computed, or are the images", site.layer.record.places("bottom")[1])
    weight = loss_weight(site) if len(x.sizes) == 1 else _weight_of_pixels(site, x)
    keys = {} if weight == 1 else {"loss_weight": number(weight)}
    site.draft.new_line("crossentropy", [x.line], keys, Shape(1), origin=site.layer)
    site.draft.values[site.top(0)] = None
    if len(site.layer.tops) > 1 and site.draft.readers.get(site.top(1)):
        probabilities = site.draft.new_line("softmax", [x.line], {}, x.shape, origin=site.layer)
        site.result(x.of(probabilities), 1)


def _weight_of_pixels(site: Site, x: Value) -> float:
    """Return the factor of a loss of masks, whose sum over all pixels a spec divides by the number of labelled ones."""
    parameter = site.parameter("loss_param")
    if parameter.has("ignore_label") and parameter.integer("ignore_label") != _UNLABELLED:
        message = f"it ignores the label {parameter.integer('ignore_label')}; pixels of a mask without a class are 255"
        raise Inexpressible(message, parameter.place("ignore_label"))
    normalization = _normalization(parameter)
    if normalization == "NONE":
        raise Inexpressible(_SUMMED, parameter.place("normalization"))
    if normalization != "VALID":
        site.draft.substitutes.append(_divided_otherwise(site, normalization, math.prod(x.sizes[1:])))
    return _given_weight(site)


def _normalization(parameter: Record) -> str:
    """Return what the sum over all pixels is divided by, which an older field says too (Caffe's loss_layer.cpp)."""
    if parameter.has("normalize") and not parameter.has("normalization"):
        return "VALID" if parameter.flag("normalize") else "BATCH_SIZE"
    return parameter.text("normalization")


def _divided_otherwise(site: Site, normalization: str, pixels: int) -> Diagnostic:
    """A warning: the sum over the pixels is divided by another number than that of the labelled ones."""
    parameter = site.parameter("loss_param")
    place = parameter.place("normalization" if parameter.has("normalization") else "normalize")
    divisor, notes = "the number of all pixels, unlabelled ones too", tuple[str, ...]()
    if normalization == "BATCH_SIZE":
        ratio = "rates that are as many times as large here, and decays that are as much smaller, do about the same"
        divisor, notes = "the number of images", (f"an image has {format_count(pixels)} pixels: {ratio}",)
    name = site.layer.name
    message = f"{name}: its sum over the pixels is divided by {divisor}; a spec's, by the number of labelled pixels"
    return substitute(message, place, *notes)


def loss_weight(site: Site) -> float:
    """Return the factor of a loss. Caffe divides it by the number of images, as a spec does."""
    parameter = site.parameter("loss_param")
    if parameter.has("ignore_label"):
        raise Inexpressible("it ignores a label", parameter.place("ignore_label"))
    if parameter.has("normalization") and parameter.text("normalization") == "NONE":
        raise Inexpressible(_SUMMED, parameter.place("normalization"))
    return _given_weight(site)


def _given_weight(site: Site) -> float:
    record = site.layer.record
    weights = record.reals("loss_weight")
    tops = max(len(site.layer.tops), 1)  # Caffe adds the top of a loss that has none
    if len(weights) not in (0, tops):
        note = f"{plural(tops, 'top')}, {len(weights)} loss_weight"
        raise Rejected("it has a loss_weight for each top, or none", record.place("loss_weight"), note)
    if any(weights[1:]):
        raise Inexpressible("its second top, the probabilities, has a loss_weight", record.places("loss_weight")[1])
    return weights[0] if weights else 1.0
