"""The multipliers of the parameter groups' learning rates in a step: schedule, warm-up and noise."""

from __future__ import annotations

import math
from collections.abc import Iterable
from hashlib import sha256

from netspec.ir.schedules import Schedule, noise_of
from netspec.ir.settings import Train
from netspec.train.learning.rule import Group, Scale
from netspec.train.learning.schedule import Moment, Watch, momentum_in, rate_factor


def scales(train: Train, groups: Iterable[Group], now: Moment, watch: Watch, seed: int) -> tuple[Scale, ...]:
    """Return the multipliers of each group's learning rate and weight decay in a step, and its momentum."""
    factors: dict[Schedule, float] = {}
    result = []
    for group in groups:
        schedule = train.schedule if group.schedule is None else group.schedule
        if schedule not in factors:
            factors[schedule] = rate_factor(train, schedule, now, watch)
        factor, noise = factors[schedule], noise_of(schedule)
        momentum = momentum_in(train, group.momentum, now) if group.schedule is None else group.momentum
        scale = Scale(factor, momentum=momentum)
        if noise:
            gradient, decay = (1 + noise * n for n in deviations(seed, now.step, group.name))
            scale = Scale(factor * gradient, decay / gradient, momentum)
        result.append(scale)
    return tuple(result)


def deviations(seed: int, step: int, name: str) -> tuple[float, float]:
    """Draw two values of |N(0, 1)| for a parameter in a step: for the rate of its gradient, and for that of its decay.

    They depend only on the arguments, not on the number of devices. The first 53 bits of each of the first two 64-bit
    words of the SHA-256 of ``seed:step:name`` are taken as a number in (0, 1], and the pair is transformed by the
    method of Box and Muller (1958).
    """
    digest = sha256(f"{seed}:{step}:{name}".encode()).digest()
    u, v = (((int.from_bytes(digest[i : i + 8], "big") >> 11) + 1) * 2.0**-53 for i in (0, 8))
    radius = math.sqrt(-2.0 * math.log(u))
    return abs(radius * math.cos(2.0 * math.pi * v)), abs(radius * math.sin(2.0 * math.pi * v))
