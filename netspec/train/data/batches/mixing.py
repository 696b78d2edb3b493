"""Mixing the images of a batch, and their classes: mixup and cutmix.

As in torchvision (``MixUp`` and ``CutMix`` in ``transforms/v2/_augment.py``, both in ``references/classification``),
the numbers are drawn once for a batch, and each image is mixed with the one before it in the batch, the first with the
last. The order of a batch is random, so the other image is too. All draws are functions of the seed and the step, and
a row's partner depends on the whole batch, however many processes divide it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from netspec.ir.graph import Graph
from netspec.ir.settings import Augment
from netspec.ir.shape import Shape
from netspec.passes import purposes
from netspec.train import counter_rng
from netspec.train.counter_rng import Indices
from netspec.train.data.batches.transfer import to_device


@dataclass(frozen=True, slots=True)
class Mixture:
    """How a batch is mixed. ``share`` is what an image keeps of its class; its partner's class gets the rest.

    With ``box`` (rows and columns), the pixels in it are the partner's; without, each pixel is mixed as the classes.
    """

    share: float
    box: tuple[slice, slice] | None = None


def draw_mixture(augment: Augment, seed: int, step: int, size: Shape) -> Mixture | None:
    """Draw how the batch of a step is mixed; ``None`` if it is not. If both kinds are asked for, each is equally likely
    (torchvision, ``references/classification/transforms.py``; timm, ``mixup_switch_prob``)."""

    def uniform(purpose: int) -> float:
        return float(counter_rng.uniform(seed, 0, np.array([step]), purpose)[0])

    if not augment.mixes:
        return None
    cut = not augment.mixup or (bool(augment.cutmix) and uniform(purposes.MIX_WORD) < 0.5)
    alpha = augment.cutmix if cut else augment.mixup
    share = symmetric_beta(alpha, uniform(purposes.MIXED), uniform(purposes.MIXED + 1))
    if not cut:
        return Mixture(share)
    half = 0.5 * math.sqrt(1 - share)
    rows = _interval(uniform(purposes.BOX_ROW), half, size.height)
    columns = _interval(uniform(purposes.BOX_COLUMN), half, size.width)
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    return Mixture(1 - area / (size.height * size.width), (rows, columns))


def symmetric_beta(alpha: float, u: float, v: float) -> float:
    """Return a number from Beta(alpha, alpha), made of two numbers u and v that are uniform in [0, 1).

    T = sqrt(2 alpha (p^-1 - 1)) cos(2 pi v), with p = (1 - u)^(1 / alpha), has Student's t distribution with 2 alpha
    degrees of freedom (Bailey, Polar generation of random variates with the t-distribution, 1994), and
    (1 + T / sqrt(2 alpha + T^2)) / 2 has the beta distribution. Written without p^-1, which may be too large.
    """
    log_p = math.log1p(-u) / alpha
    p, q, c = math.exp(log_p), -math.expm1(log_p), math.cos(2 * math.pi * v)
    return min(max((1 + c * math.sqrt(q / (p + q * c * c))) / 2, 0.0), 1.0)


def _interval(u: float, half: float, length: int) -> slice:
    """Return the pixels around place u (0 to 1) of ``length`` that are no further away than the fraction ``half``."""
    centre, reach = int(u * length), int(half * length)
    return slice(max(centre - reach, 0), min(centre + reach, length))


def rows_to_read(augment: Augment, rows: Indices, count: int) -> Indices:
    """Return the rows of a batch of ``count`` images that are read to train on ``rows``: also those mixed into them."""
    return with_partners(rows, count) if augment.mixes else rows


def with_partners(rows: Indices, count: int) -> Indices:
    """Return the rows of a batch of ``count`` images, and those with which they are mixed, in ascending order."""
    return np.unique(np.concatenate([rows, _partners(rows, count)]))


def _partners(rows: Indices, count: int) -> Indices:
    return (rows - 1) % count


def mixed(
    graph: Graph, images: Tensor, labels: Tensor, read: Indices, rows: Indices, seed: int, step: int
) -> tuple[Tensor, Tensor]:
    """Return the images of some ``rows`` of a step's batch, and the labels of all rows. If the augment line mixes
    images, these are mixed, and the labels are targets. ``images`` are those of ``rows_to_read``."""
    mixture = draw_mixture(graph.augment, seed, step, graph.input.output)
    if mixture is None:
        return images, labels
    return mixed_batch(images, labels, read, rows, graph.scores.output.units, mixture)


def mixed_batch(
    images: Tensor, labels: Tensor, read: Indices, rows: Indices, classes: int, mixture: Mixture
) -> tuple[Tensor, Tensor]:
    """Return the images of some ``rows`` of a batch, mixed, and the targets of all rows, (N, classes), float32.

    ``images`` are the prepared images, (M, channels, height, width), of the rows ``read``, which are those of
    ``with_partners``; they may be overwritten. ``labels`` are the N class numbers of the whole batch.
    """
    count, whole = len(labels), len(rows) == len(labels)

    def of(some: Indices, x: Tensor) -> Tensor:
        return x[to_device(np.searchsorted(read, some), x.device)]

    def partners(x: Tensor) -> Tensor:
        return x.roll(1, 0) if whole else of(_partners(rows, count), x)

    mixed = images if whole else of(rows, images)
    if mixture.box is None:
        others = partners(images).mul_(1 - mixture.share)
        mixed.mul_(mixture.share).add_(others)
    else:
        down, across = mixture.box
        mixed[:, :, down, across] = partners(images[:, :, down, across])
    targets = F.one_hot(labels, classes).float()
    return mixed, targets * mixture.share + targets.roll(1, 0) * (1 - mixture.share)
