"""A dense network whose scores are 0 and the brightness of a pixel less a half, so that its masks are known."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

SPEC = """net bright
[image] input 1x12x12 range=1
[scores] conv filters=2 kernel={kernel} pad={pad} bias=0
"""


def bright_network(folder: Path, kernel: int = 1, pad: int = 0) -> tuple[str, Path]:
    """Write the network and its weights, and return the paths of both."""
    folder.mkdir(exist_ok=True)
    (folder / "bright.net").write_text(SPEC.format(kernel=kernel, pad=pad))
    weight = torch.zeros(2, 1, kernel, kernel)
    weight[1, 0, kernel // 2, kernel // 2] = 1
    save_file({"scores.weight": weight, "scores.bias": torch.tensor([0.0, -0.5])}, folder / "w.safetensors")
    return str(folder / "bright.net"), folder / "w.safetensors"
