"""The probability that a random set of classes contains each class, in ONNX operators."""

from __future__ import annotations

from ..site import Site

_PADDING_SCORE = -1e30
"""Score of a padding class, which makes its probability 0."""


def log_inclusion_probabilities(site: Site, size: int) -> str:
    """Emit log P for each class (N,C): the probability that a random set of ``size`` classes contains it.

    A set has a probability proportional to e^(sum of its classes' scores). A run of neighbouring classes is represented
    by a polynomial, N,runs,degrees, whose coefficient of degree s is the sum of these weights over the run's sets of s
    classes, as a logarithm. A binary tree multiplies the polynomials of neighbouring runs up to that of all classes. On
    the way down, it computes for each run the polynomial of all classes outside it.
    """
    classes = site.shape.units
    depth = (classes - 1).bit_length()
    scores, padding = site.x, (1 << depth) - classes
    if padding:
        pads = site.sizes("padding", 0, 0, 0, padding)
        scores = site.inner("Pad", scores, pads, site.constant("padding-score", _PADDING_SCORE))
    ones = site.inner("Mul", scores, site.constant("zero", 0.0))
    runs, degree = _stack(site, ones, scores), 1
    pairs = []
    for _ in range(depth):
        left, right = _slice(site, runs, 1, 0, None, 2), _slice(site, runs, 1, 1, None, 2)
        pairs.append((left, right, degree))
        runs, degree = _product(site, (left, degree), (right, degree), size)
    total = site.inner("Squeeze", _slice(site, runs, 2, size, size + 1), site.sizes("last-axis", 2))
    outside, outside_degree = site.inner("Mul", _slice(site, runs, 2, 0, 1), site.constant("zero", 0.0)), 0
    for left, right, degree in reversed(pairs):
        outside_left, left_degree = _product(site, (outside, outside_degree), (right, degree), size - 1)
        outside_right, outside_degree = _product(site, (outside, outside_degree), (left, degree), size - 1)
        assert left_degree == outside_degree
        interleaved = site.inner("Concat", *(_unsqueeze(site, x) for x in (outside_left, outside_right)), axis=2)
        outside = site.inner("Reshape", interleaved, site.sizes(f"runs-of-{outside_degree}", 0, -1, outside_degree + 1))
    outside = _slice(site, _slice(site, outside, 2, size - 1, size), 1, 0, classes)
    log_others = site.inner("Squeeze", outside, site.sizes("last-axis", 2))
    return site.inner("Sub", site.inner("Add", site.x, log_others), total)


def _product(site: Site, a: tuple[str, int], b: tuple[str, int], most: int) -> tuple[str, int]:
    """Emit the product of two polynomials, each given with its degree, truncated to degree ``most``.

    Returns the product and its degree.
    """
    (x, p), (y, q) = a, b
    sums = []
    for s in range(min(p + q, most) + 1):
        low, high = max(0, s - q), min(s, p)
        coefficients = _slice(site, x, 2, low, high + 1)
        last = s - high - 1
        partners = _slice(site, y, 2, s - low, last if last >= 0 else None, -1)
        sums.append(site.inner("ReduceLogSumExp", site.inner("Add", coefficients, partners), axes=[2]))
    return site.inner("Concat", *sums, axis=2), min(p + q, most)


def _slice(site: Site, x: str, axis: int, start: int, end: int | None, step: int = 1) -> str:
    """Emit x[start:end:step] along an axis."""
    stop = end if end is not None else (2**31 if step > 0 else -(2**31))
    bounds = (site.sizes(f"at-{number}", number) for number in (start, stop, axis, step))
    return site.inner("Slice", x, *bounds)


def _stack(site: Site, *values: str) -> str:
    """Stack N,C values along a new last axis."""
    return site.inner("Concat", *(_unsqueeze(site, x) for x in values), axis=2)


def _unsqueeze(site: Site, x: str) -> str:
    return site.inner("Unsqueeze", x, site.sizes("last-axis", 2))
