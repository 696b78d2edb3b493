"""Dense networks on two devices: loss, gradients and evaluation are those on one, for masks that differ in what
counts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from ranks import call_on_ranks
from torch import Tensor

import netspec
from netspec.ir.graph import Graph
from netspec.passes.label_grid import label_sizes
from netspec.passes.placing import arrange
from netspec.passes.score_grid import UNLABELLED
from netspec.passes.torch_names import state_keys
from netspec.train.learning.objective import Objective, build
from netspec.train.learning.task import task_of
from netspec.train.learning.validation import evaluate
from netspec.train.processes.distributed import distribute
from netspec.train.processes.world import Readers, World

LAYERS = """
[image] input 3x9x9
[down] conv filters=8 kernel=3 stride=2 init=gaussian(0.3) neuron=relu
[drop] dropout rate=0.3
[up] deconv filters=8 kernel=3 stride=2 init=gaussian(0.3) neuron=relu
"""
WHOLE = LAYERS + "[scores] conv filters=4 kernel=1 init=gaussian(0.3)\n"
GROUPED = "gpus 2\n" + WHOLE.replace("kernel=1", "kernel=1 reads=all")
ON_ONE = "gpus 2\n" + WHOLE.replace("kernel=1", "kernel=1 reads=all gpu=1")
AUXILIARY = """
[aux-scores] conv filters=6 kernel=1 inputs=down init=gaussian(0.3)
[aux] crossentropy loss_weight=0.4
[small] sumsquares loss_weight=0.01 inputs=down
[loss] crossentropy inputs=scores
"""
DECODER = "[image] input 3x4x4\n[code] fc outputs=8 init=gaussian(0.3)\n[scores] fc outputs=64 init=gaussian(0.3)\n"
DECODED = DECODER + "[maps] reshape size=4x4x4\n"

CASES: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "by batch": (WHOLE, "batch", 7, {}),
    "accumulated": (WHOLE, "batch", 7, {"accumulate": 3}),
    "smoothed": (WHOLE, "hybrid", 8, {"label_smoothing": 0.1}),
    "weighted": (WHOLE, "hybrid", 8, {"accumulate": 3, "label_smoothing": 0.1, "class_weights": (0.1, 3.0, 0.0, 7.5)}),
    "in groups": (GROUPED, "groups", 6, {"accumulate": 2}),
    "scores of one group": (ON_ONE, "groups", 6, {}),
    "of several losses": (WHOLE + AUXILIARY, "batch", 7, {"accumulate": 3}),
    "in groups of several losses": (GROUPED + AUXILIARY, "groups", 6, {}),
    "weighted by the classes": (
        WHOLE + AUXILIARY.replace("[small] sumsquares loss_weight=0.01 inputs=down\n", "").replace("6", "4"),
        "hybrid",
        8,
        {"accumulate": 2, "label_smoothing": 0.1, "class_weights": (0.1, 3.0, 0.0, 7.5)},
    ),
    "by feature": (DECODED, "hybrid", 8, {}),
}
"""Spec, split, batch size, and settings of the train line."""

COUNTS = (9, 1, 4)
"""The numbers of images in the batches of an evaluation, which two devices cannot share equally, or can."""


def graph_of(case: str) -> Graph:
    graph = netspec.loads(CASES[case][0]).graph
    return dataclasses.replace(graph, train=dataclasses.replace(graph.train, **CASES[case][3]))


def random_batch(graph: Graph, images: int) -> tuple[Tensor, Tensor]:
    """Return images and masks; the share of unlabelled pixels grows from image to image."""
    generator = torch.Generator().manual_seed(images)
    x = torch.randn(images, *graph.input.output, generator=generator)
    labels = torch.randint(4, (images, *label_sizes(graph)), generator=generator).byte()
    labels[torch.rand(labels.shape, generator=generator) < torch.linspace(0, 1, images)[:, None, None]] = UNLABELLED
    return x, labels


def results(objective: Objective, batch: int) -> dict[str, Any]:
    """Return the loss and the gradients of a step, and an evaluation."""
    objective.module.train()
    x, labels = random_batch(objective.graph, batch)
    loss = objective.gradients(x[objective.training_rows(batch)], labels, 5, 2)
    own = {key: p.grad for key, p in objective.module.named_parameters() if p.grad is not None}
    whole = objective.full_tensors(own, tuple(state_keys(objective.graph).values()))
    x, labels = random_batch(objective.graph, max(COUNTS))
    batches = [(x[objective.evaluation_rows(n)], labels[:n]) for n in COUNTS]
    evaluation = evaluate(objective, batches, 5, task_of(objective.graph, "abcd").totals)
    assert evaluation is not None
    return {"loss": loss, "gradients": whole, "evaluation": dataclasses.asdict(evaluation)}


def results_on_devices(cases: list[str], devices: int) -> dict[str, Any]:
    """Run in each of several processes. Return the results of all cases."""
    by_case = {}
    for case in cases:
        graph = graph_of(case)
        shared = distribute(build(graph, 1, "cpu"), arrange(graph, devices, CASES[case][1]))  # type: ignore[arg-type]
        by_case[case] = results(shared, CASES[case][2])
    return by_case


@pytest.mark.ci  # several processes
def test_two_devices_compute_what_one_does() -> None:
    several = call_on_ranks(2, results_on_devices, list(CASES), 2)
    for case in CASES:
        one = results(build(graph_of(case), 1, "cpu"), CASES[case][2])
        assert one["evaluation"]["images"] == sum(COUNTS)
        for rank in range(2):
            two = several[rank][case]
            assert float(two["loss"]) == pytest.approx(float(one["loss"]), rel=2e-5)
            iou = two["evaluation"].pop("iou")
            assert iou == pytest.approx(one["evaluation"]["iou"])
            assert two["evaluation"] == pytest.approx({k: x for k, x in one["evaluation"].items() if k != "iou"})
            for key, expected in one["gradients"].items():
                difference = (two["gradients"][key] - expected).abs().max() / max(float(expected.abs().max()), 1e-2)
                assert difference <= 2e-5, (case, key, difference)


def whole_masks(rows: list[list[int]], count: int) -> list[list[int]]:
    """Run in each of several processes. Return the labels of a batch, given those of its own rows: 10 each."""
    import torch.distributed as dist

    own = np.array(rows[dist.get_rank()])
    masks = np.full((len(own), 2), 10, np.uint8) * own[:, None].astype(np.uint8)
    readers = Readers(World(dist.get_rank(), dist.get_world_size()), np.arange)
    labels: list[list[int]] = readers.whole(masks, own, count).tolist()
    return labels


@pytest.mark.ci  # several processes
def test_processes_share_the_masks_that_they_read() -> None:
    every = [[10 * row] * 2 for row in range(4)]
    assert call_on_ranks(2, whole_masks, [[0, 2], [1, 3]], 4) == [every, every]
    assert call_on_ranks(2, whole_masks, [[0, 1, 2, 3]] * 2, 4) == [every, every]
