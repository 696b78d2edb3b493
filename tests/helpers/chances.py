"""How many examples a property is tried on: a tenth in the default run, all of them in ``make ci``.

The profiles of Hypothesis say which (``pytest --hypothesis-profile=all``).
"""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import HealthCheck, settings


def register() -> None:
    """Make both known, and the tenth what there is unless pytest is told otherwise."""
    settings.register_profile("tenth", max_examples=10)
    settings.register_profile("all", max_examples=100)
    settings.load_profile("tenth")


def examples(number: int, *without: HealthCheck) -> settings:
    """Settings for so many examples in a run of all, without a deadline and these checks of the examples' health."""
    checks: Collection[HealthCheck] = without
    return settings(
        max_examples=max(5, number * settings.default.max_examples // 100), deadline=None, suppress_health_check=checks
    )
