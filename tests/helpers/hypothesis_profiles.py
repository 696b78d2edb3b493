"""How many examples Hypothesis tries for a property: a tenth by default, a quarter in ``make ci``.

``pytest --hypothesis-profile=all`` tries all of them.
"""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import HealthCheck, settings


def register_profiles() -> None:
    """Register the profiles, and load the default one."""
    settings.register_profile("tenth", max_examples=10)
    settings.register_profile("quarter", max_examples=25)
    settings.register_profile("all", max_examples=100)
    settings.load_profile("tenth")


def examples(number: int, *without: HealthCheck) -> settings:
    """Settings that try ``number`` examples under the profile ``all``, without a deadline and these health checks."""
    checks: Collection[HealthCheck] = without
    return settings(
        max_examples=max(5, number * settings.default.max_examples // 100), deadline=None, suppress_health_check=checks
    )
