"""How many examples Hypothesis tries for a property: a tenth by default, a quarter in ``make ci``.

``pytest --hypothesis-profile=all`` tries all of them.
"""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import HealthCheck, settings


def register_profiles() -> None:
    """Register the profiles, and load the default one. A busy machine is no failure: none has a limit of time."""
    for name, number in (("tenth", 10), ("quarter", 25), ("all", 100)):
        settings.register_profile(
            name, max_examples=number, deadline=None, suppress_health_check=(HealthCheck.too_slow,)
        )
    settings.load_profile("tenth")


def examples(number: int, *without: HealthCheck) -> settings:
    """Settings that try ``number`` examples under the profile ``all``, without these health checks."""
    profile = settings()  # those of the loaded profile
    checks: Collection[HealthCheck] = (*profile.suppress_health_check, *without)
    return settings(max_examples=max(5, number * profile.max_examples // 100), suppress_health_check=checks)
