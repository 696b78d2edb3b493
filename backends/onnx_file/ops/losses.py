"""Losses of N,C scores and N class numbers, averaged over the images to a scalar tensor; the cross-entropy of maps of
scores and the classes of pixels, over the labelled ones."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from netspec.ir import ops
from netspec.passes.score_grid import UNLABELLED

from ..site import Site, Table
from .inclusion import log_inclusion_probabilities
from .norms import window_means


def _cross_entropy(op: ops.CrossEntropy, site: Site) -> None:
    if not site.shape.is_image:
        site.result("SoftmaxCrossEntropyLoss", site.x, site.labels, reduction="mean")
        return
    labels = site.labels
    if site.grid is not None:
        bounds = zip(*((axis.start, axis.stop, axis.step) for axis in site.grid), strict=True)
        starts, ends, steps = (site.sizes(word, *pair) for word, pair in zip(_BOUNDS, bounds, strict=True))
        labels = site.inner("Slice", labels, starts, ends, site.sizes("axes", 1, 2), steps)
    site.result("SoftmaxCrossEntropyLoss", site.x, labels, reduction="mean", ignore_index=UNLABELLED)


_BOUNDS = "starts", "ends", "steps"


def _binary_cross_entropy(op: ops.BinaryCrossEntropy, site: Site) -> None:
    """-t log p - (1 - t) log(1 - p) with p = logistic(x) equals log(1 + e^x) - t x.

    A weight w of the first term adds (w - 1) t log(1 + e^-x).
    """
    targets = _targets(site)
    if op.of == "probabilities":
        _emit_mean(site, _probability_cross_entropy(op, site, targets))
        return
    terms = site.inner("Sub", site.inner("Softplus", site.x), site.inner("Mul", targets, site.x))
    if op.positive != 1:
        extra = site.inner("Mul", targets, site.inner("Softplus", site.inner("Neg", site.x)))
        extra = site.inner("Mul", extra, site.constant("extra-weight", op.positive - 1))
        terms = site.inner("Add", terms, extra)
    _emit_mean(site, terms)


def _probability_cross_entropy(op: ops.BinaryCrossEntropy, site: Site, targets: str) -> str:
    one, smallest = site.constant("one", 1.0), site.constant("smallest", op.smallest)

    def log(p: str) -> str:
        return site.inner("Neg", site.inner("Log", site.inner("Max", p, smallest)))

    positive_terms = site.inner("Mul", site.inner("Mul", targets, log(site.x)), site.constant("positive", op.positive))
    negative_terms = site.inner("Mul", site.inner("Sub", one, targets), log(site.inner("Sub", one, site.x)))
    return site.inner("Add", positive_terms, negative_terms)


def _squared_error(op: ops.SquaredError, site: Site) -> None:
    difference = site.inner("Sub", site.x, _targets(site))
    _emit_mean(site, site.inner("Mul", difference, difference))


def _cauchy_error(op: ops.CauchyError, site: Site) -> None:
    difference = site.inner("Sub", site.x, _targets(site))
    one_more = site.inner("Add", site.inner("Mul", difference, difference), site.constant("one", 1.0))
    _emit_mean(site, site.inner("Log", one_more))


def _sum_squares(op: ops.SumSquares, site: Site) -> None:
    flat = site.inner("Flatten", site.x) if site.shape.is_image else site.x
    squares = site.inner("Mul", flat, flat)
    if op.gate == "class":
        class_numbers = site.inner("Cast", site.labels, to=TensorProto.FLOAT)
        squares = site.inner("Mul", squares, site.inner("Unsqueeze", class_numbers, site.sizes("axis", 1)))
    _emit_mean(site, squares)


def _set_cross_entropy(op: ops.SetCrossEntropy, site: Site) -> None:
    _emit_mean(site, site.inner("Neg", site.inner("Mul", _targets(site), log_inclusion_probabilities(site, op.size))))


def _gated_sum_squares(op: ops.GatedSumSquares, site: Site) -> None:
    gate, x = (site.inner("Flatten", name) for name in site.node.inputs)
    summed = site.inner("ReduceSum", site.inner("Mul", x, x), site.sizes("axis", 1))
    _emit_mean(site, site.inner("Mul", gate, summed))


def _topographic_sparsity(op: ops.Topographic, site: Site) -> None:
    means = window_means(op.size, site, site.inner("Mul", site.x, site.x), padding=True)
    roots = site.inner("Sqrt", site.inner("Mul", means, site.constant("window", float(op.size**2))))
    smallest = site.constant("smallest", op.smallest)
    log_argument = site.inner("Add", site.inner("Div", roots, smallest), site.constant("one", 1.0))
    log_terms = site.inner("Mul", site.inner("Log", log_argument), smallest)
    _emit_mean(site, site.inner("Flatten", site.inner("Sub", roots, log_terms)))


def _targets(site: Site) -> str:
    """Emit one-hot targets, N,C."""
    classes = site.constant("classes", np.array(site.shape.units, dtype=np.int64))
    values = site.constant("absent-present", np.array([0, 1], dtype=np.float32))
    return site.inner("OneHot", site.labels, classes, values, axis=1)


def _emit_mean(site: Site, terms: str) -> None:
    """Emit the result: ``terms`` summed over axis 1 and averaged over the images."""
    summed = site.inner("ReduceSum", terms, site.sizes("axis", 1), keepdims=0)
    site.result("ReduceMean", summed, keepdims=0)


TABLE: Table = {
    ops.CrossEntropy: _cross_entropy,
    ops.SetCrossEntropy: _set_cross_entropy,
    ops.BinaryCrossEntropy: _binary_cross_entropy,
    ops.SquaredError: _squared_error,
    ops.CauchyError: _cauchy_error,
    ops.SumSquares: _sum_squares,
    ops.GatedSumSquares: _gated_sum_squares,
    ops.Topographic: _topographic_sparsity,
}
