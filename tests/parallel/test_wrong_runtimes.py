"""Mutation tests: the comparison with one device fails if the parallel runtime has any of these errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networks
import pytest
import torch
from ranks import call_on_ranks
from torch import Tensor

import netspec
from netspec.parallel import batchnorm, collectives, gradients
from netspec.parallel.mesh import join_mesh
from netspec.parallel.network import PlacedNetwork
from netspec.passes.placing import arrange, place_on_devices
from netspec.train.processes import verification
from netspec.train.processes.differences import difference
from netspec.train.processes.verification import Trial, initial_state, run_on_one_device

TRIAL = Trial(batch=8, steps=2, seed=3, number="float64", device="cpu")


def rotated_gather(x: Tensor, dim: int, group: Any) -> Tensor:
    """Join the shares in the wrong order."""
    return right_gather(x, dim, group).roll(1, dim)


def without_sum(x: Tensor, group: Any = None) -> Tensor:
    """Return the process's own value instead of the sum over all processes."""
    return x.clone()


def number_images_from_zero(right: Callable[..., None]) -> Callable[..., None]:
    """Number the images of each process from 0 when dropout is drawn, so that processes draw the same numbers."""
    return lambda self, seed, step, first, start: right(self, seed, step, first, 0)


right_gather = collectives.all_gather

WRONG = {
    "shares joined in the wrong order": ("groups", (collectives, "all_gather", rotated_gather)),
    "gradients not summed": ("batch", (gradients.Gradients, "_start", lambda self, every, parameter: None)),
    "batch statistics not summed": ("batch", (batchnorm.AllReduce, "apply", staticmethod(without_sum))),
    "same dropout on all devices": (
        "batch",
        (PlacedNetwork, "set_random_state", number_images_from_zero(PlacedNetwork.set_random_state)),
    ),
    "gradients of copied values not summed": ("groups", (collectives, "all_reduce", without_sum)),
}
"""By error: the split to run, and the object, attribute and value that replaces it."""


def records_of(names: list[str]) -> list[Any]:
    """Return the training record of each wrong runtime; called in each of two processes."""
    graph = netspec.loads(networks.BRANCHING).graph
    records = []
    for name in names:
        split, (owner, attribute, wrong) = WRONG[name]
        mesh = join_mesh(arrange(graph, 2, split), torch.device("cpu"))  # type: ignore[arg-type]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, attribute, wrong)
            network = PlacedNetwork(place_on_devices(graph, mesh.arrangement), mesh)
            records.append(verification.steps(network, TRIAL, initial_state(graph, TRIAL)))
    return records


@pytest.fixture(scope="module")
def records() -> dict[str, Any]:
    return dict(zip(WRONG, call_on_ranks(2, records_of, list(WRONG))[0], strict=True))


@pytest.mark.ci  # starts two processes and runs five trainings
@pytest.mark.parametrize("name", WRONG)
def test_error_changes_the_record(name: str, records: dict[str, Any]) -> None:
    graph = netspec.loads(networks.BRANCHING).graph
    change = difference(run_on_one_device(graph, TRIAL, initial_state(graph, TRIAL)), records[name], "float64")
    assert change.largest > 1e-4, change
