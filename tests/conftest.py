"""Pytest hooks: settings for all tests, the ``many`` marker, the order of the tests."""

from __future__ import annotations

import gc
import os
import signal
from collections import Counter

import hypothesis_profiles
import pytest

SLOWEST_FILES = (
    "test_page_commands",
    "test_simulated_cuda",
    "test_devices",
    "test_arrangements",
    "test_source_devices",
)
"""The files that take longest in ``make ci``, the slowest first."""

hypothesis_profiles.register_profiles()


def pytest_configure() -> None:
    """Collect garbage less often, skip ``fsync``, and restore SIGINT if it is ignored."""
    gc.set_threshold(20_000)  # with Python's default, garbage collection takes a twentieth of the tests' time
    os.fsync = lambda _: None  # tests do not have to survive a power failure
    # A shell starts background jobs with SIGINT ignored, and the processes that tests start would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before pytest looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of five cases of a test marked ``many``, mark one as ``ci`` and three as ``slow``; move slow files forward.

    If one of them started last, one worker would still run it while the others are idle.
    """
    seen: Counter[str] = Counter()
    for item in items:
        if item.get_closest_marker("many") and not item.get_closest_marker("slow"):
            test = item.nodeid.partition("[")[0]
            if seen[test] % 5:
                item.add_marker("ci" if seen[test] % 5 == 2 else "slow")
            seen[test] += 1
    items.sort(
        key=lambda item: SLOWEST_FILES.index(item.path.stem) if item.path.stem in SLOWEST_FILES else len(SLOWEST_FILES)
    )


def pytest_collection_finish() -> None:
    """Exempt everything imported and collected so far from garbage collection, since it lives to the end."""
    gc.collect()
    gc.freeze()
