"""How many examples Hypothesis tries: a tenth of them in the default run, all in ``make ci``.

The Hypothesis profiles ``tenth`` and ``all`` choose between them (``pytest --hypothesis-profile=all``).
"""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import HealthCheck, settings


def register() -> None:
    """Register both profiles, and load ``tenth`` as the default."""
    settings.register_profile("tenth", max_examples=10)
    settings.register_profile("all", max_examples=100)
    settings.load_profile("tenth")


def examples(number: int, *without: HealthCheck) -> settings:
    """Return settings for ``number`` examples in a full run, without a deadline and without these health checks."""
    checks: Collection[HealthCheck] = without
    return settings(
        max_examples=max(5, number * settings.default.max_examples // 100), deadline=None, suppress_health_check=checks
    )
