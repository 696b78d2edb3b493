"""What a process knows from its environment of those that train with it. Asked before torch is imported."""

from __future__ import annotations

import os

FOLDER = "NETSPEC_CREW"
"""The environment variable by which the processes find the folder that their launcher has made for them."""


def speaks() -> bool:
    """Whether this process is to tell what is wrong with a spec: not one whose launcher has told it already, and of
    those that torchrun starts only the first."""
    return FOLDER not in os.environ and os.environ.get("RANK", "0") == "0"
