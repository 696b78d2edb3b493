"""Conversion between whole tensors and the devices' shares; this makes checkpoints independent of the device count."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor

from netspec.parallel import collectives
from netspec.parallel.mesh import Mesh
from netspec.parallel.network import PlacedNetwork
from netspec.passes.placing import Sharding
from netspec.passes.torch_names import axes_of


def load_shares(network: PlacedNetwork, state: Mapping[str, Tensor]) -> None:
    """Set this device's parameters and buffers to its shares of the whole network's ``state_dict``."""
    own = network.module.state_dict()
    for key, tensor in shares_of(network, state).items():
        own[key].copy_(tensor)


def shares_of(network: PlacedNetwork, whole: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return this device's shares of whole tensors, of those that it holds, by their names in the ``state_dict``."""
    own, axes = network.module.state_dict(), axes_of(network.placed.graph)
    return {
        key: _share(tensor, sharding_of(network, key), axes.get(key, 0), network.mesh)
        for key, tensor in whole.items()
        if key in own
    }


def _share(whole: Tensor, sharding: Sharding, axis: int, mesh: Mesh) -> Tensor:
    """Return this device's share of a whole tensor, divided along ``axis``. Scalars are not divided."""
    if sharding.channels == 1 or whole.dim() == 0:
        return whole
    return whole.chunk(sharding.channels, axis)[dist.get_rank(mesh.channel_group)]


def full_tensors(network: PlacedNetwork, shares: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Assemble whole tensors, on every device, from the devices' ``shares``. All devices of the mesh must call this.

    The names are those of the network's ``state_dict``. ``like`` has a tensor of the whole one's shape and type for
    each name, in the same order on all devices. A device that holds no part of a tensor has no entry in ``shares``.
    """
    axes = axes_of(network.placed.graph)
    return {key: _assembled(network, shares.get(key), key, axes.get(key, 0), tensor) for key, tensor in like.items()}


def sharding_of(network: PlacedNetwork, key: str) -> Sharding:
    """How the layer of a ``state_dict`` tensor is divided over the devices."""
    return network.placed.layers[network.layer_names[key.split(".")[0]]].sharding


def _assembled(network: PlacedNetwork, mine: Tensor | None, key: str, axis: int, like: Tensor) -> Tensor:
    sharding, mesh = sharding_of(network, key), network.mesh
    if sharding.owner is not None:
        # Not empty_like: of a tensor on the meta device, it imports SymPy, which takes a second.
        tensor = mine if mine is not None else torch.empty(like.shape, dtype=like.dtype, device=mesh.device)
        return collectives.broadcast(tensor, sharding.owner, mesh.row_group)
    assert mine is not None
    if sharding.channels == 1 or not like.shape:
        return mine.clone()
    return collectives.all_gather(mine, axis, mesh.channel_group)


def meta_state(state: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Return a ``state_dict``, its real numbers in ``dtype``, on the meta device: shapes and types without data."""
    return {
        key: torch.empty(x.shape, dtype=dtype if x.is_floating_point() else x.dtype, device="meta")
        for key, x in state.items()
    }
