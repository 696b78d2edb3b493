"""An imported network learns as in Caffe: its steps, against Caffe's updates written down in numpy.

The updates are those of ``ApplyUpdate`` in src/caffe/solvers/sgd_solver.cpp and of ``ComputeUpdateValue`` in
nesterov_solver.cpp and adam_solver.cpp, in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from netspec.importers.caffe import translate
from netspec.ir.graph import Graph
from netspec.net import loads
from netspec.source import Source
from netspec.train.learning.objective import build
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.rates import scales
from netspec.train.learning.schedule import Moment, Watch, rate_factor

Array = NDArray[np.float64]
BATCH, STEPS = 6, 7

NET = """
layer { name: "data" type: "MemoryData" top: "data" top: "label"
        memory_data_param { batch_size: 6 channels: 5 height: 1 width: 1 } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1" param { lr_mult: 1 decay_mult: 2 }
        param { lr_mult: 2 decay_mult: 0 } inner_product_param { num_output: 4 weight_filler { type: "xavier" }
        bias_filler { value: 0.1 } } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "frozen" type: "InnerProduct" bottom: "ip1" top: "frozen" param { lr_mult: 0 } param { lr_mult: 0 }
        inner_product_param { num_output: 4 weight_filler { type: "gaussian" std: 0.5 } } }
layer { name: "bent" type: "PReLU" bottom: "frozen" top: "bent" param { lr_mult: 3 decay_mult: 2 } }
layer { name: "bent2" type: "PReLU" bottom: "bent" top: "bent2" prelu_param { channel_shared: true } }
layer { name: "ip2" type: "InnerProduct" bottom: "bent2" top: "ip2" param { lr_mult: 0.5 }
        inner_product_param { num_output: 3 weight_filler { type: "msra" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" loss_weight: 0.5 }
"""
MULTIPLIERS = {
    "ip1.weight": (1, 2), "ip1.bias": (2, 0), "frozen.weight": (0, 1), "frozen.bias": (0, 1), "bent.weight": (3, 2),
    "bent2.weight": (1, 1), "ip2.weight": (0.5, 1), "ip2.bias": (1, 1),
}  # fmt: skip
"""lr_mult and decay_mult of each blob."""


@dataclass
class Solver:
    """Caffe's solver: the rate of an iteration, and how a blob's update follows from its gradient."""

    rate: Callable[[int], float]
    decay: float
    kind: str
    momentum: float
    parts: int = 1
    momentum2: float = 0.999
    delta: float = 1e-8
    rms_decay: float = 0.99
    clip: float = -1
    history: dict[str, Array] = field(default_factory=dict)
    history2: dict[str, Array] = field(default_factory=dict)

    def apply(self, blobs: dict[str, Array], gradients: dict[str, Array], iteration: int) -> None:
        """Update blobs, given the sums of the gradients of all parts of a batch."""
        norm = np.sqrt(sum((g**2).sum() for name, g in gradients.items() if MULTIPLIERS[name][0]))
        scale = self.clip / norm if norm > self.clip >= 0 else 1.0
        for name, data in blobs.items():
            lr_mult, decay_mult = MULTIPLIERS[name]
            diff = scale * gradients[name] / self.parts + self.decay * decay_mult * data
            rate = self.rate(iteration) * lr_mult
            data -= getattr(self, self.kind)(name, diff, rate, iteration)

    def sgd(self, name: str, diff: Array, rate: float, iteration: int) -> Array:
        self.history[name] = rate * diff + self.momentum * self.history.get(name, np.zeros_like(diff))
        return self.history[name]

    def nesterov(self, name: str, diff: Array, rate: float, iteration: int) -> Array:
        before = self.history.get(name, np.zeros_like(diff))
        self.history[name] = rate * diff + self.momentum * before
        return (1 + self.momentum) * self.history[name] - self.momentum * before

    def adam(self, name: str, diff: Array, rate: float, iteration: int) -> Array:
        m, v = (h.get(name, np.zeros_like(diff)) for h in (self.history, self.history2))
        self.history[name] = m = self.momentum * m + (1 - self.momentum) * diff
        self.history2[name] = v = self.momentum2 * v + (1 - self.momentum2) * diff**2
        t = iteration + 1
        correction = np.sqrt(1 - self.momentum2**t) / (1 - self.momentum**t)
        return rate * correction * m / (np.sqrt(v) + self.delta)

    def rmsprop(self, name: str, diff: Array, rate: float, iteration: int) -> Array:
        before = self.history.get(name, np.zeros_like(diff))
        self.history[name] = (1 - self.rms_decay) * diff**2 + self.rms_decay * before
        return rate * (diff / (np.sqrt(self.history[name]) + self.delta))

    def adagrad(self, name: str, diff: Array, rate: float, iteration: int) -> Array:
        self.history[name] = diff**2 + self.history.get(name, np.zeros_like(diff))
        return rate * (diff / (np.sqrt(self.history[name]) + self.delta))

    def adadelta(self, name: str, diff: Array, rate: float, iteration: int) -> Array:
        squares, updates = (h.get(name, np.zeros_like(diff)) for h in (self.history, self.history2))
        self.history[name] = squares = (1 - self.momentum) * diff**2 + self.momentum * squares
        update = diff * np.sqrt((updates + self.delta) / (squares + self.delta))
        self.history2[name] = (1 - self.momentum) * update**2 + self.momentum * updates
        return rate * update


def gradients(w: dict[str, Array], x: Array, labels: NDArray[np.int64]) -> dict[str, Array]:
    """Return the gradients of the weighted mean loss of some images."""
    h1 = x @ w["ip1.weight"].T + w["ip1.bias"]
    relu = np.maximum(h1, 0)
    h2 = relu @ w["frozen.weight"].T + w["frozen.bias"]
    bent = np.maximum(h2, 0) + w["bent.weight"] * np.minimum(h2, 0)
    bent2 = np.maximum(bent, 0) + w["bent2.weight"] * np.minimum(bent, 0)
    scores = bent2 @ w["ip2.weight"].T + w["ip2.bias"]
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    d3 = 0.5 * (probabilities - np.eye(3)[labels]) / len(x)
    d_bent2 = d3 @ w["ip2.weight"]
    d_bent = d_bent2 * np.where(bent > 0, 1, w["bent2.weight"])
    d2 = d_bent * np.where(h2 > 0, 1, w["bent.weight"])
    d1 = d2 @ w["frozen.weight"] * (h1 > 0)
    layers = {"ip1": (d1, x), "frozen": (d2, relu), "ip2": (d3, bent2)}
    slopes = {
        "bent.weight": (d_bent * np.minimum(h2, 0)).sum(0),
        "bent2.weight": (d_bent2 * np.minimum(bent, 0)).sum(keepdims=True).reshape(1),
    }
    return (
        slopes
        | {f"{name}.weight": d.T @ read for name, (d, read) in layers.items()}
        | {f"{name}.bias": d.sum(0) for name, (d, _) in layers.items()}
    )


def imported(solver: str) -> Graph:
    text = f"max_iter: {STEPS} base_lr: 0.2 weight_decay: 0.05 {solver}"
    spec = translate(Source("net.prototxt", NET), None, Source("solver.prototxt", text)).source.text
    return loads(spec).graph


def batches(count: int, images: int) -> list[tuple[Array, NDArray[np.int64]]]:
    rng = np.random.default_rng(2)
    return [(rng.standard_normal((images, 5)), rng.integers(0, 3, images)) for _ in range(count)]


@pytest.mark.parametrize(
    ("text", "solver"),
    [
        (
            "momentum: 0.9 lr_policy: 'step' stepsize: 3 gamma: 0.1",
            Solver(lambda i: 0.2 * 0.1 ** (i // 3), 0.05, "sgd", 0.9),
        ),
        ("lr_policy: 'multistep' stepvalue: [2, 5] gamma: 0.5 iter_size: 3",
         Solver(lambda i: 0.2 * 0.5 ** ((i >= 2) + (i >= 5)), 0.05, "sgd", 0, parts=3)),
        ("type: 'Nesterov' momentum: 0.8 lr_policy: 'inv' gamma: 0.5 power: 0.75",
         Solver(lambda i: 0.2 * (1 + 0.5 * i) ** -0.75, 0.05, "nesterov", 0.8)),
        ("type: 'Adam' momentum: 0.9 delta: 1e-14 lr_policy: 'poly' power: 0.5",
         Solver(lambda i: 0.2 * (1 - i / STEPS) ** 0.5, 0.05, "adam", 0.9, delta=1e-14)),
        ("type: 'RMSProp' rms_decay: 0.9 delta: 1e-3 lr_policy: 'step' stepsize: 3 gamma: 0.1 iter_size: 2",
         Solver(lambda i: 0.2 * 0.1 ** (i // 3), 0.05, "rmsprop", 0, parts=2, delta=1e-3, rms_decay=0.9)),
        ("momentum: 0.9 lr_policy: 'fixed' iter_size: 3 clip_gradients: 0.75",
         Solver(lambda i: 0.2, 0.05, "sgd", 0.9, parts=3, clip=0.75)),
        ("type: 'AdaGrad' delta: 1e-3 lr_policy: 'exp' gamma: 0.9",
         Solver(lambda i: 0.2 * 0.9**i, 0.05, "adagrad", 0, delta=1e-3)),
        ("type: 'AdaDelta' momentum: 0.95 delta: 1e-6 lr_policy: 'fixed'",
         Solver(lambda i: 0.2, 0.05, "adadelta", 0.95, delta=1e-6)),
    ],
)  # fmt: skip
def test_weights_after_some_steps_are_caffes(text: str, solver: Solver) -> None:
    graph = imported(text)
    assert (graph.train.steps, graph.train.batch) == (STEPS, BATCH * solver.parts)
    objective = build(graph, seed=1, device="cpu")
    objective.module.double()
    optimiser = optimiser_of(graph, objective.module)
    start = {key: w.detach().numpy().copy() for key, w in objective.module.state_dict().items()}
    blobs = {key: start[key].copy() for key in MULTIPLIERS}
    for step, (x, labels) in enumerate(batches(STEPS, BATCH * solver.parts)):
        now = Moment(step, STEPS, epoch=0, per_epoch=100)
        optimiser.factor = rate_factor(graph.train, graph.train.schedule, now, Watch())
        optimiser.scales = scales(graph.train, optimiser.groups, now, Watch(), 0)
        optimiser.zero_grad()
        images = torch.from_numpy(x).reshape(-1, 5, 1, 1)
        objective.gradients(images, torch.from_numpy(labels), 0, step, optimiser.step)
        parts = [
            gradients(blobs, x[here], labels[here])
            for here in (slice(BATCH * part, BATCH * (part + 1)) for part in range(solver.parts))
        ]
        solver.apply(blobs, {key: np.sum([part[key] for part in parts], 0) for key in blobs}, step)
    after = objective.module.state_dict()
    moved = {key for key in blobs if not torch.equal(after[key], torch.from_numpy(start[key]))}
    assert moved == {"ip1.weight", "ip1.bias", "bent.weight", "bent2.weight", "ip2.weight", "ip2.bias"}
    for key, expected in blobs.items():
        np.testing.assert_allclose(after[key].numpy(), expected, rtol=1e-8, atol=1e-12)


def test_initial_values_are_the_fillers() -> None:
    graph = imported("lr_policy: 'fixed'")
    w = {key: v.numpy() for key, v in build(graph, seed=1, device="cpu").module.state_dict().items()}
    assert np.abs(w["ip1.weight"]).max() <= np.sqrt(3 / 5)
    assert (w["ip1.bias"] == np.float32(0.1)).all()
    assert not w["ip2.bias"].any()
