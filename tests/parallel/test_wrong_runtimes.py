"""A runtime that is wrong in one thing is caught: what is compared would show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networks
import pytest
import torch
from crews import together
from torch import Tensor

import netspec
from netspec.parallel import batchnorm, collectives, gradients
from netspec.parallel.network import PlacedNetwork
from netspec.parallel.team import join
from netspec.passes.placing import arrange, place
from netspec.train.processes import verification
from netspec.train.processes.verification import Trial, difference, initial_state, run_on_one_device

TRIAL = Trial(batch=8, steps=2, seed=3, number="float64", device="cpu")


def turned(x: Tensor, dim: int, group: Any) -> Tensor:
    """Shares that are joined in the wrong order."""
    return right_gather(x, dim, group).roll(1, dim)


def unsummed(x: Tensor, group: Any = None) -> Tensor:
    """A sum of what one process has alone."""
    return x.clone()


def own_draw(right: Callable[..., None]) -> Callable[..., None]:
    """Dropout that counts each process's images from 0."""
    return lambda self, seed, step, first, start: right(self, seed, step, first, 0)


right_gather = collectives.all_gather

WRONG = {
    "joined in the wrong order": ("groups", (collectives, "all_gather", turned)),
    "gradients not added up": ("batch", (gradients.Gradients, "_start", lambda self, every, parameter: None)),
    "statistics of the own share": ("batch", (batchnorm.AllReduce, "apply", staticmethod(unsummed))),
    "dropout by the own share": ("batch", (PlacedNetwork, "draw", own_draw(PlacedNetwork.draw))),
    "gradients of what all read not added up": ("groups", (collectives, "all_reduce", unsummed)),
}


def wrong_steps(names: list[str]) -> list[Any]:
    """In one of two processes: the record of each wrong runtime."""
    graph = netspec.loads(networks.BRANCHING).graph
    found = []
    for name in names:
        split, (where, attribute, wrong) = WRONG[name]
        team = join(arrange(graph, 2, split), torch.device("cpu"))  # type: ignore[arg-type]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(where, attribute, wrong)
            network = PlacedNetwork(place(graph, team.arrangement), team)
            found.append(verification.steps(network, TRIAL, initial_state(graph, TRIAL)))
    return found


@pytest.fixture(scope="module")
def records() -> dict[str, Any]:
    return dict(zip(WRONG, together(2, wrong_steps, list(WRONG))[0], strict=True))


@pytest.mark.ci  # several processes, again and again
@pytest.mark.parametrize("name", WRONG)
def test_it_is_caught(name: str, records: dict[str, Any]) -> None:
    graph = netspec.loads(networks.BRANCHING).graph
    found = difference(run_on_one_device(graph, TRIAL, initial_state(graph, TRIAL)), records[name], "float64")
    assert found.largest > 1e-4, found
