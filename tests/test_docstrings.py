"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest
from imports import modules

EXAMPLES = sorted(name for name, path in modules().items() if ">>> " in path.read_text("utf-8"))


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples_in_docstrings(module: str) -> None:
    results = doctest.testmod(import_module(module))
    assert results.attempted > 0 and results.failed == 0
