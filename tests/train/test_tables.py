"""Weights that a connection table leaves out are 0, and stay so, whatever a training does to those that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from rich.console import Console
from safetensors.torch import save_file
from torch import Tensor

import netspec
from netspec.cli import main
from netspec.ir.graph import Graph
from netspec.passes.fast import NAMES, forms_of
from netspec.train.config import Request
from netspec.train.errors import TrainError
from netspec.train.learning.objective import build
from netspec.train.learning.optimiser import optimiser_of, velocities
from netspec.train.reporting.console import Reporter
from netspec.train.run import train
from netspec.train.runs import checkpoint
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


def absent(graph: Graph, tensors: dict[str, Tensor]) -> list[Tensor]:
    """The numbers in places where there is no weight, of every weight with a table."""
    found = []
    for key, parameter in graph.parameters.items():
        if parameter.table is not None:
            mask = torch.tensor(parameter.table.mask(parameter.shape[1]))
            found.append(tensors[key][mask == 0])
    assert [len(x) for x in found] == [3, 8]
    return found


def all_zero(graph: Graph, tensors: dict[str, Tensor]) -> bool:
    return all(bool((x == 0).all()) for x in absent(graph, tensors))


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
    assert all_zero(graph, before)
    chance = torch.Generator().manual_seed(1)
    for step in range(5):
        optimiser.zero_grad()
        images, labels = torch.randn(8, 3, 8, 8, generator=chance), torch.randint(4, (8,), generator=chance)
        objective.gradients(images, labels, seed=0, step=step)
        optimiser.step()
    after = objective.module.state_dict()
    assert all_zero(graph, after)
    assert all_zero(graph, velocities(objective.module, optimiser))
    for key in ("c1.weight", "c2.weight"):
        table = graph.parameters[key].table
        assert table is not None
        there = torch.tensor(table.mask(after[key].shape[1])) == 1
        assert bool((after[key][there] != before[key][there]).all()), key


def test_a_run_and_what_goes_on_with_it(tmp_path: Path) -> None:
    text = spec("schedule=linear(0.1, noise=0.5)", "epochs=1 ema=0.9")
    quiet = Reporter(Console(quiet=True))
    graph = netspec.loads(text).graph
    run = train(graph, text, "tabled", Request("synthetic", out=tmp_path / "run", threads=1, steps=6), quiet).folder
    first = checkpoint.load(checkpoint.saved(run / "checkpoints")[-1])
    weights = first["weights"]
    for tensors in (weights, first["average"]["weights"], first["optimiser"]["velocities"]):
        assert all_zero(graph, tensors)
    more = Request("synthetic", out=tmp_path / "more", threads=1, steps=4, weights=run)
    second = train(graph, text, "tabled", more, quiet).folder
    again = checkpoint.load(checkpoint.saved(second / "checkpoints")[-1])["weights"]
    assert all_zero(graph, again)
    assert not torch.equal(again["c1.weight"], weights["c1.weight"])


def test_weights_that_the_table_leaves_out_are_not_taken(tmp_path: Path) -> None:
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
    assert all_zero(graph, module.state_dict())


def test_what_stands_in_absent_places_counts_for_nothing() -> None:
    graph = netspec.loads(spec()).graph
    module = build(graph, 1, "cpu").module.eval()
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    wanted = module(images)
    state = module.state_dict()
    for key, parameter in graph.parameters.items():
        if parameter.table is not None:
            mask = torch.tensor(parameter.table.mask(parameter.shape[1]))
            state[key][mask == 0] = 7.0
    assert torch.equal(module(images), wanted)


def test_it_goes_on_to_the_bit(tmp_path: Path) -> None:
    text = spec(train="epochs=1 ema=0.9")
    (tmp_path / "tabled.net").write_text(text)
    command = ("train", str(tmp_path / "tabled.net"), "--data", "synthetic", "--threads", "1", "--quiet")

    def saved(run: str, *arguments: str) -> dict[str, Any]:
        done = CliRunner().invoke(main, [*arguments, str(tmp_path / run)])
        assert done.exit_code == 0, done.output
        return checkpoint.load(checkpoint.saved(tmp_path / run / "checkpoints")[-1])

    whole = saved("whole", *command, "--steps", "6", "--out")
    saved("parts", *command, "--steps", "3", "--out")
    parts = saved("parts", "train", "--quiet", "--steps", "6", "--resume")
    for key, tensor in whole["weights"].items():
        assert torch.equal(parts["weights"][key], tensor), key
    assert all_zero(netspec.loads(text).graph, parts["weights"])
