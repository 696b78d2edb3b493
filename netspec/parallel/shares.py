"""From whole tensors to the devices' shares and back: how checkpoints come not to know the device count."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn

from netspec.parallel import collectives
from netspec.parallel.network import PlacedNetwork
from netspec.parallel.team import Team
from netspec.passes.placing import Held, rows_of
from netspec.passes.torch_names import attributes


def give(network: PlacedNetwork, state: Mapping[str, Tensor]) -> None:
    """Set a device's parameters and buffers to its shares of a whole network's ``state_dict``."""
    own = network.module.state_dict()
    for key, tensor in own.items():
        tensor.copy_(share(state[key], held_of(network, key), network.team))


def share(whole: Tensor, held: Held, team: Team) -> Tensor:
    """A device's share of a whole tensor whose first axis runs over channels; numbers without axes are everybody's."""
    if held.channels == 1 or whole.dim() == 0:
        return whole
    return whole[rows_of(whole.shape[0], held.channels, dist.get_rank(team.channels))]


def whole(network: PlacedNetwork, shares: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Whole tensors by their names, on every device, from shares that are named as in the network's ``state_dict``.

    Every device of the team calls it. ``like`` are tensors of the whole ones' shapes and types, in the same order
    everywhere; a device that holds none of a tensor has no share of that name.
    """
    return {key: _joined(network, shares.get(key), key, one) for key, one in like.items()}


def held_of(network: PlacedNetwork, key: str) -> Held:
    """How the layer lies over the devices that a tensor of the ``state_dict`` belongs to."""
    layers = {attribute: name for name, attribute in attributes(network.placed.graph).items()}
    return network.placed.layers[layers[key.split(".")[0]]].held


def _joined(network: PlacedNetwork, mine: Tensor | None, key: str, like: Tensor) -> Tensor:
    held, team = held_of(network, key), network.team
    if held.owner is not None:
        given = mine if mine is not None else torch.empty_like(like, device=team.device)
        return collectives.broadcast(given, held.owner, team.across)
    assert mine is not None
    if held.channels == 1 or not like.shape:
        return mine.clone()
    return collectives.all_gather(mine, 0, team.channels)


def empty_of(model: nn.Module) -> dict[str, Tensor]:
    """The shapes and types of a whole network's tensors: tensors without numbers."""
    return {key: torch.empty(x.shape, dtype=x.dtype, device="meta") for key, x in model.state_dict().items()}
