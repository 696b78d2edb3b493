"""The order in which tests run."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test first: begun last, it would be waited for alone."""
    items.sort(key=lambda item: "[README]" not in item.nodeid)
