"""This process's position in the arrangement of devices, and the process groups that it exchanges values with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh

from netspec.parallel.collectives import Group, let_wait
from netspec.passes.placing import Arrangement


@dataclass(frozen=True, slots=True)
class Team:
    """One device's view of an arrangement.

    ``row`` and ``place`` are its coordinates. ``across`` is the group of all places of its row, which hold the shares
    of the channels; ``along`` is the group of the devices at its place of all rows, which hold the shares of the batch.
    """

    arrangement: Arrangement
    rank: int
    device: torch.device
    across: Group
    along: Group

    @property
    def row(self) -> int:
        return self.arrangement.row(self.rank)

    @property
    def place(self) -> int:
        return self.arrangement.place(self.rank)

    @property
    def channels(self) -> Group:
        """The group over which channels are divided: the row's devices, or under ``hybrid`` all devices."""
        return self.along if self.arrangement.split == "hybrid" else self.across

    def share_of_batch(self, batch: int) -> slice:
        """Which images of a batch this device computes; if the rows do not divide it, the first rows take one more."""
        each, more = divmod(batch, self.arrangement.replicas)
        start = self.row * each + min(self.row, more)
        return slice(start, start + each + (self.row < more))


def join(arrangement: Arrangement, device: torch.device, patience: timedelta | None = None) -> Team:
    """Return this process's team. torch.distributed must be initialised.

    ``patience`` is how long the team's members wait for each other; ``None`` leaves torch's default.

    Raises
    ------
    ValueError
        The number of processes is not the arrangement's number of devices.
    """
    if dist.get_world_size() != arrangement.devices:
        raise ValueError(f"{dist.get_world_size()} processes cannot be {arrangement.devices} devices")
    mesh = init_device_mesh(device.type, (arrangement.replicas, arrangement.groups), mesh_dim_names=("rows", "places"))
    across, along = mesh.get_group("places"), mesh.get_group("rows")
    if patience is not None:
        let_wait(across, patience)
        let_wait(along, patience)
    return Team(arrangement, dist.get_rank(), device, across, along)
