"""Training steps on several devices agree with one device: losses, gradients, weights, velocities, statistics."""

from __future__ import annotations

import re
import sys
from typing import Any

import networks
import pytest
import torch
from places import SPECS as SPECS_FOLDER
from ranks import call_on_ranks

import netspec
from netspec.parallel.mesh import join_mesh
from netspec.parallel.network import PlacedNetwork
from netspec.passes.placing import arrange, place_on_devices
from netspec.train.processes import verification
from netspec.train.processes.differences import TOLERANCES, Record, difference
from netspec.train.processes.verification import Trial, initial_state, run_on_one_device

SPECS = {
    "branching": networks.BRANCHING,
    "in parts": networks.IN_PARTS,
    "towers": networks.TOWERS,
    "plain": networks.PLAIN,
    "modern": networks.MODERN,
    "modern in one group": networks.MODERN.replace("gpus 2\n", "").replace("gpu=0", ""),
    "enlarging": networks.ENLARGING,
    "enlarging in one group": networks.ENLARGING.replace("gpus 2\n", "").replace("gpu=0", "").replace("gpu=1", ""),
    "alexnet": networks.SMALL_ALEXNET,
    "alexnet on large images": (SPECS_FOLDER / "alexnet-tiny.net").read_text("utf-8"),
    "no loss reaches all": "gpus 2\n[image] input 3x8x8\n[c] conv filters=4 kernel=3 neuron=relu\n[s] sumsquares\n"
    "[g] fc inputs=c outputs=4 gpu=1\n[f] fc outputs=4 gpu=all\n[p] softmax\n",
    # Layers are joined in another order than that of their groups, and features are normalised over the batch.
    "joined": "gpus 2\n[image] input 3x6x6\n[a] conv filters=4 kernel=1 gpu=0 inputs=image\n"
    "[b] conv filters=4 kernel=3 pad=1 gpu=1 inputs=image\n[j] concat inputs=b,a gpu=all\n[c] conv filters=4 kernel=3\n"
    "[f] fc outputs=8\n[n] batchnorm\n[r] relu\n[g] fc outputs=4 reads=all\n[p] softmax\n",
}


def with_rule(text: str, optimizer: str) -> str:
    """Return a spec with another update rule."""
    return re.sub(r"optimizer=sgd\([^)]*\)", f"optimizer={optimizer}", text)


SPECS |= {
    "nesterov": with_rule(networks.IN_PARTS, "sgd(weight_decay=5e-4, nesterov=yes)"),
    "adam": with_rule(networks.IN_PARTS, "adam(weight_decay=1e-3)"),
    "adamw": with_rule(networks.TOWERS, "adamw(lr=0.01)"),
    "rmsprop": with_rule(networks.IN_PARTS, "rmsprop(momentum=0.9, eps_in_root=0.001, start=1, weight_decay=1e-4)"),
    "clipped": networks.IN_PARTS.replace("train", "train clip_gradients=norm(0.01)"),
    "clipped towers": networks.TOWERS.replace("train", "train clip_gradients=norm(0.01)"),
    "clipped values": networks.TOWERS.replace("train", "train clip_gradients=value(0.001)"),
    "centered": with_rule(networks.TOWERS, "rmsprop(lr=0.01, centered=yes)"),
    "adagrad": with_rule(networks.TOWERS, "adagrad"),
    "lars": with_rule(networks.IN_PARTS, "lars(lr=0.1, weight_decay=1e-3, trust=0.1)"),
    "lars on towers": with_rule(networks.TOWERS, "lars(lr=0.1, adapt=all)"),
    "lamb": with_rule(networks.TOWERS, "lamb(lr=0.01)"),
    "adadelta": with_rule(networks.TOWERS, "adadelta(weight_decay=1e-3)"),
    "adam on biases without gradients": "[image] input 3x10x10\n[c] conv filters=8 kernel=3\n[n] batchnorm\n"
    "[relu] relu\n[f] fc outputs=4\n[p] softmax\ntrain optimizer=adam(lr=0.01, eps=1e-12)\n",
}
"""The gradients of biases before a batch normalisation are 0 up to rounding."""

Row = tuple[str, str, int]
"""A network's name, a split, and the number of images per step."""

ON_TWO: list[Row] = [
    ("branching", "groups", 8), ("branching", "batch", 7), ("branching", "hybrid", 8), ("modern", "groups", 3),
    ("no loss reaches all", "groups", 4), ("alexnet", "groups", 3), ("alexnet", "batch", 3), ("alexnet", "hybrid", 4),
    ("adam", "hybrid", 8), ("rmsprop", "groups", 6), ("clipped", "hybrid", 8),
    ("lars", "groups", 6), ("lars", "hybrid", 8),
    ("enlarging", "groups", 3), ("enlarging", "hybrid", 4), ("joined", "groups", 4), ("joined", "hybrid", 4),
]  # fmt: skip
MORE_ON_TWO: list[Row] = [
    ("in parts", "batch", 8), ("towers", "batch", 5), ("plain", "batch", 5), ("modern in one group", "hybrid", 4),
    ("nesterov", "groups", 6), ("adam", "groups", 6), ("adam on biases without gradients", "batch", 8),
    ("adam on biases without gradients", "hybrid", 8), ("towers", "groups", 5), ("plain", "hybrid", 6),
    ("in parts", "groups", 6), ("in parts", "hybrid", 8), ("adamw", "batch", 5),
    ("clipped", "groups", 6), ("clipped towers", "groups", 5), ("clipped towers", "batch", 5),
    ("clipped values", "groups", 5),
    ("rmsprop", "hybrid", 8), ("centered", "batch", 5), ("adagrad", "groups", 5),
    ("lars on towers", "groups", 5), ("lamb", "groups", 5), ("lamb", "batch", 5), ("adadelta", "groups", 5),
    ("enlarging", "batch", 5),
    ("enlarging in one group", "hybrid", 4),
]  # fmt: skip
ON_FOUR: list[Row] = [
    ("branching", "hybrid", 8), ("towers", "groups", 5), ("alexnet", "groups", 4), ("alexnet", "batch", 4),
    ("alexnet", "hybrid", 4),
]  # fmt: skip
MORE_ON_FOUR: list[Row] = [
    ("branching", "batch", 6), ("towers", "hybrid", 4), ("plain", "hybrid", 8), ("in parts", "groups", 8),
    ("modern", "hybrid", 4), ("adam", "groups", 8), ("adamw", "groups", 5), ("branching", "groups", 7),
    ("clipped towers", "hybrid", 8), ("clipped towers", "groups", 5), ("lars", "groups", 8), ("lamb", "hybrid", 8),
    ("plain", "batch", 7), ("modern", "groups", 7), ("nesterov", "hybrid", 8),
]  # fmt: skip
ON_THREE: list[Row] = [("branching", "batch", 7), ("plain", "hybrid", 6), ("towers", "batch", 4)]
ON_EIGHT: list[Row] = [("towers", "groups", 8), ("branching", "groups", 9), ("alexnet on large images", "hybrid", 8)]


def trial(row: Row) -> Trial:
    return Trial(batch=row[2], steps=2, seed=3, number="float64", device="cpu")


def records_of(rows: list[Row], devices: int) -> list[Record]:
    """Run all rows, and return their records; called in each of several processes."""
    records = []
    for row in rows:
        graph = netspec.loads(SPECS[row[0]]).graph
        mesh = join_mesh(arrange(graph, devices, row[1]), torch.device("cpu"))  # type: ignore[arg-type]
        start = initial_state(graph, trial(row))
        records.append(
            verification.steps(PlacedNetwork(place_on_devices(graph, mesh.arrangement), mesh), trial(row), start)
        )
    assert "sympy" not in sys.modules, "some of torch's functions import it, which takes a second in each process"
    return records


def compare_with_one_device(rows: list[Row], devices: int) -> None:
    """Run all rows on this number of devices and on one, and check that the records of every process agree."""
    expected = []
    for row in rows:
        graph = netspec.loads(SPECS[row[0]]).graph
        expected.append(run_on_one_device(graph, trial(row), initial_state(graph, trial(row))))
    records: list[list[Any]] = call_on_ranks(devices, records_of, rows, devices)
    for rank, of_rank in enumerate(records):
        for row, one, several in zip(rows, expected, of_rank, strict=True):
            change = difference(one, several, "float64")
            assert change.largest <= TOLERANCES["float64"], (row, rank, change)


@pytest.mark.ci
@pytest.mark.parametrize(("rows", "devices"), [(ON_TWO, 2), (ON_FOUR, 4)], ids=["2", "4"])
def test_steps_on_two_or_four_devices_agree_with_one(rows: list[Row], devices: int) -> None:
    compare_with_one_device(rows, devices)


@pytest.mark.slow  # more processes than a small machine has cores, or more of the same
@pytest.mark.parametrize(
    ("rows", "devices"),
    [(MORE_ON_TWO, 2), (MORE_ON_FOUR, 4), (ON_THREE, 3), (ON_EIGHT, 8)],
    ids=["2", "4", "3", "8"],
)
def test_more_steps_on_several_devices_agree_with_one(rows: list[Row], devices: int) -> None:
    compare_with_one_device(rows, devices)
