"""The losses, averaged over the images to an array of shape (), without the loss's weight in the total.

Most read scores (N, classes) and class numbers (N,); those that need no classes read any value (N, ...). In the
formulas t is 1 for the image's class and 0 for the others. The cross-entropy of maps, (N, classes, rows, columns), and
masks, (N, rows, columns), is that of the labelled pixels' scores.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netspec.ir import ops
from netspec.passes.score_grid import UNLABELLED

from .call import Array, Call, Gradient, Labels
from .joins import softmax_of
from .neurons import sigmoid
from .norms import window_sums, window_sums_back


def cross_entropy(op: ops.CrossEntropy, call: Call) -> Array:
    """log(sum e^x) - x[class], times the weight of the class: with the weighted targets u, the sum of
    u (log(sum e^x) - x). 0 if no pixel of masks is labelled."""
    if call.x.ndim == 4:
        call = _labelled_pixels(call)
        if not len(call.x):
            return np.zeros(())
    largest = call.x.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(call.x - largest).sum(axis=1, keepdims=True)) + largest
    return _mean((log_sum - call.x) * _weighted_targets(call))


def cross_entropy_back(op: ops.CrossEntropy, call: Call, y: Array, grad: Array) -> Gradient:
    """softmax(x) times the sum of u, minus u."""
    if call.x.ndim == 4:
        by_maps, pixels = np.zeros_like(call.x), _labelled_pixels(call)
        if len(pixels.x):
            np.moveaxis(by_maps, 1, -1)[call.labels != UNLABELLED] = cross_entropy_back(op, pixels, y, grad).inputs[0]
        return Gradient((by_maps,))
    u = _weighted_targets(call)
    return _mean_gradient(call, grad, softmax_of(call.x) * u.sum(axis=1, keepdims=True) - u)


def _labelled_pixels(call: Call) -> Call:
    """Return the arguments of a loss of maps as those of its labelled pixels: (M, classes) and (M,).

    Raises ``ValueError`` if there are no masks, or not of the size of the maps.
    """
    x, labels = call.x, call.labels
    if labels is None or labels.shape != (len(x), *x.shape[2:]):
        found = "none" if labels is None else f"labels of {labels.shape}"
        raise ValueError(
            f"{call.name} is a loss of pixels: it needs masks of {(len(x), *x.shape[2:])}, and has {found}"
        )
    labelled = labels != UNLABELLED
    return replace(call, inputs=(np.moveaxis(x, 1, -1)[labelled],), labels=labels[labelled])


def _weighted_targets(call: Call) -> Array:
    """Return the targets times the weights of the classes. Those of class numbers are divided by the mean weight of
    these, so that the mean over the images becomes a weighted mean (PyTorch's ``CrossEntropyLoss``); by 1 if that is
    0."""
    targets = _targets(call)
    if call.class_weights is None:
        return targets
    weighted: Array = targets * call.class_weights
    one_class = _labels(call).ndim == 1
    return weighted / (weighted.sum() / len(weighted) or 1) if one_class else weighted


def set_cross_entropy(op: ops.SetCrossEntropy, call: Call) -> Array:
    """-log of the probability that a random set of ``op.size`` classes contains the image's class."""
    return _mean(-_log_inclusion_probabilities(call.x, op.size) * _targets(call))


def set_cross_entropy_back(op: ops.SetCrossEntropy, call: Call, y: Array, grad: Array) -> Gradient:
    """The probability of each class to be in the set, minus the same given that the set contains the image's class.

    Given that, the rest of the set is a random set of size - 1 of the other classes. With several classes of an image,
    it is the mean over them.
    """
    t = _targets(call)
    conditional = t.copy()
    for c in range(t.shape[1]) if op.size > 1 else ():
        others = np.where(np.arange(t.shape[1]) == c, -np.inf, call.x)
        conditional += t[:, c : c + 1] * np.exp(_log_inclusion_probabilities(others, op.size - 1))
    return _mean_gradient(call, grad, np.exp(_log_inclusion_probabilities(call.x, op.size)) - conditional)


def _log_inclusion_probabilities(x: Array, size: int) -> Array:
    """Return log P for each class (N, C), P being the probability that a random set of ``size`` classes contains it.

    A set's probability is proportional to e^(sum of its classes' scores). With E_s the elementary symmetric polynomial
    of degree s of e^x, P = e^x sum_s E_s(classes before) E_(size - 1 - s)(classes after) / E_size(all classes).
    """
    before, after = _log_sums(x, size), _log_sums(x[:, ::-1], size)[::-1]
    log_others = np.logaddexp.reduce(before[:-1, :, :size] + after[1:, :, size - 1 :: -1][:, :, :size], axis=2)
    log_probabilities: Array = x + log_others.T - before[-1, :, size, None]
    return log_probabilities


def _log_sums(x: Array, size: int) -> Array:
    """Return log E_s(e^x) of the first c classes, for c from 0 to C and s from 0 to ``size``: (C + 1, N, size + 1)."""
    sums = np.full((x.shape[1] + 1, len(x), size + 1), -np.inf)
    sums[:, :, 0] = 0
    for c in range(x.shape[1]):
        sums[c + 1, :, 1:] = np.logaddexp(sums[c, :, 1:], sums[c, :, :-1] + x[:, c, None])
    return sums


def binary_cross_entropy(op: ops.BinaryCrossEntropy, call: Call) -> Array:
    """-w t log p - (1 - t) log(1 - p), with w = ``op.positive``.

    Of scores x, -log p = log(1 + e^-x) and -log(1 - p) = log(1 + e^x).
    """
    t = _targets(call)
    if op.of == "probabilities":
        log_p, log_not_p = (np.log(np.maximum(p, op.smallest)) for p in (call.x, 1 - call.x))
        return _mean(-op.positive * t * log_p - (1 - t) * log_not_p)
    return _mean(op.positive * t * np.logaddexp(0.0, -call.x) + (1 - t) * np.logaddexp(0.0, call.x))


def binary_cross_entropy_back(op: ops.BinaryCrossEntropy, call: Call, y: Array, grad: Array) -> Gradient:
    """(1 - t) p - w t (1 - p) by scores; (1 - t) / (1 - p) - w t / p by probabilities, 0 for clamped ones."""
    t = _targets(call)
    if op.of == "probabilities":
        by_p, by_not_p = (np.where(p >= op.smallest, 1 / np.maximum(p, op.smallest), 0) for p in (call.x, 1 - call.x))
        return _mean_gradient(call, grad, (1 - t) * by_not_p - op.positive * t * by_p)
    p = sigmoid(call.x)
    return _mean_gradient(call, grad, (1 - t) * p - op.positive * t * (1 - p))


def squared_error(op: ops.SquaredError, call: Call) -> Array:
    """The sum of (x - t)^2."""
    return _mean((call.x - _targets(call)) ** 2)


def squared_error_back(op: ops.SquaredError, call: Call, y: Array, grad: Array) -> Gradient:
    """2 (x - t)."""
    return _mean_gradient(call, grad, 2 * (call.x - _targets(call)))


def cauchy_error(op: ops.CauchyError, call: Call) -> Array:
    """The sum of log(1 + (x - t)^2)."""
    return _mean(np.log1p((call.x - _targets(call)) ** 2))


def cauchy_error_back(op: ops.CauchyError, call: Call, y: Array, grad: Array) -> Gradient:
    """2 d / (1 + d^2), d = x - t."""
    d = call.x - _targets(call)
    return _mean_gradient(call, grad, 2 * d / (1 + d**2))


def sum_squares(op: ops.SumSquares, call: Call) -> Array:
    """The sum of x^2, times the gate."""
    return _mean(_gate(op, call) * call.x**2)


def sum_squares_back(op: ops.SumSquares, call: Call, y: Array, grad: Array) -> Gradient:
    """2 x times the gate."""
    return _mean_gradient(call, grad, 2 * _gate(op, call) * call.x)


def _gate(op: ops.SumSquares, call: Call) -> Array:
    """Return the class numbers reshaped to broadcast with the input, or 1 if there is no gate. Those of targets are
    the means of the numbers."""
    if op.gate == "none":
        return np.ones(1)
    labels = _labels(call)
    numbers = labels if labels.ndim == 1 else labels @ np.arange(labels.shape[1])
    return numbers.reshape(-1, *(1,) * (call.x.ndim - 1)).astype(np.float64)


def gated_sum_squares(op: ops.GatedSumSquares, call: Call) -> Array:
    """The sum of g x^2."""
    gate, x = call.inputs
    return _mean(gate.reshape(-1) * (x**2).reshape(len(x), -1).sum(axis=1))


def gated_sum_squares_back(op: ops.GatedSumSquares, call: Call, y: Array, grad: Array) -> Gradient:
    """The sum of x^2 by the gate, 2 g x by x."""
    gate, x = call.inputs
    by_gate = (x**2).reshape(len(x), -1).sum(axis=1).reshape(gate.shape)
    by_x = 2 * gate.reshape(-1, *(1,) * (x.ndim - 1)) * x
    return Gradient((grad * by_gate / len(x), grad * by_x / len(x)))


def topographic_sparsity(op: ops.Topographic, call: Call) -> Array:
    """The sum of sqrt(S) - e log(1 + sqrt(S) / e), S being the sum of squares in the window around each pixel."""
    roots = np.sqrt(window_sums(op.size, call.x**2))
    return _mean(roots - op.smallest * np.log1p(roots / op.smallest))


def topographic_sparsity_back(op: ops.Topographic, call: Call, y: Array, grad: Array) -> Gradient:
    """x times the sum of 1 / (e + sqrt(S)) over the pixels whose windows contain it."""
    slopes = 1 / (op.smallest + np.sqrt(window_sums(op.size, call.x**2)))
    return _mean_gradient(call, grad, call.x * window_sums_back(op.size, slopes))


def _targets(call: Call) -> Array:
    """Return targets t, shaped like the scores: one-hot unless the labels are targets.

    Raises ``ValueError`` like ``_labels``, and if a label is not the number of a class.
    """
    classes, labels = call.x.shape[1], _labels(call)
    if labels.ndim == 2:
        return labels.astype(np.float64)
    if not np.isin(labels, np.arange(classes)).all():
        raise ValueError(f"{call.name} has {classes} classes: labels run from 0 to {classes - 1}")
    targets: Array = np.eye(classes)[labels]
    return targets


def _labels(call: Call) -> Labels | Array:
    """Return the class numbers, (N,), or the targets, (N, C). Raises ``ValueError`` if there are none, or not one for
    each image."""
    images = len(call.x)
    if call.labels is None:
        raise ValueError(f"{call.name} is a loss: it needs labels")
    if call.labels.shape[:1] != (images,) or call.labels.ndim > 2:
        raise ValueError(f"{call.name} needs {images} labels, and has {call.labels.shape}")
    return call.labels


def _mean(terms: Array) -> Array:
    """Sum over the classes or units and average over the images: (N, ...) to ()."""
    return np.asarray(terms.sum() / len(terms))


def _mean_gradient(call: Call, grad: Array, by_x: Array) -> Gradient:
    """Return the gradient by x, given the derivatives of each image's own loss, of which the mean takes 1/N."""
    return Gradient((grad * by_x / len(call.x),))
