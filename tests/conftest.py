"""The order in which tests run, and how they begin."""

from __future__ import annotations

import signal

import chances
import pytest

chances.register()


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, as it does from a terminal: a shell starts what it runs in the background with
    SIGINT ignored, which all its processes inherit."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test first: begun last, it would be waited for alone."""
    items.sort(key=lambda item: "[README]" not in item.nodeid)
