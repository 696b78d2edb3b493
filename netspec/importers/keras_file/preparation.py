"""Rescaling and Normalization directly behind the input: how images are prepared, as keys of the input line."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netspec.formatting import format_literal
from netspec.importers.keras_file.graph.building import Step, Val, leaves
from netspec.importers.keras_file.graph.layers import affine, factors
from netspec.importers.keras_file.model.fields import Broken
from netspec.importers.keras_file.model.store import Damaged, values
from netspec.importers.spec.problem import Inexpressible

Numbers = NDArray[np.float64]

KINDS = ("Rescaling", "Normalization")
_LARGEST = 255
"""A model that scales what it reads reads pixels as image files have them."""
_LEAST = 1e-7
"""Keras divides by this at least (``epsilon`` of keras/src/backend/config.py)."""


@dataclass(slots=True)
class Preparation:
    """What has been done to the pixels so far: they were multiplied by ``scale``, and ``offset`` was added."""

    scale: Numbers = field(default_factory=lambda: np.ones(1))
    offset: Numbers = field(default_factory=lambda: np.zeros(1))
    applied: bool = field(default=False)

    def fold(self, step: Step) -> bool:
        """Add what a layer does, if the input line can say it, and return whether it can."""
        scale, offset = terms(step)
        channels = step.x.sizes[-1]
        if len(step.x.sizes) != 4 or step.data_format != "channels_last" or min(scale) <= 0:
            return False
        if any(len(numbers) not in (1, channels) for numbers in (scale, offset)):
            raise Broken(f"{step.layer.name} has {max(len(scale), len(offset))} numbers for {channels} channels")
        factors_ = np.array(scale)
        self.scale, self.offset = self.scale * factors_, self.offset * factors_ + np.array(offset)
        self.applied = True
        return True

    def keys(self) -> dict[str, str]:
        """Return the keys of the input line."""
        if not self.applied:
            return {}
        whole = max(self.scale) * _LARGEST > _LARGEST / 2  # what remains of pixels is from 0 to 255
        pixel = 1.0 if whole else 1.0 * _LARGEST
        a, b = np.broadcast_arrays(self.scale * pixel, self.offset)
        keys = {"range": str(_LARGEST)} if whole else {}
        if np.any(b != 0):
            keys["mean"] = _numbers(-b / a)
        if np.any(~np.isclose(a, 1, rtol=1e-12, atol=0)):
            keys["std"] = _numbers(1 / a)
        return keys


def _numbers(found: Numbers) -> str:
    texts = [format_literal(float(f"{number:.9g}")) for number in found]
    return texts[0] if len({*texts}) == 1 else ",".join(texts)


def terms(step: Step) -> tuple[list[float], list[float]]:
    """Return the factors of a layer, and what it adds: one number, or one for each place on the last axis."""
    if step.layer.kind == "Rescaling":
        return factors(step)
    mean, variance = _statistics(step)
    deviation = np.maximum(np.sqrt(variance), _LEAST)
    if step.config.flag("invert", False):
        return [*deviation], [*np.broadcast_to(mean, deviation.shape)]
    return [*(1 / deviation)], [*(-mean / deviation)]


def _statistics(step: Step) -> tuple[Numbers, Numbers]:
    """Return the mean and the variance of a Normalization: its own, or those that it found in data."""
    axis = step.config.get("axis", -1)
    axes = axis if isinstance(axis, list) else [axis]
    channels = step.x.sizes[-1]
    if len(axes) != 1 or step.x.axis(step.config.count(axes[0], "axis", -9)) != len(step.x.sizes) - 1:
        raise Inexpressible("it normalises along other axes than the last")
    found = []
    for place, (word, usual) in enumerate((("mean", 0.0), ("variance", 1.0))):
        given = step.config.get(word)
        store = step.building.store
        variable = store.find(step.layer, place, word) if store is not None and given is None else None
        if given is not None:
            numbers = np.array([step.config.number(n, word) for n in leaves(given)])
        elif variable is not None:
            if math.prod(variable.shape) > channels:
                raise Damaged(f"{word} of {step.layer.name} has more than {channels} numbers")
            numbers = values(variable).astype(np.float64).reshape(-1)
        else:
            step.building.leave_out("its mean and variance, which the file does not have: 0 and 1", step.layer.name)
            numbers = np.full(1, usual)
        if len(numbers) not in (1, channels) or (word == "variance" and numbers.min() < 0):
            raise Broken(f"{step.layer.name}: {word} is not one number for each of {channels} channels")
        found.append(numbers)
    return found[0], found[1]


def normalised(step: Step) -> Val:
    """A Normalization that is not a part of how images are prepared."""
    return affine(step, step.x, *terms(step))
