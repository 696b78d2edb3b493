"""The number of processor cores available to this process."""

from __future__ import annotations

import os


def cores_available() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
