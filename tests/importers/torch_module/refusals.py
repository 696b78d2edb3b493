"""The report on a module of which no network is made."""

from __future__ import annotations

from typing import Any

import pytest

import netspec


def refused(module: Any, shape: tuple[int, ...] = (3, 8, 8)) -> tuple[str, str, str]:
    """The code, the message and the notes of the only diagnostic for a module."""
    with pytest.raises(netspec.SpecError) as caught:
        netspec.from_torch(module, shape)
    assert caught.value.__cause__ is None and (caught.value.__suppress_context__ or caught.value.__context__ is None)
    (diagnostic,) = caught.value.diagnostics
    assert "Traceback" not in str(caught.value)
    assert caught.value._render_traceback_()[0].count(diagnostic.message) == 1
    return diagnostic.code, diagnostic.message, "\n".join(diagnostic.notes)
