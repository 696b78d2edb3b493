"""The language page's section "Training", and the learning keys of layers: the resulting numbers."""

from __future__ import annotations

import pytest
from checking import codes, only_diagnostic, valid_net

from netspec.ir.graph import Parameter
from netspec.ir.rules import Sgd
from netspec.ir.schedules import Exponential, Fixed, Plateau, Schedule, Step, Steps
from netspec.ir.settings import Augment, Jitter

IMAGE = "[image] input 4x8x8\n"


def parameter(text: str, key: str) -> Parameter:
    return valid_net(text).graph.parameters[key]


# Learning rates, momenta and decays of weights and biases: the layer's own, else the train line's.


def learning(text: str, key: str) -> tuple[float, float, float]:
    p = parameter(text, key)
    return p.lr, p.momentum, p.decay


TRAIN = "train optimizer=sgd(lr=0.1, momentum=0.8, weight_decay=0.01)\n" + IMAGE


LEARNING: list[tuple[str, tuple[float, float, float], tuple[float, float, float]]] = [
    ("", (0.1, 0.8, 0.01), (0.1, 0.8, 0.0)),
    ("lr=0.5", (0.5, 0.8, 0.01), (0.5, 0.8, 0.0)),
    ("lr_mult=3", (pytest.approx(0.3), 0.8, 0.01), (0.1, 0.8, 0.0)),  # type: ignore[list-item]
    ("lr=0.5 lr_mult=2", (1.0, 0.8, 0.01), (0.5, 0.8, 0.0)),
    ("bias_lr=0.7", (0.1, 0.8, 0.01), (0.7, 0.8, 0.0)),
    ("bias_lr_mult=2", (0.1, 0.8, 0.01), (0.2, 0.8, 0.0)),
    ("bias_lr=0.7 bias_lr_mult=2 lr=0.5", (0.5, 0.8, 0.01), (1.4, 0.8, 0.0)),
    ("momentum=0.5", (0.1, 0.5, 0.01), (0.1, 0.5, 0.0)),
    ("bias_momentum=0.5", (0.1, 0.8, 0.01), (0.1, 0.5, 0.0)),
    ("decay=0.2", (0.1, 0.8, 0.2), (0.1, 0.8, 0.0)),
    ("decay=0", (0.1, 0.8, 0.0), (0.1, 0.8, 0.0)),
    ("bias_decay=0.3", (0.1, 0.8, 0.01), (0.1, 0.8, 0.3)),
    ("lr=0 momentum=0 bias_decay=0", (0.0, 0.0, 0.01), (0.0, 0.0, 0.0)),
]


@pytest.mark.parametrize(("keys", "weight", "bias"), LEARNING)
def test_learning_values_are_read(keys: str, weight: tuple[float, ...], bias: tuple[float, ...]) -> None:
    for layer in ("conv filters=2 kernel=3", "fc outputs=2", "local filters=2 kernel=3", "batchnorm"):
        text = TRAIN + f"[x] {layer} {keys}"
        assert learning(text, "x.weight") == weight
        assert learning(text, "x.bias") == bias


def test_weight_decay_and_bias_decay_are_separate() -> None:
    text = IMAGE + "[x] fc outputs=2\ntrain optimizer=sgd(weight_decay=0.01, bias_decay=0.02)"
    assert (parameter(text, "x.weight").decay, parameter(text, "x.bias").decay) == (0.01, 0.02)


def test_default_line_can_give_learning_values() -> None:
    text = "default fc bias_lr_mult=2 decay=0.5\n" + IMAGE + "[x] fc outputs=2\n[y] fc outputs=2 decay=0.25"
    assert learning(text, "x.weight") == (0.01, 0.9, 0.5)
    assert learning(text, "y.weight") == (0.01, 0.9, 0.25)
    assert learning(text, "y.bias") == (0.02, 0.9, 0.0)


@pytest.mark.parametrize(
    "keys",
    [
        "lr=-1",
        "lr=x",
        "lr_mult=-0.1",
        "momentum=1",
        "momentum=-0.1",
        "decay=-1",
        "bias_lr=-1",
        "bias_momentum=2",
        "bias_decay=-1",
        "lr=1,2",
    ],
)
def test_invalid_learning_value_is_an_error(keys: str) -> None:
    assert codes(IMAGE + f"[x] fc outputs=2 {keys}") == ["bad-value"]


# Schedules.


@pytest.mark.parametrize(
    ("written", "schedule"),
    [
        ("constant", Fixed()),
        ("step(every=30, factor=0.5)", Step(0.5, 30)),
        ("step(30)", Step(0.1, 30)),
        ("steps(25, 51, 79, factor=0.2)", Steps((25, 51, 79), 0.2)),
        ("steps(8)", Steps((8,), 0.1)),
        ("plateau", Plateau(0.1, 3, 5, 1e-3)),
        ("plateau(factor=0.2, times=2, patience=7, threshold=0)", Plateau(0.2, 2, 7, 0.0)),
        ("exponential(0.01)", Exponential(0.01)),
    ],
)
def test_schedules_are_read(written: str, schedule: Schedule) -> None:
    assert valid_net(f"train schedule={written}\n{IMAGE}").graph.train.schedule == schedule


@pytest.mark.parametrize(
    "written",
    [
        "step",
        "step(0)",
        "step(0)",
        "steps",
        "steps(factor=0.1)",
        "steps(2,1)",
        "steps(1,1)",
        "steps(0)",
        "steps(1,x)",
        "steps(every=1)",
        "exponential",
        "exponential(0)",
        "plateau(factor=0)",
        "plateau(0.1,0)",
        "sine",
        "3",
        "constant,step(3)",
    ],
)
def test_invalid_schedule_is_an_error(written: str) -> None:
    assert codes(f"train schedule={written}\n{IMAGE}") == ["bad-value"]


# Training, augmentation, testing.


def test_train_line_is_read() -> None:
    train = valid_net("train epochs=3 batch=7 optimizer=sgd(0.5, 0.25, 0.125, 0.0625)\n" + IMAGE).graph.train
    assert (train.epochs, train.batch, train.lr, train.rule) == (3, 7, 0.5, Sgd(0.25))
    assert (train.weight_decay, train.bias_decay) == (0.125, 0.0625)
    train = valid_net("train optimizer=sgd\n" + IMAGE).graph.train
    assert (train.lr, train.rule, train.weight_decay, train.bias_decay) == (0.01, Sgd(0.9), 0.0, 0.0)


@pytest.mark.parametrize(
    "line",
    [
        "train epochs=0",
        "train batch=0",
        "train batch=1.5",
        "train batch=3x3",
        "train optimizer=adafactor",
        "train optimizer=sgd(momentum=1)",
        "train optimizer=0.1",
        "test views=5",
        "test views=ten",
        "augment crop=0",
        "augment from=x",
        "augment flip=yes",
        "augment colour=pca",
        "augment colour=pca(-1)",
        "augment colour=1",
        "augment colour=jitter",
        "augment colour=jitter(0)",
        "augment colour=jitter(-0.1)",
        "augment colour=jitter(hue=0.6)",
        "augment colour=jitter(0.1),none",
        "augment colour=pca(0.1),jitter(0.1)",
        "augment mixup=-0.1",
        "augment cutmix=yes",
        "gpus 0",
        "gpus x",
        "gpus 1025",
        "gpus",
        "net rounding=ceil",
        "default",
        "default 3",
    ],
)
def test_invalid_setting_value_is_an_error(line: str) -> None:
    assert codes(f"{line}\n{IMAGE}") == ["bad-value"]


def test_colours_are_jittered_and_then_shifted() -> None:
    text = "augment colour=jitter(0.4, 0.3, hue=0.1),pca(0.1)\n[image] input 3x8x8"
    assert valid_net(text).graph.augment == Augment(jitter=Jitter(0.4, 0.3, 0.0, 0.1), colour=0.1)
    found = only_diagnostic(text.replace("jitter(0.4, 0.3, hue=0.1),pca(0.1)", "pca(0.1),jitter(0.4)"))
    assert found.fixes[0].edits[0].text == "jitter(0.4),pca(0.1)"


def test_augment_and_test_lines_are_read() -> None:
    text = "augment crop=8 from=10 flip=horizontal colour=pca(0.1) mixup=0.2 cutmix=1\ntest views=10\n"
    text += f"{IMAGE}\n[f] fc outputs=2\n"
    read = Augment(crop=8, resize=10, flip="horizontal", colour=0.1, mixup=0.2, cutmix=1)
    assert valid_net(text).graph.augment == read
    assert valid_net(text).graph.test.views == 10
    assert valid_net("augment flip=none colour=none\n" + IMAGE).graph.augment == Augment()
