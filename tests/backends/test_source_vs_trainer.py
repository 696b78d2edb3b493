"""Generated programs train like ``netspec train --without all``: on the same batches they end with the same bits, for
all settings of ``train``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
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
train optimizer=sgd(lr=0.02, momentum=0.9, weight_decay=5e-4) {train}
augment from=9 flip=horizontal
"""
JITTER = "jitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)"
BOUNDS = "\ndefault conv max_norm=0.6 min_std=0.05\ndefault fc fixed_norm=0.4"
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
    result = train(graph, "the spec", "whole", request, Reporter(Console(quiet=True)))
    return checkpoint.load(checkpoint.list_checkpoints(result.folder / "checkpoints")[-1])


@pytest.fixture(scope="module", autouse=True)
def _small_data() -> Iterator[None]:
    """Reduce the synthetic data, and draw no curves, which would take longer than the trainings."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("netspec.train.data.sources.synthetic.MIN_TRAIN", 8 * BATCH)
        patched.setattr("netspec.train.data.sources.synthetic.VALIDATION", 2 * BATCH)
        patched.setattr("netspec.train.runs.plot.draw_curves", lambda *_: True)
        yield


@pytest.mark.many
@pytest.mark.parametrize(
    ("keys", "losses"),
    [
        ("schedule=constant", ""),
        ("schedule=step(every=1, factor=0.5) warmup=1", ""),
        ("schedule=steps(1, 2, factor=0.1) warmup=steps(3)", ""),
        ("schedule=plateau(factor=0.1, times=2, patience=1, threshold=0.9) warmup=steps(4)", ""),
        ("schedule=exponential(0.01) warmup=1", ""),
        ("schedule=dexp(0.004, 4) warmup=steps(5)", ""),
        ("schedule=dexp(0.5, 1)", ""),
        ("schedule=linear(0) warmup=steps(3)", ""),
        ("schedule=cosine warmup=1", ""),
        ("schedule=inverse(0.1, 0.75) bias_schedule=step(every=5, factor=0.5, unit=steps)", ""),
        ("schedule=poly(0.5) warmup=steps(3) bias_schedule=steps(4, 9, freeze=13, unit=steps)", ""),
        ("accumulate=4", ""),
        ("ema=0.9 schedule=plateau(factor=0.1, patience=1, threshold=0.9)", ""),
        ("label_smoothing=0.1", ""),
        ("precision=bf16", ""),
        ("precision=bf16", LOSSES),
        ("channels_last=yes", ""),
        (BOUNDS, ""),
        (f"accumulate=2 schedule=linear(0) channels_last=yes ema=0.9 {BOUNDS}", ""),
        ("accumulate=4 ema=0.9 label_smoothing=0.1 precision=bf16 channels_last=yes schedule=cosine warmup=1", LOSSES),
    ],
)
def test_training_ends_with_the_trainers_bits(
    keys: str, losses: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_same_training(netspec.loads(spec(train=keys, losses=losses)).graph, tmp_path, monkeypatch)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("conv", "fc", "keys"),
    [
        ("schedule=jdexp(0.01, 5)", "bias_schedule=linear(0)", ""),
        ("schedule=jdexp(3, 4)", "bias_schedule=dexp(2, 1)", "schedule=dexp(1.5, 3)"),
        ("schedule=steps(1, factor=0.5, freeze=2) bias_schedule=steps(freeze=1)", "", "schedule=cosine warmup=1"),
        ("schedule=constant", "schedule=step(1)", "schedule=plateau(factor=0.1, patience=1, threshold=0.9)"),
        ("table=0+1,1+2,0+2,0+1+2 schedule=linear(0.1, noise=0.5) max_norm=0.5", "", "ema=0.9 accumulate=2"),
        ("", "", "schedule=steps(1, freeze=2) bias_schedule=exponential(0.1) warmup=steps(3)"),
        ("schedule=linear(0.1, noise=0.5)", "", "schedule=dexp(0.1, 2)"),
        ("schedule=constant", "", "schedule=jdexp(0.1, 3, noise=2) warmup=steps(4)"),
        ("", "bias_schedule=exponential(0.5, noise=1)", "ema=0.9 accumulate=2"),
    ],
)
def test_schedules_of_single_layers_end_with_the_trainers_bits(
    conv: str, fc: str, keys: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_same_training(netspec.loads(spec(conv, fc, keys)).graph, tmp_path, monkeypatch)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("conv", "fc", "keys"),
    [
        ("", "update_every=1", ""),
        ("update_every=2", "update_every=1 max_norm=0.5", "schedule=cosine ema=0.9"),
        ("update_every=1", "schedule=linear(0, noise=1) update_every=2", "schedule=steps(1, freeze=2) precision=bf16"),
    ],
)
def test_updates_within_a_batch_end_with_the_trainers_bits(
    conv: str, fc: str, keys: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_same_training(netspec.loads(spec(conv, fc, f"accumulate=4 {keys}")).graph, tmp_path, monkeypatch)


NESTEROV, ADAM, ADAMW = (
    "sgd(lr=0.02, weight_decay=5e-4, nesterov=yes)", "adam(beta1=0.8, weight_decay=0.01)", "adamw(lr=0.01, eps=1e-6)",
)  # fmt: skip
TENSORFLOWS = "rmsprop(lr=0.01, momentum=0.9, eps_in_root=0.001, start=1, weight_decay=1e-4)"
PYTORCHS = "rmsprop(lr=0.003, rho=0.99, eps=1e-6, bias_decay=0.1)"
CENTERED = "rmsprop(lr=0.003, rho=0.8, centered=yes, eps_in_root=0.01)"
ADAGRAD, ADAGRAD_IN_ROOT = "adagrad(weight_decay=0.01)", "adagrad(lr=0.02, eps_in_root=1e-7, start=0.1)"
ADADELTA = "adadelta(weight_decay=0.01)"
LARS, LAMB = (
    "lars(lr=0.5, momentum=0.8, trust=0.02, weight_decay=0.01)",
    "lamb(lr=0.02, beta1=0.8, adapt=all) clip_gradients=norm(1)",
)
PARTS = "accumulate=4 schedule=linear(0.5, noise=0.5) bias_schedule=steps(freeze=2)"


@pytest.mark.parametrize(
    ("rule", "conv", "fc", "keys"),
    [
        pytest.param(NESTEROV, "", "", "schedule=restarts(1, mult=2) warmup=1", marks=pytest.mark.ci),
        pytest.param(NESTEROV, "super_eps=1", "update_every=1", f"{PARTS} ema=0.9", marks=pytest.mark.ci),
        (NESTEROV, "schedule=cosine", "momentum=0.3", "schedule=onecycle(low_momentum=0.6) warmup=steps(3)"),
        (LARS, "", "", "schedule=onecycle(low_momentum=0.6, phases=3, anneal=linear)"),
        pytest.param(ADAM, "", "", "schedule=onecycle warmup=steps(3, start=0.1)", marks=pytest.mark.ci),
        (ADAM, "max_norm=0.6", "update_every=2", f"{PARTS} ema=0.9"),
        pytest.param(ADAM, "", "", "precision=bf16 channels_last=yes accumulate=2", marks=pytest.mark.ci),
        pytest.param(ADAMW, "", "", "schedule=cosine warmup=1", marks=pytest.mark.slow),
        (TENSORFLOWS, "max_norm=0.6", "update_every=2 momentum=0", f"{PARTS} ema=0.9"),
        pytest.param(TENSORFLOWS, "", "", "schedule=step(every=0.4, factor=0.94) warmup=1", marks=pytest.mark.ci),
        pytest.param(PYTORCHS, "", "momentum=0.5", "precision=bf16 channels_last=yes", marks=pytest.mark.ci),
        pytest.param(PYTORCHS, "lr=0", "", "schedule=cosine", marks=pytest.mark.slow),
        pytest.param(CENTERED, "", "bias_momentum=0.5", PARTS, marks=pytest.mark.ci),
        pytest.param(ADAGRAD, "", "update_every=1", PARTS, marks=pytest.mark.ci),
        pytest.param(ADAGRAD_IN_ROOT, "", "", "schedule=cosine", marks=pytest.mark.slow),
        pytest.param(ADADELTA, "", "update_every=1", PARTS, marks=pytest.mark.ci),
        pytest.param(LARS, "lr=0", "update_every=1 momentum=0.5", PARTS, marks=pytest.mark.ci),
        pytest.param(LAMB, "schedule=steps(1)", "update_every=2", PARTS, marks=pytest.mark.ci),
        pytest.param(ADAMW, "table=0+1,1+2,0+2,0+1+2", "update_every=1 decay_mult=5", PARTS, marks=pytest.mark.ci),
    ],
)
def test_other_update_rules_end_with_the_trainers_bits(
    rule: str, conv: str, fc: str, keys: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = spec(conv, fc, keys).replace("sgd(lr=0.02, momentum=0.9, weight_decay=5e-4)", rule)
    assert_same_training(netspec.loads(text).graph, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("conv", "fc", "keys"),
    [
        ("lr=0", "update_every=2", f"clip_gradients=norm(0.3) {PARTS} ema=0.9"),
        pytest.param("", "", "clip_gradients=norm(0.5) schedule=cosine warmup=1", marks=pytest.mark.ci),
        pytest.param("", "schedule=steps(freeze=1)", "clip_gradients=norm(0.3)", marks=pytest.mark.ci),
        pytest.param("", "", "clip_gradients=value(0.01) precision=bf16 channels_last=yes", marks=pytest.mark.ci),
        pytest.param("lr=0", "update_every=1", f"clip_gradients=value(0.01) {PARTS}", marks=pytest.mark.ci),
    ],
)
def test_limited_gradients_end_with_the_trainers_bits(
    conv: str, fc: str, keys: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_same_training(netspec.loads(spec(conv, fc, keys)).graph, tmp_path, monkeypatch)


@pytest.mark.ci
def test_super_eps_ends_with_the_trainers_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = "accumulate=2 schedule=linear(0.5, noise=0.5)"
    graph = netspec.loads(spec("super_eps=1 max_norm=0.5", "super_eps=0.25 update_every=1", keys)).graph
    assert_same_training(graph, tmp_path, monkeypatch)
    frozen = spec("super_eps=1", "super_eps=0.01", keys).replace("[fc] fc", "[fc] fc lr=0")
    assert_same_training(netspec.loads(frozen).graph, tmp_path / "frozen", monkeypatch)


@pytest.mark.ci
def test_norm_over_parts_ends_with_the_trainers_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = "parts=2 norm_over=parts fixed_norm=0.4"
    assert_same_training(netspec.loads(spec("min_std=0.05", bound)).graph, tmp_path, monkeypatch)


@pytest.mark.ci
def test_losses_of_mixed_images_end_with_the_trainers_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorded batches are mixed already."""
    text = spec(train="accumulate=2 label_smoothing=0.1", losses=LOSSES).replace(
        "augment ", "augment mixup=1 cutmix=1 "
    )
    assert_same_training(netspec.loads(text).graph, tmp_path, monkeypatch)


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
    folder = train(graph, "the spec", "small", request, Reporter(Console(quiet=True))).folder
    expected = checkpoint.load(checkpoint.list_checkpoints(folder / "checkpoints")[-1])["weights"]
    out = tmp_path / "weights.pt"
    words = ("--epochs", "3", "--seed", str(SEED), "--device", "cpu", "--out", out)
    result = run_here(write_program(graph, tmp_path), "--data", tmp_path / "images", *words)
    assert result.returncode == 0
    assert (result.stderr.count("skipped "), result.stderr.count("\n")) == (3 * unreadable, 3 * unreadable)
    assert_equal(torch.load(out, weights_only=True), expected)


def spec(conv: str = "", fc: str = "", train: str = "", losses: str = "") -> str:
    return SPEC.format(conv=conv, fc=fc, train=train, losses=losses).replace("\n\n", "\n")


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
    state = train_checkpoint(netspec.loads(spec(train="")).graph, tmp_path_factory.mktemp("plain"))
    torch.set_num_threads(threads)
    learnt: Tensor = state["weights"]["fc.bias"]
    return learnt


@pytest.mark.slow  # a test of the tests above: they would not notice an option that changes nothing
@pytest.mark.parametrize(
    "keys",
    [
        "bias_schedule=linear(0)",
        "schedule=linear(1, noise=1)",
        "schedule=steps(freeze=1)",
        "warmup=steps(12)",
        "schedule=dexp(0.01, 2)",
        "accumulate=2",
        "ema=0.5",
        "label_smoothing=0.2",
        "precision=bf16",
        BOUNDS,
        f"optimizer={NESTEROV}",
        f"optimizer={ADAM}",
        f"optimizer={ADAMW}",
        f"optimizer={TENSORFLOWS}",
        f"optimizer={CENTERED}",
        f"optimizer={ADAGRAD}",
        "clip_gradients=norm(0.3)",
        "clip_gradients=value(0.01)",
    ],
)
def test_each_option_changes_the_result(keys: str, plain: Tensor, tmp_path: Path) -> None:
    """Otherwise the comparisons above would prove nothing."""
    text = spec(train=keys)
    if "optimizer=" in keys:
        text = text.replace("optimizer=sgd(lr=0.02, momentum=0.9, weight_decay=5e-4) ", "")
    graph = netspec.loads(text).graph
    state = train_checkpoint(graph, tmp_path / "run")
    weights = state["average"]["weights"] if graph.train.ema else state["weights"]
    assert not torch.equal(weights["fc.bias"], plain)
