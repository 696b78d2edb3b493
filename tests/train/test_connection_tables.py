"""Weights that a connection table leaves out are 0, and stay 0 in a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from processes import invoke
from reporters import QUIET
from run_folders import newest_checkpoint
from safetensors.torch import save_file
from torch import Tensor

import netspec
from netspec.ir.graph import Graph
from netspec.passes.fast import NAMES, forms_of
from netspec.train.config import Request
from netspec.train.errors import TrainError
from netspec.train.learning.objective import build
from netspec.train.learning.optimiser import optimiser_of, state_of
from netspec.train.run import train
from netspec.train.tensors.fitting import fit
from netspec.train.tensors.weights import read_weights

SPEC = """\
net tabled
[image] input 3x8x8 range=1 mean=image
[c1] conv filters=4 kernel=3 table=0+1,1+2,0+2,0+1+2 {keys} neuron=relu
[s1] affine init=constant(0.25) neuron=tanh
[c2] conv filters=4 kernel=3 table=0,1+2,3,0+1+2+3 init=gaussian(0.3)
[fc] fc outputs=4
[prob] softmax
train batch=32 optimizer=sgd(lr=0.1, momentum=0.9, weight_decay=0.05) {train}
"""


def spec(keys: str = "", train: str = "") -> str:
    return SPEC.format(keys=keys, train=train)


def absent_weights(graph: Graph, tensors: dict[str, Tensor]) -> list[Tensor]:
    """Return the values that connection tables leave out, for each tensor with a table."""
    absent = []
    for key, parameter in graph.parameters.items():
        if parameter.table is not None:
            mask = torch.tensor(parameter.table.mask(parameter.shape[1]))
            absent.append(tensors[key][mask == 0])
    assert [len(x) for x in absent] == [3, 8]
    return absent


def absent_are_zero(graph: Graph, tensors: dict[str, Tensor]) -> bool:
    return all(bool((x == 0).all()) for x in absent_weights(graph, tensors))


@pytest.mark.parametrize(
    ("keys", "train"),
    [
        ("fixed_norm=1.5 schedule=linear(0.1, noise=0.5)", "accumulate=4"),
        ("", ""),
        ("max_norm=0.5", "ema=0.9"),
        ("super_eps=1 update_every=1", "accumulate=2"),
        ("decay_mult=3 momentum=0.5", "precision=bf16 channels_last=yes"),
    ],
)
@pytest.mark.many
@pytest.mark.parametrize("passes", [(), NAMES], ids=["plain", "passes"])
def test_absent_weights_stay_zero(keys: str, train: str, passes: tuple[str, ...]) -> None:
    graph = netspec.loads(spec(keys, train)).graph
    forms = forms_of(graph, passes)
    objective = build(graph, 1, "cpu", forms)
    optimiser = optimiser_of(graph, objective.module, fused=forms.fused_update)
    before = {key: tensor.clone() for key, tensor in objective.module.state_dict().items()}
    assert absent_are_zero(graph, before)
    generator = torch.Generator().manual_seed(1)
    for step in range(5):
        optimiser.zero_grad()
        images, labels = torch.randn(8, 3, 8, 8, generator=generator), torch.randint(4, (8,), generator=generator)
        objective.gradients(images, labels, seed=0, step=step)
        optimiser.step()
    after = objective.module.state_dict()
    assert absent_are_zero(graph, after)
    assert absent_are_zero(graph, state_of(objective.module, optimiser, "velocities"))
    for key in ("c1.weight", "c2.weight"):
        table = graph.parameters[key].table
        assert table is not None
        present = torch.tensor(table.mask(after[key].shape[1])) == 1
        assert bool((after[key][present] != before[key][present]).all()), key


def test_absent_weights_are_zero_in_a_run_and_its_continuation(tmp_path: Path) -> None:
    net = netspec.loads(spec("schedule=linear(0.1, noise=0.5)", "epochs=1 ema=0.9"))
    graph = net.graph
    run = train(net, "tabled", Request("synthetic", out=tmp_path / "run", threads=1, steps=6), QUIET).folder
    first = newest_checkpoint(run)
    weights = first["weights"]
    for tensors in (weights, first["average"]["weights"], first["optimiser"]["velocities"]):
        assert absent_are_zero(graph, tensors)
    request = Request("synthetic", out=tmp_path / "more", threads=1, steps=4, weights=run)
    second = newest_checkpoint(train(net, "tabled", request, QUIET).folder)["weights"]
    assert absent_are_zero(graph, second)
    assert not torch.equal(second["c1.weight"], weights["c1.weight"])


def test_file_with_weights_that_the_table_leaves_out_is_rejected(tmp_path: Path) -> None:
    graph = netspec.loads(spec()).graph
    dense = netspec.loads(spec().replace("table=0+1,1+2,0+2,0+1+2", "")).graph
    module = build(graph, 1, "cpu").module
    path = tmp_path / "dense.safetensors"
    save_file(build(dense, 2, "cpu").module.state_dict(), path)
    with pytest.raises(TrainError) as caught:
        fit(graph, module, read_weights(path, pytest.fail))
    assert caught.value.notes == ("c1.weight has 3 kernels in the file that c1's table leaves out",)
    fitted = fit(graph, module, read_weights(path, pytest.fail), ["c1"])
    assert fitted.fresh == ("c1",)
    assert absent_are_zero(graph, module.state_dict())


def test_values_of_absent_weights_are_ignored() -> None:
    graph = netspec.loads(spec()).graph
    module = build(graph, 1, "cpu").module.eval()
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    expected = module(images)
    state = module.state_dict()
    for key, parameter in graph.parameters.items():
        if parameter.table is not None:
            mask = torch.tensor(parameter.table.mask(parameter.shape[1]))
            state[key][mask == 0] = 7.0
    assert torch.equal(module(images), expected)


def test_run_with_tables_resumes_bit_for_bit(tmp_path: Path) -> None:
    text = spec(train="epochs=1 ema=0.9")
    (tmp_path / "tabled.net").write_text(text)
    command = ("train", str(tmp_path / "tabled.net"), "--data", "synthetic", "--threads", "1", "--quiet")

    def train_and_load(run: str, *arguments: str) -> dict[str, Any]:
        done = invoke(*arguments, tmp_path / run)
        assert done.exit_code == 0, done.output
        return newest_checkpoint(tmp_path / run)

    whole = train_and_load("whole", *command, "--steps", "6", "--out")
    train_and_load("parts", *command, "--steps", "3", "--out")
    parts = train_and_load("parts", "train", "--quiet", "--steps", "6", "--resume")
    for key, tensor in whole["weights"].items():
        assert torch.equal(parts["weights"][key], tensor), key
    assert absent_are_zero(netspec.loads(text).graph, parts["weights"])
