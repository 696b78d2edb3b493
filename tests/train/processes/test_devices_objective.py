"""Loss, gradients and scores on two devices are those on one, for all options of training and odd batch sizes."""

from __future__ import annotations

import dataclasses
from typing import Any

import networks
import pytest
import torch
from ranks import call_on_ranks
from torch import Tensor

import netspec
from netspec.ir.graph import Graph
from netspec.passes.placing import arrange
from netspec.passes.torch_names import state_keys
from netspec.train.learning.objective import Objective, build
from netspec.train.learning.optimiser import optimiser_of, state_names, state_of
from netspec.train.learning.validation import evaluate
from netspec.train.processes.distributed import distribute

SPECS = {"branching": networks.BRANCHING, "towers": networks.TOWERS, "plain": networks.PLAIN}

CASES: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "accumulated": ("branching", "groups", 7, {"accumulate": 3}),
    "accumulated by batch": ("plain", "batch", 7, {"accumulate": 3}),
    "accumulated by feature": ("plain", "hybrid", 8, {"accumulate": 2}),
    "updated early": (
        "branching",
        "groups",
        8,
        {"accumulate": 4, "updates": {"bn": 1, "fc1": 1, "scores": 2, "left": 2}},
    ),
    "updated early by batch": ("plain", "batch", 8, {"accumulate": 2, "updates": {"fc": 1, "scores": 1}}),
    "updated early by feature": ("plain", "hybrid", 8, {"accumulate": 2, "updates": {"fc": 1, "conv": 1}}),
    "divided": ("branching", "groups", 8, {"divided": {"a", "two", "fc1", "scores"}}),
    "divided by feature": ("plain", "hybrid", 8, {"divided": {"conv", "fc"}}),
    "channels last": ("branching", "groups", 6, {"channels_last": True}),
    "channels last by feature": ("branching", "hybrid", 6, {"channels_last": True}),
    "smoothed": ("towers", "groups", 5, {"label_smoothing": 0.1}),
    "weighted": ("branching", "groups", 7, {"accumulate": 3, "class_weights": (1.0, 5.0, 0.0, 0.3, 2.0, 1.0)}),
    "weighted by batch": ("plain", "batch", 7, {"class_weights": (1.0, 5.0, 0.0, 0.3)}),
    "weighted of owners": ("towers", "groups", 5, {"label_smoothing": 0.1, "class_weights": (1.0, 5.0, 0.0, 0.3)}),
    "weighted by feature": ("plain", "hybrid", 8, {"accumulate": 2, "class_weights": (1.0, 5.0, 0.0, 0.3)}),
    "bf16": ("plain", "batch", 8, {"precision": "bf16"}),
    "bf16 by feature": ("plain", "hybrid", 8, {"precision": "bf16"}),
    "bf16 in groups": ("branching", "groups", 8, {"precision": "bf16"}),
    "bf16 of owners": ("towers", "groups", 8, {"precision": "bf16"}),
}
"""Network, split, batch size, and settings of the train line. In addition, ``updates`` gives layers an
``update_every``, and ``divided`` lists layers with a ``super_eps``."""

EVALUATED = 9
"""The number of images in an evaluation, which two devices cannot share equally."""


def graph_of(case: str) -> Graph:
    spec, _, _, train = CASES[case]
    graph = netspec.loads(SPECS[spec]).graph
    updates = train.get("updates", {})
    eps = {
        key: 0.5 for key, p in graph.parameters.items() if p.layer in train.get("divided", ()) and p.role == "weight"
    }
    parameters = {
        key: p._replace(update_every=updates.get(p.layer), super_eps=eps.get(key))
        for key, p in graph.parameters.items()
    }
    options = {key: value for key, value in train.items() if key not in ("updates", "divided")}
    settings = dataclasses.replace(graph.train, **options)
    return dataclasses.replace(graph, train=settings, parameters=parameters)


def random_batch(graph: Graph, images: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(images)
    x = torch.randn(images, *graph.input.output, generator=generator)
    return x, torch.randint(graph.scores.output.units, (images,), generator=generator)


def results(objective: Objective, batch: int) -> dict[str, Any]:
    """Return the loss and the gradients of a step, and the scores and an evaluation after it."""
    objective.module.train()
    x, labels = random_batch(objective.graph, batch)
    optimiser = optimiser_of(objective.graph, objective.module)
    loss = objective.gradients(x[objective.training_rows(batch)], labels, 5, 2, optimiser.step)
    own = {key: p.grad for key, p in objective.module.named_parameters() if p.grad is not None}
    whole = objective.full_tensors(own, tuple(state_keys(objective.graph).values()))
    for kind in ("means", "squares"):
        own = state_of(objective.module, optimiser, kind)
        tensors = objective.full_tensors(own, state_names(objective.graph)[kind])
        whole |= {f"{kind} of {key}": x for key, x in tensors.items()}
    x, labels = random_batch(objective.graph, EVALUATED)
    objective.module.eval()
    objective.set_evaluation_random_state(5, 0, EVALUATED)
    with torch.no_grad():
        _, scores = objective.loss_and_scores(x[objective.evaluation_rows(EVALUATED)], labels)
    evaluation = evaluate(objective, [(x[objective.evaluation_rows(n)], labels[:n]) for n in (EVALUATED, 1, 4)])
    assert evaluation is not None
    return {"loss": loss, "gradients": whole, "scores": scores, "evaluation": dataclasses.asdict(evaluation)}


def results_on_devices(cases: list[str], devices: int) -> dict[str, Any]:
    """Run in each of several processes. Return the results of all cases."""
    by_case = {}
    for case in cases:
        _, split, batch, _ = CASES[case]
        graph = graph_of(case)
        whole = build(graph, 1, "cpu")
        shared = distribute(whole, arrange(graph, devices, split))  # type: ignore[arg-type]
        assert all(tensor.is_meta for tensor in whole.module.state_dict().values())  # the whole network is freed
        by_case[case] = results(shared, batch)
    return by_case


@pytest.fixture(scope="module")
def several() -> list[dict[str, Any]]:
    return call_on_ranks(2, results_on_devices, list(CASES), 2)


@pytest.mark.ci  # several processes
@pytest.mark.parametrize("case", CASES)
def test_two_devices_compute_what_one_does(case: str, several: list[dict[str, Any]]) -> None:
    one = results(build(graph_of(case), 1, "cpu"), CASES[case][2])
    tolerance = 4e-2 if case.startswith("bf16") else 2e-5
    for rank in range(2):
        two = several[rank][case]
        assert float(two["loss"]) == pytest.approx(float(one["loss"]), rel=tolerance)
        torch.testing.assert_close(two["scores"], one["scores"], rtol=tolerance, atol=tolerance)
        assert two["evaluation"] == pytest.approx(one["evaluation"], rel=tolerance)
        assert two["gradients"].keys() == one["gradients"].keys()
        for key, expected in one["gradients"].items():
            difference = (two["gradients"][key] - expected).abs().max() / max(float(expected.abs().max()), 1e-2)
            assert difference <= tolerance, (key, difference)
