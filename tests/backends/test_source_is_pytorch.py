"""The generated program computes what the module computes, bit for bit: values, gradients, training steps."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import Case, cases
from comparing import SPECS, is_large, random_labels
from places import ROOT
from programs import network, program
from torch import Tensor

import netspec
from netspec import backend
from netspec.ir.graph import Graph
from netspec.passes.phases import phases
from netspec.passes.torch_names import attributes, state_key
from netspec.train.learning.optimiser import optimiser_for

pytestmark = pytest.mark.usefixtures("one_thread")

CASES = cases()
SMALL = [path for path in SPECS if not is_large(path)]
ALEXNET = ROOT / "specs" / "alexnet.net"

pytorch = backend.load("pytorch")


class Pair:
    """A graph's module and its program's network, with the same seed, and what both are given."""

    def __init__(self, graph: Graph, folder: Path, count: int = 3) -> None:
        self.graph = graph
        self.program: Any = program(graph, folder)
        self.module = pytorch.module(graph, seed=11)
        self.network = network(self.program)()
        self.program.initialise(self.network, 11)
        generator = torch.Generator().manual_seed(1)
        self.images = torch.randn(count, *graph.input.output, generator=generator)
        self.labels = torch.tensor(random_labels(graph, count))

    def both(self, of_module: Any, of_program: Any) -> tuple[Tensor, Tensor]:
        """Two values, with the same state of torch's own generator before each."""
        torch.manual_seed(4)
        first = of_module()
        torch.manual_seed(4)
        return first, of_program()

    def draw(self, step: int) -> None:
        """Let both draw dropout from a step of seed 4."""
        pytorch.set_draw(self.module, pytorch.Draw(4, step, first_sample=2))
        for name in ("draw", "draw_"):
            if getattr(self.network, name, self) is None or isinstance(getattr(self.network, name, self), tuple):
                setattr(self.network, name, (4, step, 2))

    def assert_same_state(self) -> None:
        wanted, found = self.module.state_dict(), self.network.state_dict()
        assert list(found) == list(wanted)
        assert [key for key in wanted if not torch.equal(found[key], wanted[key])] == []

    def assert_same_outputs(self) -> None:
        labels = [self.labels] if phases(self.graph).labelled else []
        for training in (False, True):
            x, y = self.images.clone().requires_grad_(), self.images.clone().requires_grad_()
            model, other = self.module.train(training), self.network.train(training)
            wanted, found = self.both(lambda: model(x, *labels), lambda: other(y, *labels))  # noqa: B023
            assert torch.equal(found, wanted)
            wanted.sum().backward()
            found.sum().backward()
            assert x.grad is not None
            assert y.grad is not None
            assert torch.equal(y.grad, x.grad)
        self.assert_same_gradients()
        self.assert_same_state()

    def assert_same_gradients(self) -> None:
        wanted, found = dict(self.module.named_parameters()), dict(self.network.named_parameters())
        assert list(found) == list(wanted)
        for key, parameter in wanted.items():
            if parameter.grad is None:
                assert found[key].grad is None, key
            else:
                assert torch.equal(found[key].grad, parameter.grad), key

    def assert_same_steps(self, steps: int = 3) -> None:
        """Train the module as ``netspec train`` does, the network as its program does; the rate changes once."""
        names, tensors = attributes(self.graph), dict(self.module.named_parameters())
        keyed = {key: tensors[state_key(p, names)] for key, p in self.graph.parameters.items()}
        trainer = optimiser_for(self.graph.parameters, keyed)
        optimiser = self.program.SGD(self.network)
        # Schedules of single layers are left out on both sides.
        alike: dict[str, Any] = {"own": {}} if "own" in signature(optimiser.step).parameters else {}
        self.module.train()
        self.network.train()
        for step in range(steps):
            self.draw(step)
            wanted, found = self.both(
                lambda: pytorch.training_loss(self.module, self.images, self.labels),
                lambda: self.program.loss_of(self.network, self.images, self.labels),
            )
            assert torch.equal(found, wanted)
            self.module.zero_grad()
            self.network.zero_grad()
            wanted.backward()
            found.backward()
            self.assert_same_gradients()
            trainer.factor = 1.0 if step < 2 else 0.1
            trainer.step()
            optimiser.step(trainer.factor, **alike)
            self.assert_same_state()


@pytest.mark.many
@pytest.mark.parametrize("build", CASES.values(), ids=CASES.keys())
def test_values_and_gradients(build: Case, tmp_path: Path) -> None:
    pair = Pair(build(), tmp_path)
    pair.assert_same_state()
    pair.assert_same_outputs()


TRAINED = [
    "alexnet-like", "several-inputs-and-shared-weights", "two-losses", "one-loss", "unread-layers", "linear-in-groups",
    "spread-and-in-parts", "noisy",
    "batchnorm-of-vector",
]  # fmt: skip


@pytest.mark.parametrize("name", TRAINED)
def test_three_training_steps(name: str, tmp_path: Path) -> None:
    Pair(CASES[name](), tmp_path).assert_same_steps()


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_small_specs(path: Path, tmp_path: Path) -> None:
    pair = Pair(netspec.load(path).graph, tmp_path, count=2)
    pair.assert_same_outputs()
    pair.assert_same_steps()


@pytest.mark.ci  # a step of AlexNet, twice
def test_alexnet_whole(tmp_path: Path) -> None:
    pair = Pair(netspec.load(ALEXNET).graph, tmp_path, count=1)
    pair.assert_same_state()
    pair.assert_same_steps()


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in SPECS if p not in SMALL and p != ALEXNET], ids=lambda path: path.stem)
def test_other_large_specs(path: Path, tmp_path: Path) -> None:
    pair = Pair(netspec.load(path).graph, tmp_path, count=1)
    pair.assert_same_state()
    pair.assert_same_steps()
