"""Solvers as keys of a train line: the rates are those of Caffe's formulas at each iteration."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from caffe_records import record

from netspec import loads
from netspec.importers.caffe.learning.solver import Solved, train_line
from netspec.train.learning.schedule import Moment, Watch, rate_factor

ITERATIONS = 40


def solved(text: str, batch: int | None = 64, *, bias_decays: bool = False) -> Solved:
    return train_line(record("SolverParameter", text), batch, bias_decays=bias_decays)


def line(text: str, **keys: bool) -> str:
    """Return the train line without its first two keys, ``steps`` and ``batch``."""
    found = solved(f"max_iter: 40 {text}", **keys)
    assert not found.problems
    return " ".join(f"{key}={value}" for key, value in found.train.items()).removeprefix("steps=40 batch=64 ")


FORMULAS: dict[str, Callable[[int], float]] = {
    "lr_policy: 'fixed'": lambda i: 1,
    "lr_policy: 'step' gamma: 0.5 stepsize: 7": lambda i: 0.5 ** (i // 7),
    "lr_policy: 'step' gamma: 1 stepsize: 7": lambda i: 1,
    "lr_policy: 'exp' gamma: 0.9": lambda i: 0.9**i,
    "lr_policy: 'inv' gamma: 0.1 power: 0.75": lambda i: (1 + 0.1 * i) ** -0.75,
    "lr_policy: 'inv' power: 0.75": lambda i: 1,
    "lr_policy: 'multistep' gamma: 0.1 stepvalue: 3 stepvalue: 20 stepvalue: 21": lambda i: (
        0.1 ** sum(i >= start for start in (3, 20, 21))
    ),
    "lr_policy: 'multistep' gamma: 0.1": lambda i: 1,
    "lr_policy: 'poly' power: 1": lambda i: 1 - i / ITERATIONS,
    "lr_policy: 'poly' power: 0.5": lambda i: math.sqrt(1 - i / ITERATIONS),
    "lr_policy: 'poly'": lambda i: 1,
    "lr_policy: 'sigmoid' gamma: -0.5 stepsize: 12": lambda i: 1 / (1 + math.exp(0.5 * (i - 12))),
}
"""The factors of ``base_lr`` in iteration i."""


@pytest.mark.parametrize("policy", FORMULAS)
def test_rates_of_each_iteration_are_caffes(policy: str) -> None:
    train = loads(f"[x] input 4\n[f] fc outputs=2\ntrain {line(f'base_lr: 0.5 {policy}')}").graph.train
    for i in range(ITERATIONS):
        now = Moment(step=i, steps=ITERATIONS, epoch=i // 9, per_epoch=9)
        assert rate_factor(train, train.schedule, now, Watch()) == pytest.approx(FORMULAS[policy](i))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("base_lr: 0.01", "sgd(lr=0.01, momentum=0)"),
        ("base_lr: 0.01 momentum: 0.9 type: 'SGD'", "sgd(lr=0.01, momentum=0.9)"),
        ("base_lr: 0.01 momentum: 0.9 type: 'Nesterov'", "sgd(lr=0.01, momentum=0.9, nesterov=yes)"),
        ("base_lr: 0.01 momentum: 0.9 solver_type: NESTEROV", "sgd(lr=0.01, momentum=0.9, nesterov=yes)"),
        ("base_lr: 1e-3 weight_decay: 5e-4", "sgd(lr=0.001, momentum=0, weight_decay=0.0005)"),
        ("base_lr: 1e-3 regularization_type: 'L1'", "sgd(lr=0.001, momentum=0)"),
        ("base_lr: 1e-3 type: 'Adam'", "adam(lr=0.001, beta1=0, beta2=0.999, eps=1e-08)"),
        (
            "base_lr: 1e-3 momentum: 0.9 momentum2: 0.99 delta: 1e-6 solver_type: ADAM",
            "adam(lr=0.001, beta1=0.9, beta2=0.99, eps=1e-06)",
        ),
        ("base_lr: 1e-3 type: 'AdaGrad'", "adagrad(lr=0.001, eps=1e-08)"),
        ("base_lr: 1e-3 solver_type: ADAGRAD delta: 1e-3 rms_decay: 2", "adagrad(lr=0.001, eps=0.001)"),
        ("base_lr: 1 solver_type: ADADELTA momentum: 0.95 delta: 1e-6", "adadelta(lr=1, rho=0.95, eps=1e-06)"),
        ("base_lr: 1e-3 type: 'RMSProp'", "rmsprop(lr=0.001, rho=0.99, eps=1e-08)"),
        (
            "base_lr: 1e-3 solver_type: RMSPROP rms_decay: 0.98 weight_decay: 5e-4",
            "rmsprop(lr=0.001, rho=0.98, eps=1e-08, weight_decay=0.0005)",
        ),
    ],
)
def test_update_rules(text: str, expected: str) -> None:
    assert line(f"{text} lr_policy: 'fixed'") == f"optimizer={expected}"


def test_biases_decay_as_weights_do_unless_none_decays() -> None:
    text = "base_lr: 1 weight_decay: 0.1 lr_policy: 'fixed'"
    assert "bias_decay" not in line(text)
    assert line(text, bias_decays=True) == "optimizer=sgd(lr=1, momentum=0, weight_decay=0.1, bias_decay=0.1)"
    assert "bias_decay" not in line("base_lr: 1 lr_policy: 'fixed'", bias_decays=True)


def test_iter_size_divides_a_larger_batch() -> None:
    found = solved("max_iter: 9 base_lr: 1 lr_policy: 'fixed' iter_size: 4").train
    assert (found["steps"], found["batch"], found["accumulate"]) == ("9", "256", "4")
    assert "batch" not in solved("max_iter: 9 base_lr: 1 lr_policy: 'fixed'", None).train


def test_limit_of_gradients_is_of_their_mean() -> None:
    """Caffe limits the sum over four parts to 2, whose mean a spec therefore limits to 0.5."""
    text = "max_iter: 9 base_lr: 1 lr_policy: 'fixed' clip_gradients: 2"
    assert solved(text).train["clip_gradients"] == "norm(2)"
    assert solved(f"{text} iter_size: 4").train["clip_gradients"] == "norm(0.5)"
    assert "clip_gradients" not in solved(text.replace(": 2", ": -1")).train


def test_what_does_not_change_the_training_is_left_out() -> None:
    text = (
        "net: 'a' test_iter: 9 test_interval: 5 display: 2 snapshot: 7 snapshot_prefix: 'b' solver_mode: GPU "
        "device_id: 1 random_seed: 3 average_loss: 4 debug_info: true train_net: 'c' test_net: 'd' clip_gradients: -1 "
    )
    assert line(f"{text} base_lr: 1 lr_policy: 'fixed'") == "optimizer=sgd(lr=1, momentum=0)"


@pytest.mark.parametrize(
    ("text", "reason", "place"),
    [
        ("type: 'AdaDelta' momentum: 1", "momentum must be from 0 to below 1, and is 1", "momentum: 1"),
        ("type: 'RMSProp' momentum: 0.9", "RMSProp has no momentum, and stops if one is given", "momentum: 0.9"),
        ("type: 'AdaGrad' momentum: 0.9", "AdaGrad has no momentum", "momentum: 0.9"),
        ("type: 'RMSProp' rms_decay: 1", "rms_decay must be from 0 to below 1, and is 1", "rms_decay: 1"),
        ("type: 'RMSProp' delta: 0", "delta must be above 0, and is 0", "delta: 0"),
        ("rms_decay: inf", "its rms_decay is inf", "rms_decay: inf"),
        ("type: 'Nestrov'", "did you mean Nesterov", "type: 'Nestrov'"),
        ("type: 'SGD' solver_type: SGD", "both given", "solver_type: SGD"),
        ("weight_decay: 0.1 regularization_type: 'L1'", "squares", "regularization_type: 'L1'"),
        ("regularization_type: 'L3'", "no regularization_type 'L3'", "regularization_type: 'L3'"),
        ("weight_decay: -1", "weight_decay must be at least 0, and is -1", "weight_decay: -1"),
        ("clip_gradients: 0", "Caffe multiplies all gradients by 0", "clip_gradients: 0"),
        ("momentum: inf", "its momentum is inf, which is not a finite float32 number", "momentum: inf"),
        ("gamma: 1e39", "its gamma is 1e+39", "gamma: 1e39"),
        ("momentum: 1", "from 0 to below 1", "momentum: 1"),
        ("iter_size: 0", "at least 1", "iter_size: 0"),
        ("lr_policy: 'sigmoid' stepsize: -1", "center at a step from 0 on", "stepsize: -1"),
        ("lr_policy: 'stp'", "did you mean step", "lr_policy: 'stp'"),
        ("lr_policy: 'step' gamma: 0.1", "stepsize must be at least 1", "lr_policy: 'step'"),
        ("lr_policy: 'step' gamma: 2 stepsize: 5", "above 0 up to 1, not 2", "gamma: 2"),
        ("lr_policy: 'exp' gamma: 0", "above 0 up to 1, not 0", "gamma: 0"),
        ("lr_policy: 'multistep' gamma: 0.1 stepvalue: 5 stepvalue: 5", "increasing", "stepvalue: 5"),
        ("lr_policy: 'poly' power: -1", "power must be at least 0", "power: -1"),
        ("lr_policy: 'inv' gamma: -1 power: 1", "gamma must be at least 0", "gamma: -1"),
    ],
)
def test_what_a_spec_cannot_express_is_reported_at_its_place(text: str, reason: str, place: str) -> None:
    usual = "" if "lr_policy" in text else "lr_policy: 'fixed'"
    (problem,) = solved(f"{text} base_lr: 1 max_iter: 40 {usual}").problems
    assert reason in str(problem)
    assert problem.span is not None
    assert problem.span.text == place


def test_all_problems_of_a_solver_are_listed() -> None:
    found = solved("base_lr: -1 clip_gradients: 0 iter_size: 2", None).problems
    reported = ["max_iter", "iter_size", "base_lr", "lr_policy", "clip_gradients"]
    assert [str(problem).split()[0] for problem in found] == reported
