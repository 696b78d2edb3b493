"""The process groups of a mesh, and their timeouts."""

from __future__ import annotations

from datetime import timedelta

import networks
import torch
from ranks import call_on_ranks

import netspec
from netspec.parallel.mesh import join_mesh
from netspec.passes.placing import arrange


def timeouts_in_minutes(minutes: float) -> list[float]:
    """Join a mesh with this timeout, and return the timeouts of its two groups; called in each of two processes."""
    device, arrangement = torch.device("cpu"), arrange(netspec.loads(networks.BRANCHING).graph, 2, "groups")
    mesh = join_mesh(arrangement, device, timedelta(minutes=minutes))
    groups = (mesh.row_group, mesh.column_group)
    return [group._get_backend(device).options._timeout / timedelta(minutes=1) for group in groups]


def test_both_groups_get_the_requested_timeout() -> None:
    assert call_on_ranks(2, timeouts_in_minutes, 77.0) == 2 * [[77.0, 77.0]]
