"""The precision in which arrangements of devices are compared."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from netspec.net import loads
from netspec.train.learning.torch_settings import matrix_products
from netspec.train.processes import verification
from netspec.train.processes.verification import Trial, initial_state, run_on_one_device


def test_trial_does_not_round_to_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    """NVIDIA's containers make matrix products do so, and cuDNN's convolutions do by default."""
    during: list[Any] = []

    def record(*arguments: Any) -> dict[str, Any]:
        during.append((torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32))
        return {}

    monkeypatch.setattr(verification, "_record_steps", record)
    graph, trial = loads("[image] input 1x4x4\n[fc] fc outputs=2\n").graph, Trial(2, 1, 0, "float32", "cpu")
    with matrix_products(in_tf32=True):
        run_on_one_device(graph, trial, initial_state(graph, trial))
        assert during == [("highest", False)]
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == ("high", True)
