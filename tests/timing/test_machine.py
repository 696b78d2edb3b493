"""The measurement of the machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from simulated_cuda import simulate_cuda

from netspec.timing import machine


@pytest.mark.parametrize(("device", "precision"), [("cuda", "high"), ("cpu", "highest")])
def test_gpus_rate_is_that_of_products_in_tf32(device: str, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN's convolutions of float32 are in TF32; in full precision the rate would be too low for a minimum."""
    during: list[str] = []

    def take_turns(
        competitors: Mapping[str, Callable[[], object]], *rounds: int, **options: object
    ) -> dict[str, list[float]]:
        during.append(torch.get_float32_matmul_precision())
        return {name: [1.0] for name in competitors}

    monkeypatch.setattr(machine, "take_turns", take_turns)
    monkeypatch.setattr(machine, "_COPIED", {"cuda": 64, "cpu": 64})
    monkeypatch.setattr(machine, "_MAX_SIDE", {"cuda": 256, "cpu": 256})
    with simulate_cuda():
        machine.measure(device, "fp32")
    assert during == [precision] and torch.get_float32_matmul_precision() == "highest"
