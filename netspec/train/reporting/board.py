"""Writing a run's metrics for TensorBoard, in addition to ``metrics.jsonl``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netspec.train.errors import RequestError
from netspec.train.learning.task import MEASURES

NAMES: Mapping[str, str] = {
    "loss": "loss/training",
    "val_loss": "loss/validation",
    **{accuracy.key: f"validation/{accuracy.name}" for accuracy in MEASURES},
    "iou": "validation IoU",
    "lr": "training/learning rate",
    "images_per_s": "training/images per second",
    "waiting": "training/share of time waiting for data",
}
"""The TensorBoard tag for each key of a line of ``metrics.jsonl``. If a key has several numbers by name, each has a tag
of its own, which ends with the name."""


class Board:
    """Writes TensorBoard event files into a folder.

    Parameters
    ----------
    step:
        The step after which the run continues. Events that earlier processes wrote for later steps are discarded.

    Raises
    ------
    RequestError
        TensorBoard is not installed.
    """

    def __init__(self, folder: Path, step: int) -> None:
        require_tensorboard()
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def add(self, line: Mapping[str, Any]) -> None:
        """Add the numbers of a line of ``metrics.jsonl``."""
        for key, name in NAMES.items():
            value = line.get(key)
            numbers = {f"{name}/{part}": x for part, x in value.items()} if isinstance(value, dict) else {name: value}
            for tag, number in numbers.items():
                if number is not None and math.isfinite(number):
                    self._writer.add_scalar(tag, number, line["step"])

    def close(self) -> None:
        """Flush and close the event file."""
        self._writer.close()


def require_tensorboard() -> None:
    """Raise ``RequestError`` if TensorBoard is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as missing:
        raise RequestError(
            "--tensorboard needs TensorBoard, which is not installed", "pip install 'netspec-compiler[tensorboard]'"
        ) from missing
