"""A process's team: how long its groups wait for each other."""

from __future__ import annotations

from datetime import timedelta

import networks
import torch
from crews import together

import netspec
from netspec.parallel.team import join
from netspec.passes.placing import arrange


def minutes(patience: float) -> list[float]:
    """In one of two processes: how long both groups wait."""
    device, arrangement = torch.device("cpu"), arrange(netspec.loads(networks.BRANCHING).graph, 2, "groups")
    team = join(arrangement, device, timedelta(minutes=patience))
    groups = (team.row_group, team.place_group)
    return [group._get_backend(device).options._timeout / timedelta(minutes=1) for group in groups]


def test_both_groups_have_the_patience_that_was_asked_for() -> None:
    assert together(2, minutes, 77.0) == 2 * [[77.0, 77.0]]
