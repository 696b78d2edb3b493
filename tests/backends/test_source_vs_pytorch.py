"""Generated programs compute the same bits as the module: values, gradients, training steps."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import Case, cases
from classics import DISTINCT, narrow
from comparing import SPECS, is_large, random_labels
from places import ROOT
from programs import load_program, network_class, optimiser_class
from torch import Tensor

import netspec
from netspec import backend
from netspec.ir.graph import Graph
from netspec.passes.phases import phases
from netspec.passes.torch_names import state_keys
from netspec.train.learning.objective import Objective
from netspec.train.learning.optimiser import optimiser_for
from netspec.train.learning.rule import constrain

pytestmark = pytest.mark.usefixtures("one_thread")

CASES = cases()
SMALL = [path for path in SPECS if not is_large(path)]
ALEXNET = ROOT / "specs" / "alexnet.net"

pytorch = backend.load("pytorch")


class Pair:
    """A graph's module and its program's network, initialised with the same seed, and inputs for both."""

    def __init__(self, graph: Graph, folder: Path, count: int = 3) -> None:
        self.graph = graph
        self.program: Any = load_program(graph, folder)
        self.module = pytorch.module(graph, seed=11)
        self.network = network_class(self.program)()
        self.program.initialise(self.network, 11)
        generator = torch.Generator().manual_seed(1)
        self.images = torch.randn(count, *graph.input.output, generator=generator)
        self.labels = torch.tensor(random_labels(graph, count))

    def call_both(self, of_module: Any, of_program: Any) -> tuple[Tensor, Tensor]:
        """Call two functions, each with the same state of torch's generator, and return both results."""
        torch.manual_seed(4)
        first = of_module()
        torch.manual_seed(4)
        return first, of_program()

    def set_random_state(self, step: int) -> None:
        """Make both draw the dropout of this step of seed 4."""
        pytorch.set_random_state(self.module, pytorch.RandomState(4, step, first_sample=2))
        for name in ("random_state", "random_state_"):
            if getattr(self.network, name, self) is None or isinstance(getattr(self.network, name, self), tuple):
                setattr(self.network, name, (4, step, 2))

    def assert_same_state(self) -> None:
        expected, actual = self.module.state_dict(), self.network.state_dict()
        assert list(actual) == list(expected)
        assert [key for key in expected if not torch.equal(actual[key], expected[key])] == []

    def assert_same_outputs(self) -> None:
        labels = [self.labels] if phases(self.graph).labelled else []
        for training in (False, True):
            x, y = self.images.clone().requires_grad_(), self.images.clone().requires_grad_()
            model, other = self.module.train(training), self.network.train(training)
            expected, actual = self.call_both(lambda: model(x, *labels), lambda: other(y, *labels))  # noqa: B023
            assert torch.equal(actual, expected)
            expected.sum().backward()
            actual.sum().backward()
            assert x.grad is not None
            assert y.grad is not None
            assert torch.equal(y.grad, x.grad)
        self.assert_same_gradients()
        self.assert_same_state()

    def assert_same_gradients(self) -> None:
        expected, actual = dict(self.module.named_parameters()), dict(self.network.named_parameters())
        assert list(actual) == list(expected)
        for key, parameter in expected.items():
            if parameter.grad is None:
                assert actual[key].grad is None, key
            else:
                assert torch.equal(actual[key].grad, parameter.grad), key

    def assert_same_steps(self, steps: int = 3) -> None:
        """Train the module like ``netspec train``, and the network like its program; the rate changes once."""
        keys, tensors = state_keys(self.graph), dict(self.module.named_parameters())
        keyed = {key: tensors[keys[key]] for key in self.graph.parameters}
        trainer = optimiser_for(self.graph.parameters, keyed)
        optimiser = optimiser_class(self.program)(self.network)
        # Schedules of single layers are ignored on both sides.
        own: dict[str, Any] = {"own": {}} if "own" in signature(optimiser.step).parameters else {}
        labels = [self.labels] * (len(signature(self.program.loss_of).parameters) - 2)  # those of the batch, too
        self.module.train()
        self.network.train()
        for step in range(steps):
            self.set_random_state(step)
            expected, actual = self.call_both(
                lambda: pytorch.training_loss(self.module, self.images, *labels),
                lambda: self.program.loss_of(self.network, self.images, *labels),
            )
            assert torch.equal(actual, expected)
            self.module.zero_grad()
            self.network.zero_grad()
            expected.backward()
            actual.backward()
            self.assert_same_gradients()
            trainer.factor = 1.0 if step < 2 else 0.1
            trainer.step()
            optimiser.step(trainer.factor, **own)
            self.assert_same_state()


@pytest.mark.many
@pytest.mark.parametrize("build", CASES.values(), ids=CASES.keys())
def test_values_and_gradients_equal_the_modules(build: Case, tmp_path: Path) -> None:
    pair = Pair(build(), tmp_path)
    pair.assert_same_state()
    pair.assert_same_outputs()


TRAINED = [
    "alexnet-like", "several-inputs-and-shared-weights", "two-losses", "one-loss", "unread-layers", "linear-in-groups",
    "spread-and-in-parts", "noisy", "losses-of-pixels",
    "batchnorm-of-vector", "modern-blocks-with-dropout",
]  # fmt: skip


@pytest.mark.parametrize("name", TRAINED)
def test_training_steps_equal_the_modules(name: str, tmp_path: Path) -> None:
    Pair(CASES[name](), tmp_path).assert_same_steps()


def test_output_is_the_scores_beside_a_loss_of_another_layer(tmp_path: Path) -> None:
    text = "[x] input 4\n[a] fc outputs=3 neuron=relu\n[l] sumsquares loss_weight=0.1\n[s] fc outputs=2 inputs=a"
    pair = Pair(netspec.loads(text).graph, tmp_path)
    pair.assert_same_outputs()
    pair.assert_same_steps()


def test_resampling_in_bfloat16_equals_the_modules(tmp_path: Path) -> None:
    text = (
        "[image] input 3x6x6\n[c] conv filters=4 kernel=3\n[up] upsample factor=3 method=bilinear\n[d] conv filters=4 "
        "kernel=1\n[small] resize size=5x7\n[twice] upsample factor=2\n[f] fc outputs=3\ntrain precision=bf16\n"
    )
    pair = Pair(netspec.loads(text).graph, tmp_path)
    expected = Objective(pair.graph, pair.module.train()).loss(pair.images, pair.labels)
    actual = pair.program.loss_of(pair.network.train(), pair.images, pair.labels)
    assert torch.equal(actual, expected)
    expected.backward()
    actual.backward()
    pair.assert_same_gradients()


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_small_specs_equal_the_module(path: Path, tmp_path: Path) -> None:
    pair = Pair(netspec.load(path).graph, tmp_path, count=2)
    pair.assert_same_outputs()
    pair.assert_same_steps()


@pytest.mark.slow  # two training steps of AlexNet for each side
def test_alexnet_equals_the_module(tmp_path: Path) -> None:
    pair = Pair(netspec.load(ALEXNET).graph, tmp_path, count=1)
    pair.assert_same_state()
    pair.assert_same_steps()


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in SPECS if p not in SMALL and p != ALEXNET], ids=lambda path: path.stem)
def test_other_large_specs_equal_the_module(path: Path, tmp_path: Path) -> None:
    pair = Pair(netspec.load(path).graph, tmp_path, count=1)
    pair.assert_same_state()
    pair.assert_same_steps()


@pytest.mark.ci
@pytest.mark.many
@pytest.mark.parametrize("path", DISTINCT, ids=lambda path: path.stem)
def test_programs_of_narrow_classics(path: Path, tmp_path: Path) -> None:
    Pair(narrow(path.stem).graph, tmp_path, count=2).assert_same_outputs()


def test_bounds_of_several_parts_are_those_of_the_trainer(tmp_path: Path) -> None:
    text = "[image] input 8\n[a] fc outputs=4\n[f] fc outputs=4 inputs=image,a parts=2,4 norm_over=parts max_norm=0.1\n"
    graph = netspec.loads(text).graph
    program = load_program(graph, tmp_path)
    assert [bounds["parts"] for _, bounds in program.CONSTRAINTS.values()] == [2, 4]
    for key, (axes, bounds) in program.CONSTRAINTS.items():
        w = torch.randn(graph.parameters[key].shape, generator=torch.Generator().manual_seed(0))
        here = w.clone()
        program.constrain(here, axes, **bounds)
        constrain(w, graph.parameters[key].constraint)
        assert torch.equal(here, w)
