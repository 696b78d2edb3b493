"""The optimiser of a network: the update rule of its train line, and what it remembers by the names of parameters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from netspec.ir import rules
from netspec.ir.graph import Graph, Parameter
from netspec.ir.rules import AdaDelta, Lamb, Lars, Sgd, UpdateRule
from netspec.ir.schedules import noise_of
from netspec.ir.settings import Train
from netspec.passes.optimiser_state import STATE_KINDS, StateKind, adapts, state_kinds
from netspec.passes.torch_names import state_keys
from netspec.train.learning import adaptive, rooted
from netspec.train.learning.adam import Adam
from netspec.train.learning.clipping import Clipping
from netspec.train.learning.norms import ONE_DEVICE, Devices, Norms
from netspec.train.learning.rooted import Rooted
from netspec.train.learning.rule import Group, Optimiser
from netspec.train.learning.sgd import PaperSGD

_USUAL = Train()


def optimiser_for(
    parameters: Mapping[str, Parameter],
    tensors: Mapping[str, Tensor],
    *,
    train: Train = _USUAL,
    everywhere: Mapping[str, Parameter] | None = None,
    fused: bool = False,
    devices: Devices = ONE_DEVICE,
) -> Optimiser:
    """Return an optimiser of a network's ``tensors``, given by parameter key, by the rule of the ``train`` line.

    Parameters with the same hyperparameters form a group. ``everywhere`` are the parameters of all ``devices``; if it
    is not given, this device has them all.
    """
    whole = parameters if everywhere is None else everywhere
    periods = [p.update_every for p in whole.values()]
    norms = Norms([key for key, p in whole.items() if adapts(train.rule, p)], tensors, devices)
    optimiser = _by_rule(train.rule, _groups(parameters, tensors, train), periods, norms, fused)
    optimiser.periods.update(periods)
    if train.clip_gradients is not None:
        optimiser.clipping = Clipping(train.clip_gradients, tensors, devices)
    return optimiser


def _groups(parameters: Mapping[str, Parameter], tensors: Mapping[str, Tensor], train: Train) -> Iterator[Group]:
    members: defaultdict[Group, list[Tensor]] = defaultdict(list)
    for key, p in parameters.items():
        noisy = noise_of(train.schedule if p.schedule is None else p.schedule)
        empty = Group(
            params=(),
            lr=p.lr,
            momentum=p.momentum,
            decay=p.decay,
            constraint=p.constraint,
            schedule=p.schedule,
            update_every=p.update_every,
            super_eps=p.super_eps,
            name=key if noisy else "",
        )
        members[empty].append(tensors[key])
    yield from (replace(empty, params=tuple(params)) for empty, params in members.items())


def _by_rule(
    rule: UpdateRule, groups: Iterable[Group], periods: Iterable[int | None], norms: Norms, fused: bool
) -> Optimiser:
    match rule:
        case Sgd():
            return PaperSGD(groups, nesterov=rule.nesterov, fused=fused)
        case rules.Adam():
            return Adam(groups, rule, periods=periods, fused=fused)
        case AdaDelta():
            return rooted.AdaDelta(groups, rule)
        case Lars():
            return adaptive.Lars(groups, rule, norms)
        case Lamb():
            return adaptive.Lamb(groups, rule, norms, periods=periods)
        case _:
            return Rooted(groups, rule)


def optimiser_of(graph: Graph, module: nn.Module, *, fused: bool = False, devices: Devices = ONE_DEVICE) -> Optimiser:
    """Return an optimiser of those of a graph's parameters that a module has. ``devices`` have the others."""
    keys, by_name = state_keys(graph), dict(module.named_parameters())
    parameters = {key: p for key, p in graph.parameters.items() if keys[key] in by_name}
    tensors = {key: by_name[keys[key]] for key in parameters}
    return optimiser_for(
        parameters, tensors, train=graph.train, everywhere=graph.parameters, fused=fused, devices=devices
    )


def state_names(graph: Graph) -> dict[StateKind, tuple[str, ...]]:
    """Return the names in the ``state_dict`` of the parameters of which each kind of state is remembered."""
    kinds = {key: state_kinds(graph.train.rule, graph.parameters[own]) for own, key in state_keys(graph).items()}
    return {kind: tuple(name for name, remembered in kinds.items() if kind in remembered) for kind in STATE_KINDS}


def state_of(module: nn.Module, optimiser: Optimiser, kind: StateKind) -> dict[str, Tensor]:
    """Return one kind of what the optimiser remembers of each parameter of a module, by the parameter's name.

    Before the first update, and for a parameter of which this kind is not remembered, it is a single number (see
    ``Optimiser.starts``) expanded to the parameter's shape, which takes up no space in memory or in a file.
    """
    tensors, start = optimiser.state[kind], optimiser.starts.get(kind, 0.0)
    parameters = module.named_parameters()
    return {name: tensors[p] if p in tensors else p.new_full((), start).expand_as(p) for name, p in parameters}


@torch.no_grad()
def set_state(module: nn.Module, optimiser: Optimiser, state: Mapping[StateKind, Mapping[str, Tensor]]) -> None:
    """Set what the optimiser remembers of a module's parameters, by kind and name. Each tensor is stored with the
    memory layout of its parameter."""
    for kind, tensors in state.items():
        for name, p in module.named_parameters():
            if name in tensors:
                optimiser.state[kind][p] = torch.empty_like(p).copy_(tensors[name])
