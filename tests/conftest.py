"""The order in which tests run, and how they begin."""

from __future__ import annotations

import gc
import os
import signal
from collections import Counter

import chances
import pytest

chances.register()


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, as it does from a terminal: a shell starts what it runs in the background with
    SIGINT ignored, which all its processes inherit. Let garbage lie a while, among all that tests make and drop: to
    look for it as often as Python does takes a twentieth of their time. And wait for no disk: what must last is read
    by tests as soon as it is written, and no power fails between."""
    gc.set_threshold(20_000)
    os.fsync = lambda _: None
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before pytest looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test with ``many`` cases every fifth is as any test, and the others are for ``make ci``. The longest file
    comes first: begun last, it would be waited for alone."""
    seen: Counter[str] = Counter()
    for item in items:
        if item.get_closest_marker("many") and not any(map(item.get_closest_marker, ("ci", "slow"))):
            test = item.nodeid.partition("[")[0]
            if seen[test] % 5:
                item.add_marker("ci")
            seen[test] += 1
    items.sort(key=lambda item: "test_page_commands" not in item.nodeid)


def pytest_collection_finish() -> None:
    """What has been imported and collected stays to the end: searches for garbage leave it out."""
    gc.collect()
    gc.freeze()
