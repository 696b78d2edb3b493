"""The peak of memory in an update, of each update rule."""

from __future__ import annotations

import pytest
from allocations import peak_bytes

import netspec
from netspec.plan import plan


@pytest.mark.parametrize(
    ("optimizer", "key", "numbers"),
    [
        *(("sgd", "", 3), ("sgd", "super_eps=1", 6), ("sgd(nesterov=yes)", "", 3), ("adam", "", 5), ("adamw", "", 5)),
        *(("rmsprop", "", 4), ("rmsprop(momentum=0.9, centered=yes, eps_in_root=1)", "", 6), ("adagrad", "", 4)),
        *(("adadelta", "", 5), ("lars", "", 3), ("lamb", "", 5)),
    ],
)
def test_peak_memory_of_updates(optimizer: str, key: str, numbers: int) -> None:
    """Weights, gradients and what the optimiser remembers; all but ``sgd`` and ``lars`` also divide by a root,
    and so does ``super_eps``."""
    text = f"net n\n[image] input 500\n[a] fc outputs=1000 {key}\n[b] fc outputs=10\ntrain optimizer={optimizer}"
    graph = netspec.loads(text).graph
    planned = plan(graph, 1, "batch", batch=1).devices[0].memory.peak
    assert planned.total == pytest.approx(numbers * 4 * 500_000, rel=0.1)
    assert planned.total == pytest.approx(peak_bytes(graph, 1), rel=0.01)
