"""The probability that a random set of classes contains each class, in ONNX operators."""

from __future__ import annotations

from ..site import Site

_NEVER = -1e30
"""Score of a padding class, which makes its probability 0."""


def log_chances(site: Site, size: int) -> str:
    """Emit log P for each class (N,C): the probability that a random set of ``size`` classes contains it.

    A set has a probability proportional to e^(sum of its classes' scores). A run of neighbouring classes is represented
    by a polynomial, N,runs,degrees, whose coefficient of degree s is the sum of these weights over the run's sets of s
    classes, as a logarithm. A binary tree multiplies the polynomials of neighbouring runs up to that of all classes. On
    the way down, it computes for each run the polynomial of all classes outside it.
    """
    classes = site.shape.units
    depth = (classes - 1).bit_length()
    scores, more = site.x, (1 << depth) - classes
    if more:
        scores = site.inner("Pad", scores, site.sizes("more", 0, 0, 0, more), site.constant("never", _NEVER))
    ones = site.inner("Mul", scores, site.constant("nothing", 0.0))
    run, degree = _stacked(site, ones, scores), 1
    pairs = []
    for _ in range(depth):
        pairs.append((_cut(site, run, 1, 0, None, 2), _cut(site, run, 1, 1, None, 2), degree))
        run, degree = _product(site, (pairs[-1][0], degree), (pairs[-1][1], degree), size)
    whole = site.inner("Squeeze", _cut(site, run, 2, size, size + 1), site.sizes("last-axis", 2))
    outside, beyond = site.inner("Mul", _cut(site, run, 2, 0, 1), site.constant("nothing", 0.0)), 0
    for left, right, degree in reversed(pairs):
        of_left, joined = _product(site, (outside, beyond), (right, degree), size - 1)
        of_right, beyond = _product(site, (outside, beyond), (left, degree), size - 1)
        assert joined == beyond
        between = site.inner("Concat", *(_raised(site, x) for x in (of_left, of_right)), axis=2)
        outside = site.inner("Reshape", between, site.sizes(f"runs-of-{beyond}", 0, -1, beyond + 1))
    outside = _cut(site, _cut(site, outside, 2, size - 1, size), 1, 0, classes)
    without = site.inner("Squeeze", outside, site.sizes("last-axis", 2))
    return site.inner("Sub", site.inner("Add", site.x, without), whole)


def _product(site: Site, a: tuple[str, int], b: tuple[str, int], most: int) -> tuple[str, int]:
    """Emit the product of two polynomials, each given with its degree, truncated to degree ``most``.

    Returns the product and its degree.
    """
    (x, p), (y, q) = a, b
    sums = []
    for s in range(min(p + q, most) + 1):
        low, high = max(0, s - q), min(s, p)
        ahead = _cut(site, x, 2, low, high + 1)
        last = s - high - 1
        back = _cut(site, y, 2, s - low, last if last >= 0 else None, -1)
        sums.append(site.inner("ReduceLogSumExp", site.inner("Add", ahead, back), axes=[2]))
    return site.inner("Concat", *sums, axis=2), min(p + q, most)


def _cut(site: Site, x: str, axis: int, start: int, end: int | None, step: int = 1) -> str:
    """Emit x[start:end:step] along an axis."""
    stop = end if end is not None else (2**31 if step > 0 else -(2**31))
    bounds = (site.sizes(f"at-{number}", number) for number in (start, stop, axis, step))
    return site.inner("Slice", x, *bounds)


def _stacked(site: Site, *values: str) -> str:
    """Stack N,C values along a new last axis."""
    return site.inner("Concat", *(_raised(site, x) for x in values), axis=2)


def _raised(site: Site, x: str) -> str:
    return site.inner("Unsqueeze", x, site.sizes("last-axis", 2))
