"""The parts of a training step on a CUDA device: the numbers of the CPU, and no waiting for the device. The device is
simulated unless there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import numpy as np
import pytest
import torch
from checking import valid_net
from simulated_cuda import simulate_cuda
from torch import Tensor

from netspec.ir.settings import Augment, Cutout, Jitter, Preprocessing, RandomErasing
from netspec.ir.shape import Shape
from netspec.passes.fast import Forms
from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.batches.augment import choose
from netspec.train.data.batches.mixing import mixed
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.moments import Moments, statistics
from netspec.train.data.splits import Frame
from netspec.train.evaluation.masks.resampling import centres, interpolated
from netspec.train.learning.objective import build
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.recorded import RecordedObjective, recorded

pytestmark = pytest.mark.gpu

ON_GPU = torch.cuda.is_available()
WithoutWaiting = Callable[[], AbstractContextManager[object]]


@contextmanager
def cuda() -> Iterator[WithoutWaiting]:
    """Make the device ``cuda`` available, and return a context that fails if the work in it waits for the device."""
    if ON_GPU:
        yield errors_of_waiting
        return
    with simulate_cuda() as device:
        yield partial(nothing_new, device.waits)


@contextmanager
def errors_of_waiting() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@contextmanager
def nothing_new(waits: list[str]) -> Iterator[None]:
    before = len(waits)
    yield
    assert waits[before:] == []


MAPS = "[image] input 3x6x6\n[conv] conv filters=4 kernel=3 pad=1 max_norm=0.5 init=gaussian(0.3)\n[act] prelu\n"
CLASSES = "[fc] fc outputs=4 init=gaussian(0.3)\n"
PIXELS = "[wide] reflectpad pad=1\n[scores] conv filters=4 kernel=3 init=gaussian(0.3)\n[up] upsample factor=2\n"


@pytest.mark.parametrize(
    "rule",
    [
        *("sgd(momentum=0.9, nesterov=yes, weight_decay=0.1)", "adamw", "rmsprop(momentum=0.9, centered=yes)"),
        *("adadelta", "lars(weight_decay=0.1)", "lamb clip_gradients=norm(0.01)"),
    ],
)
def test_updates_do_not_wait(rule: str) -> None:
    graph = valid_net(f"{MAPS}{CLASSES}train optimizer={rule}").graph

    def updated(device: str, without_waiting: WithoutWaiting = nullcontext) -> list[Tensor]:
        module = build(graph, 0, device).module
        optimiser = optimiser_of(graph, module, fused=True)
        for step in range(3):
            for w in module.parameters():
                w.grad = torch.linspace(-1, 1 + step, w.numel()).view(w.shape).to(device)
            with without_waiting():
                optimiser.step()
        return [w.detach().cpu() for w in module.parameters()]

    expected = updated("cpu")
    with cuda() as without_waiting:
        actual = updated("cuda", without_waiting)
    for a, b in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "augment",
    [
        Augment(flip="horizontal", colour=0.1, pad=1),
        Augment(jitter=Jitter(0.3, 0.3, 0.3, 0.1), erase=Cutout(3)),
        Augment(erase=RandomErasing(1.0, fill="noise")),
        Augment(erase=RandomErasing(0.5, fill="colour")),
    ],
    ids=["shifted", "jittered", "noise", "colour"],
)
def test_preparing_images_does_not_wait(augment: Augment) -> None:
    frame, size = Frame(3, 9, 8), Shape(3, 7, 6)
    images = np.random.default_rng(0).integers(256, size=(5, 3, 9, 8), dtype=np.uint8)
    measured = statistics(Moments.from_pixels(images))

    def prepared(device: str, without_waiting: WithoutWaiting = nullcontext) -> Tensor:
        prepare = Preparation(
            Preprocessing(255, "image", "bgr", "channel"), measured, frame, size, 255, torch.device(device)
        )
        choices = choose(3, 1, np.arange(5), frame, size, augment)
        with without_waiting():
            x = prepare(images, choices)
        return x.cpu()

    expected = prepared("cpu")
    with cuda() as without_waiting:
        actual = prepared("cuda", without_waiting)
    torch.testing.assert_close(actual, expected, atol=1e-4, rtol=1e-5)


def test_interpolating_scores_does_not_wait() -> None:
    rows, columns = centres(7, 3), centres(2, 4)
    maps = torch.arange(24.0).view(2, 3, 4)
    expected = interpolated(maps, rows, columns)
    with cuda() as without_waiting:
        moved = maps.to("cuda")
        with without_waiting():
            actual = interpolated(moved, rows, columns)
        torch.testing.assert_close(actual.cpu(), expected)


def targets(labels: Tensor, step: int) -> Tensor:
    """Return the targets of images of which some are mixed: those of half a batch, as one of two devices has them."""
    graph = valid_net(f"{MAPS}{CLASSES}augment mixup=1 cutmix=1").graph
    rows, read = np.arange(2), np.array([0, 1, 3])
    return mixed(graph, torch.ones(3, 3, 6, 6, device=labels.device), labels, read, rows, 0, step)[1]


def masks(labels: Tensor, step: int) -> Tensor:
    """Return masks whose pixels have the classes in turn, and are unlabelled in part."""
    classes = (torch.arange(4 * 12 * 12).view(4, 12, 12) + step) % 5
    return torch.where(classes < 4, classes, UNLABELLED).byte().to(labels.device)


@pytest.mark.parametrize(
    ("layers", "train", "of"),
    [
        (CLASSES, "class_weights=1,3,0,0.2 label_smoothing=0.1", lambda labels, step: labels),
        (CLASSES, "class_weights=1,3,0,0.2 accumulate=2", targets),
        (PIXELS, "precision=bf16", masks),
        (PIXELS, "class_weights=1,3,0,0.2 label_smoothing=0.1 accumulate=2", masks),
    ],
    ids=["weighted classes", "weighted targets", "masks", "weighted masks"],
)
def test_gradients_of_all_labels_are_recorded(layers: str, train: str, of: Callable[[Tensor, int], Tensor]) -> None:
    graph = valid_net(f"{MAPS}{layers}train {train}").graph

    def steps(device: str, without_waiting: WithoutWaiting = nullcontext) -> list[Tensor]:
        objective = recorded(build(graph, 0, device, Forms(recorded=True)))
        assert isinstance(objective, RecordedObjective) == (device == "cuda")
        results = []
        for step in range(3):
            images = torch.rand(4, 3, 6, 6, generator=torch.Generator().manual_seed(step)).to(device)
            labels = of(torch.arange(4).to(device), step)
            objective.module.zero_grad()
            with without_waiting() if step else nullcontext():  # the first step is compared with its replay
                results.append(objective.gradients(images, labels, 0, step).clone())
            results += [w.grad.clone() for w in objective.module.parameters() if w.grad is not None]
        assert objective.form_notes == ()
        return [x.cpu() for x in results]

    expected = steps("cpu")
    with cuda() as without_waiting:
        actual = steps("cuda", without_waiting)
    rough = 0.02 if "bf16" in train or ON_GPU else 1e-4  # a GPU's convolutions are in TF32
    for a, b in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, b, atol=rough, rtol=rough)
