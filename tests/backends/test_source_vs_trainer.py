"""Generated programs train like ``netspec train --without all``: on the same batches they end with the same bits, for
all settings of ``train``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from building import net_of
from PIL import Image
from programs import RunHere, load_program, network_class, write_program
from rich.console import Console
from small_network import small_graph
from torch import Tensor

import netspec
from netspec.ir.graph import Graph
from netspec.train.config import Request
from netspec.train.learning.objective import Objective
from netspec.train.reporting.console import Reporter
from netspec.train.run import train
from netspec.train.runs import checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")

SEED, EPOCHS, BATCH = 5, 3, 32
SPEC = """
net whole
[image] input 3x8x8 range=1 mean=channel
[conv] conv filters=4 kernel=3 init=gaussian(0.1) neuron=relu lr_mult=0.5 decay_mult=2 {conv}
[norm] lrn size=3 k=2 alpha=0.1 beta=0.75
[pool] maxpool kernel=2 stride=2
[bn] batchnorm
[drop] dropout rate=0.2
[fc] fc outputs=4 init=gaussian(0.1) bias_lr_mult=2 {fc}
{losses}
train optimizer={rule} {train}
augment from=9 flip=horizontal {augment}
"""
JITTER = "jitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)"
LOSSES = """\
[one] crossentropy
[two] squarederror inputs=fc loss_weight=0.1
[three] setcrossentropy size=2 inputs=fc loss_weight=0.2
[near] topographic size=3 inputs=conv loss_weight=0.01
[gate] fc outputs=1 inputs=pool neuron=logistic init=gaussian(0.1)
[small] gatedsumsquares inputs=gate,conv loss_weight=-0.01
[numbered] sumsquares gate=class inputs=pool loss_weight=0.01
[scores] fc outputs=4 inputs=fc init=gaussian(0.1)
[likely] softmax inputs=fc
[each] binarycrossentropy of=probabilities loss_weight=0.1
[last] crossentropy inputs=scores"""
CROSS_ENTROPIES = """\
[one] crossentropy loss_weight=0.3
[scores] fc outputs=4 inputs=fc init=gaussian(0.1)
[last] crossentropy"""
WEIGHTED = "class_weights=0.1,3,0,7.5"

Batch = tuple[Tensor, Tensor]


class RecordedData:
    """Records the batches of a training, and serves as the data of the program."""

    unreadable = ()

    def __init__(self) -> None:
        self.trained: list[Batch] = []
        self.validated: list[list[Batch]] = [[]]

    def record(self, monkeypatch: pytest.MonkeyPatch) -> None:
        gradients, measured = Objective.gradients, Objective.loss_and_scores

        def record_training(
            objective: Objective, x: Tensor, labels: Tensor, seed: int, step: int, *update: Any
        ) -> Tensor:
            if self.validated[-1]:
                self.validated.append([])
            self.trained.append((x, labels))
            return gradients(objective, x, labels, seed, step, *update)

        def record_validation(objective: Objective, x: Tensor, labels: Tensor) -> Batch:
            self.validated[-1].append((x, labels))
            return measured(objective, x, labels)

        monkeypatch.setattr(Objective, "gradients", record_training)
        monkeypatch.setattr(Objective, "loss_and_scores", record_validation)

    @property
    def steps(self) -> int:
        return len(self.trained) // EPOCHS

    def training(self, epoch: int) -> list[Batch]:
        return self.trained[epoch * self.steps : (epoch + 1) * self.steps]

    def validation(self, views: int) -> Iterator[Batch]:
        return ((x.unsqueeze(1), labels) for x, labels in self.validated.pop(0))


def train_checkpoint(graph: Graph, folder: Path) -> dict[str, Any]:
    """Train with ``netspec train``, and return the last checkpoint."""
    request = Request(
        "synthetic", epochs=EPOCHS, batch=BATCH, seed=SEED, device="cpu", threads=1, out=folder, without=("all",)
    )
    result = train(net_of(graph), "whole", request, Reporter(Console(quiet=True)))
    return checkpoint.load(checkpoint.list_checkpoints(result.folder / "checkpoints")[-1])


@pytest.fixture(scope="module", autouse=True)
def _small_data() -> Iterator[None]:
    """Reduce the synthetic data, and draw no curves, which would take longer than the trainings."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("netspec.train.data.sources.synthetic.MIN_TRAIN", 8 * BATCH)
        patched.setattr("netspec.train.data.sources.synthetic.VALIDATION", 2 * BATCH)
        patched.setattr("netspec.train.runs.plot.draw_curves", lambda *_: True)
        yield


SGD = "sgd(lr=0.02, momentum=0.9, weight_decay=5e-4)"
NESTEROV = "sgd(lr=0.02, weight_decay=5e-4, nesterov=yes)"
ADAM, ADAMW = "adam(beta1=0.8, weight_decay=0.01)", "adamw(lr=0.01, eps=1e-6)"
TENSORFLOWS = "rmsprop(lr=0.01, momentum=0.9, eps_in_root=0.001, start=1, weight_decay=1e-4)"
PYTORCHS = "rmsprop(lr=0.003, rho=0.99, eps=1e-6, bias_decay=0.1)"
CENTERED = "rmsprop(lr=0.003, rho=0.8, centered=yes, eps_in_root=0.01)"
ADAGRAD, ADAGRAD_IN_ROOT = "adagrad(weight_decay=0.01)", "adagrad(lr=0.02, eps_in_root=1e-7, start=0.1)"
ADADELTA = "adadelta(weight_decay=0.01)"
LARS = "lars(lr=0.5, momentum=0.8, trust=0.02, weight_decay=0.01)"
LAMB = "lamb(lr=0.02, beta1=0.8, adapt=all) clip_gradients=norm(1)"
BOUNDS = "\ndefault conv max_norm=0.6 min_std=0.05\ndefault fc fixed_norm=0.4"
PARTS = "accumulate=4 schedule=linear(0.5, noise=0.5) bias_schedule=steps(freeze=2)"
TABLE = "table=0+1,1+2,0+2,0+1+2"
many, ci, slow = pytest.mark.many, pytest.mark.ci, pytest.mark.slow


@dataclass(frozen=True)
class Case:
    """A training, given by keys of the train line, of the layers conv and fc, and of the augment line."""

    train: str = ""
    conv: str = ""
    fc: str = ""
    mark: pytest.MarkDecorator | None = None
    rule: str = SGD
    losses: str = ""
    augment: str = ""

    def __str__(self) -> str:
        named = {"rule": self.rule if self.rule != SGD else "", "train": self.train, "conv": self.conv, "fc": self.fc,
                 "augment": self.augment, "losses": "several" if self.losses else ""}  # fmt: skip
        return "; ".join(f"{name}: {' '.join(keys.split())}" for name, keys in named.items() if keys)

    @property
    def graph(self) -> Graph:
        text = SPEC.format(
            conv=self.conv, fc=self.fc, train=self.train, losses=self.losses, rule=self.rule, augment=self.augment
        )
        return netspec.loads(text.replace("\n\n", "\n")).graph

    @property
    def param(self) -> Any:
        return pytest.param(self, marks=[] if self.mark is None else self.mark, id=str(self))


CASES = [
    Case("schedule=constant", mark=many),
    Case("schedule=step(every=1, factor=0.5) warmup=1", mark=many),
    Case("schedule=steps(1, 2, factor=0.1) warmup=steps(3)", mark=many),
    Case("schedule=plateau(factor=0.1, times=2, patience=1, threshold=0.9) warmup=steps(4)", mark=many),
    Case("schedule=exponential(0.01) warmup=1", mark=many),
    Case("schedule=dexp(0.004, 4) warmup=steps(5)", mark=many),
    Case("schedule=dexp(0.5, 1)", mark=many),
    Case("schedule=linear(0) warmup=steps(3)", mark=many),
    Case("schedule=cosine warmup=1", mark=many),
    Case("schedule=inverse(0.1, 0.75) bias_schedule=step(every=5, factor=0.5, unit=steps)", mark=many),
    Case("schedule=poly(0.5) warmup=steps(3) bias_schedule=steps(4, 9, freeze=13, unit=steps)", mark=many),
    Case("accumulate=4", mark=many),
    Case("ema=0.9 schedule=plateau(factor=0.1, patience=1, threshold=0.9)", mark=many),
    Case("label_smoothing=0.1", mark=many),
    Case(WEIGHTED, mark=many),
    Case(f"{WEIGHTED} accumulate=4 label_smoothing=0.1 precision=bf16", mark=many, losses=CROSS_ENTROPIES),
    Case("precision=bf16", mark=many),
    Case("precision=bf16", mark=many, losses=LOSSES),
    Case("channels_last=yes", mark=many),
    Case(BOUNDS, mark=many),
    Case(f"accumulate=2 schedule=linear(0) channels_last=yes ema=0.9 {BOUNDS}", mark=many),
    Case("accumulate=4 ema=0.9 label_smoothing=0.1 precision=bf16 channels_last=yes schedule=cosine warmup=1",
         mark=many, losses=LOSSES),
    # schedules of single layers
    Case("", "schedule=jdexp(0.01, 5)", "bias_schedule=linear(0)", ci),
    Case("schedule=dexp(1.5, 3)", "schedule=jdexp(3, 4)", "bias_schedule=dexp(2, 1)", ci),
    Case("schedule=cosine warmup=1",
         "schedule=steps(1, factor=0.5, freeze=2) bias_schedule=steps(freeze=1)", "", ci),
    Case("schedule=plateau(factor=0.1, patience=1, threshold=0.9)", "schedule=constant", "schedule=step(1)", ci),
    Case("ema=0.9 accumulate=2", f"{TABLE} schedule=linear(0.1, noise=0.5) max_norm=0.5", "", ci),
    Case("schedule=steps(1, freeze=2) bias_schedule=exponential(0.1) warmup=steps(3)", mark=ci),
    Case("schedule=dexp(0.1, 2)", "schedule=linear(0.1, noise=0.5)", "", ci),
    Case("schedule=jdexp(0.1, 3, noise=2) warmup=steps(4)", "schedule=constant", "", ci),
    Case("ema=0.9 accumulate=2", "", "bias_schedule=exponential(0.5, noise=1)", ci),
    # updates within a batch
    Case("accumulate=4", "", "update_every=1", ci),
    Case("accumulate=4 schedule=cosine ema=0.9", "update_every=2", "update_every=1 max_norm=0.5", ci),
    Case("accumulate=4 schedule=steps(1, freeze=2) precision=bf16", "update_every=1",
         "schedule=linear(0, noise=1) update_every=2", ci),
    # other update rules
    Case("schedule=restarts(1, mult=2) warmup=1", mark=ci, rule=NESTEROV),
    Case(f"{PARTS} ema=0.9", "super_eps=1", "update_every=1", ci, rule=NESTEROV),
    Case("schedule=onecycle(low_momentum=0.6) warmup=steps(3)", "schedule=cosine", "momentum=0.3", rule=NESTEROV),
    Case("schedule=onecycle(low_momentum=0.6, phases=3, anneal=linear)", rule=LARS),
    Case("schedule=onecycle warmup=steps(3, start=0.1)", mark=ci, rule=ADAM),
    Case(f"{PARTS} ema=0.9", "max_norm=0.6", "update_every=2", rule=ADAM),
    Case("precision=bf16 channels_last=yes accumulate=2", mark=ci, rule=ADAM),
    Case("schedule=cosine warmup=1", mark=slow, rule=ADAMW),
    Case(f"{PARTS} ema=0.9", "max_norm=0.6", "update_every=2 momentum=0", rule=TENSORFLOWS),
    Case("schedule=step(every=0.4, factor=0.94) warmup=1", mark=ci, rule=TENSORFLOWS),
    Case("precision=bf16 channels_last=yes", "", "momentum=0.5", ci, rule=PYTORCHS),
    Case("schedule=cosine", "lr=0", "", slow, rule=PYTORCHS),
    Case(PARTS, "", "bias_momentum=0.5", ci, rule=CENTERED),
    Case(PARTS, "", "update_every=1", ci, rule=ADAGRAD),
    Case("schedule=cosine", mark=slow, rule=ADAGRAD_IN_ROOT),
    Case(PARTS, "", "update_every=1", ci, rule=ADADELTA),
    Case(PARTS, "lr=0", "update_every=1 momentum=0.5", ci, rule=LARS),
    Case(PARTS, "schedule=steps(1)", "update_every=2", ci, rule=LAMB),
    Case(PARTS, TABLE, "update_every=1 decay_mult=5", ci, rule=ADAMW),
    # limited gradients
    Case(f"clip_gradients=norm(0.3) {PARTS} ema=0.9", "lr=0", "update_every=2"),
    Case("clip_gradients=norm(0.5) schedule=cosine warmup=1", mark=ci),
    Case("clip_gradients=norm(0.3)", "", "schedule=steps(freeze=1)", ci),
    Case("clip_gradients=value(0.01) precision=bf16 channels_last=yes", mark=ci),
    Case(f"clip_gradients=value(0.01) {PARTS}", "lr=0", "update_every=1", ci),
    # what only some layers have
    Case("accumulate=2 schedule=linear(0.5, noise=0.5)", "super_eps=1 max_norm=0.5",
         "super_eps=0.25 update_every=1", ci),
    Case("accumulate=2 schedule=linear(0.5, noise=0.5)", "super_eps=1", "super_eps=0.01 lr=0", ci),
    Case("", "min_std=0.05", "parts=2 norm_over=parts fixed_norm=0.4", ci),
    # the recorded batches are mixed already
    Case("accumulate=2 label_smoothing=0.1", mark=ci, losses=LOSSES, augment="mixup=1 cutmix=1"),
    Case(f"accumulate=2 label_smoothing=0.1 {WEIGHTED}", mark=ci, augment="mixup=1 cutmix=1"),
]  # fmt: skip


@pytest.mark.parametrize("case", [case.param for case in CASES])
def test_training_ends_with_the_trainers_bits(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same_training(case.graph, tmp_path, monkeypatch)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("mean", "augment", "schedule", "unreadable"),
    [
        ("image", f"crop=12 from=15 flip=horizontal colour={JITTER},pca(0.1)", "plateau(factor=0.1, times=1)", 0),
        ("none", "crop=12 from=14 area=0.1,1 flip=horizontal colour=pca(0.1)", "constant", 0),
        ("none", "flip=horizontal mixup=0.3 cutmix=1", "linear(0.1) warmup=1", 3),
        ("image", "flip=horizontal", "step(every=0.4) warmup=1", 3),
    ],
    ids=["all", "crops of drawn sizes", "unreadable images and mixed", "unreadable images and mean"],
)
def test_training_on_a_folder_ends_with_the_trainers_bits(
    mean: str, augment: str, schedule: str, unreadable: int, tmp_path: Path, run_here: RunHere
) -> None:
    """Order, crops, mirror images, colours and mixtures are the same. The next image replaces one that cannot be read,
    so that an epoch has fewer steps, which the schedule takes into account."""
    rng = np.random.default_rng(0)
    for name in ("ash", "birch", "cedar"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 256, (16 + i % 3, 20, 3), np.uint8)
            path = tmp_path / "images" / name / f"{i}.{'png' if i % 2 else 'jpg'}"
            Image.fromarray(pixels).save(path)
            if i < unreadable:
                path.write_bytes(path.read_bytes()[:100])
    graph = small_graph(mean, augment, schedule=schedule)
    request = Request(
        str(tmp_path / "images"), epochs=3, seed=SEED, device="cpu", threads=1, out=tmp_path / "run", without=("all",)
    )
    folder = train(net_of(graph), "small", request, Reporter(Console(quiet=True))).folder
    expected = checkpoint.load(checkpoint.list_checkpoints(folder / "checkpoints")[-1])["weights"]
    out = tmp_path / "weights.pt"
    words = ("--epochs", "3", "--seed", str(SEED), "--device", "cpu", "--out", out)
    result = run_here(write_program(graph, tmp_path), "--data", tmp_path / "images", *words)
    assert result.returncode == 0
    assert (result.stderr.count("skipped "), result.stderr.count("\n")) == (3 * unreadable, 3 * unreadable)
    assert_equal(torch.load(out, weights_only=True), expected)


def assert_same_training(graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train with the trainer and the program, and check that the weights are equal to the last bit."""
    data = RecordedData()
    with monkeypatch.context() as patched:
        data.record(patched)
        state = train_checkpoint(graph, tmp_path / "run")
    assert (data.steps, len(data.validated)) == (8, EPOCHS)

    program = load_program(graph, tmp_path)
    model = network_class(program)()
    program.initialise(model, SEED)
    program.mixed = lambda images, labels, seed, step: (images, labels)
    if graph.train.channels_last:
        model.to(memory_format=torch.channels_last)
    program.train(model, data, epochs=EPOCHS, steps=None, seed=SEED, out=None)

    expected = state["average"]["weights"] if graph.train.ema else state["weights"]
    assert_equal(model.state_dict(), expected)
    changed = (state["weights"][key] - expected[key] for key in expected if expected[key].is_floating_point())
    assert any(difference.any() for difference in changed) == bool(graph.train.ema)


def assert_equal(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert list(actual) == list(expected)
    assert [key for key in expected if not torch.equal(actual[key], expected[key])] == []


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Tensor:
    """The biases after a training without any option."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    state = train_checkpoint(Case().graph, tmp_path_factory.mktemp("plain"))
    torch.set_num_threads(threads)
    learnt: Tensor = state["weights"]["fc.bias"]
    return learnt


@pytest.mark.slow  # a test of the tests above: they would not notice an option that changes nothing
@pytest.mark.parametrize(
    "case",
    [
        *(
            Case(keys)
            for keys in (
                "bias_schedule=linear(0)",
                "schedule=linear(1, noise=1)",
                "schedule=steps(freeze=1)",
                "warmup=steps(12)",
                "schedule=dexp(0.01, 2)",
                "accumulate=2",
                "ema=0.5",
                "label_smoothing=0.2",
                WEIGHTED,
                "precision=bf16",
                BOUNDS,
                "clip_gradients=norm(0.3)",
                "clip_gradients=value(0.01)",
            )
        ),
        *(Case(rule=rule) for rule in (NESTEROV, ADAM, ADAMW, TENSORFLOWS, CENTERED, ADAGRAD)),
    ],
    ids=str,
)
def test_each_option_changes_the_result(case: Case, plain: Tensor, tmp_path: Path) -> None:
    """Otherwise the comparisons above would prove nothing."""
    graph = case.graph
    state = train_checkpoint(graph, tmp_path / "run")
    weights = state["average"]["weights"] if graph.train.ema else state["weights"]
    assert not torch.equal(weights["fc.bias"], plain)
