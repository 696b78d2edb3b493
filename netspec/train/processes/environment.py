"""What the environment variables say about the other processes of a training. This module does not import torch."""

from __future__ import annotations

import os

FOLDER = "NETSPEC_LAUNCHER_FOLDER"
"""The environment variable with the folder through which the processes communicate with their launcher."""


def prints_diagnostics() -> bool:
    """Whether this process should print diagnostics.

    Workers that netspec has started stay silent, because the launcher has already printed them; under torchrun only
    rank 0 prints.
    """
    return FOLDER not in os.environ and os.environ.get("RANK", "0") == "0"
