"""This process's position in the arrangement of devices, and the process groups that it exchanges values with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh

from netspec.parallel.collectives import Group, set_timeout
from netspec.passes.placing import Arrangement


@dataclass(frozen=True, slots=True)
class Mesh:
    """One device's view of the mesh of devices.

    ``row`` and ``column`` are its coordinates. ``row_group`` are the devices of its row, which hold the shares of the
    channels; ``column_group`` are the devices in its column, which hold the shares of the batch.
    """

    arrangement: Arrangement
    rank: int
    device: torch.device
    row_group: Group
    column_group: Group

    @property
    def row(self) -> int:
        return self.arrangement.row(self.rank)

    @property
    def column(self) -> int:
        return self.arrangement.column(self.rank)

    @property
    def channel_group(self) -> Group:
        """The group over which channels are divided: the row's devices, or under ``hybrid`` all devices."""
        return self.column_group if self.arrangement.split == "hybrid" else self.row_group

    def share_of_batch(self, batch: int) -> slice:
        """Which images of a batch this device computes."""
        share = self.arrangement.share_of_batch(self.rank, batch)
        return slice(share.start, share.stop)


def join_mesh(arrangement: Arrangement, device: torch.device, timeout: timedelta | None = None) -> Mesh:
    """Return the mesh as this process sees it. torch.distributed must be initialised.

    ``timeout`` is how long the processes wait for each other; ``None`` leaves torch's default.

    Raises
    ------
    ValueError
        The number of processes is not the arrangement's number of devices.
    """
    if dist.get_world_size() != arrangement.devices:
        raise ValueError(f"{dist.get_world_size()} processes cannot be {arrangement.devices} devices")
    device_mesh = init_device_mesh(
        device.type, (arrangement.replicas, arrangement.groups), mesh_dim_names=("rows", "columns")
    )
    row_group, column_group = device_mesh.get_group("columns"), device_mesh.get_group("rows")
    if timeout is not None:
        set_timeout(row_group, timeout)
        set_timeout(column_group, timeout)
    return Mesh(arrangement, dist.get_rank(), device, row_group, column_group)
