"""Train networks of real layer files for a step, with the rates, schedules and dropout of their parameter files.

The files are in the folder that NETSPEC_CORPUS names; without it, these tests are skipped.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from corpusfiles import CORPUS, FILES, golden, shape, source

from netspec.ir.constraint import Constraint
from netspec.ir.graph import Graph, Parameter
from netspec.ir.ops import Dropout, LinearNeuron
from netspec.ir.schedules import DiscreteExponential, Exponential, Fixed, JumpingExponential, Linear, Schedule
from netspec.net import ImportOptions, load_source
from netspec.passes.torch_names import state_keys
from netspec.train.learning.objective import build
from netspec.train.learning.optimiser import optimiser_of

pytestmark = pytest.mark.skipif(CORPUS is None, reason="NETSPEC_CORPUS names no folder with real layer files")

LARGE = 2_000_000
"""The number of parameters above which a training step is left to slow runs."""


def accepted_params(file: dict[str, Any]) -> list[dict[str, Any]]:
    """The parameter files that the original accepted for a layer file."""
    return [pair for pair in file.get("pairs", []) if pair["accepted_by_original"]]


def graph_of(file: dict[str, Any], pair: dict[str, Any] | None) -> Graph:
    params = source(pair["params"]) if pair else None
    return load_source(source(file["file"]), shape(file), options=ImportOptions(params)).graph


def training_cases() -> list[Any]:
    """Every layer file with one of its parameter files; large networks are marked slow."""
    cases = [(file, next(iter(accepted_params(file)), None)) for file in FILES]
    slow = pytest.mark.slow
    return [
        pytest.param(file, pair, marks=slow if file["total_params"] > LARGE else (), id=file["file"])
        for file, pair in cases
    ]


@pytest.mark.parametrize(("file", "pair"), training_cases())
def test_every_file_takes_a_training_step(file: dict[str, Any], pair: dict[str, Any] | None) -> None:
    torch.manual_seed(0)
    graph = graph_of(file, pair)
    objective = build(graph, seed=0, device="cpu")
    optimiser = optimiser_of(graph, objective.module)
    keys, tensors = state_keys(graph), dict(objective.module.named_parameters())
    keyed = {key: tensors[keys[key]] for key in graph.parameters}
    settings = {w: (g.lr, g.momentum, g.decay, g.constraint) for g in optimiser.groups for w in g.params}
    for key, p in graph.parameters.items():
        assert settings[keyed[key]] == (p.lr, p.momentum, p.decay, p.constraint), key

    images = torch.rand(2, *graph.input.output) * 100 - 50
    before = {key: float(w.detach().double().sum()) for key, w in keyed.items()}
    loss = objective.gradients(images, torch.arange(2), seed=0, step=0)
    assert math.isfinite(loss)
    optimiser.step()
    changed = {key for key, w in keyed.items() if float(w.detach().double().sum()) != before[key]}
    frozen = {key for key, parameter in graph.parameters.items() if parameter.lr == 0}
    assert all(torch.isfinite(w).all() for w in keyed.values())
    assert not changed & frozen
    assert changed or frozen == set(keyed)
    decaying = {key for key, p in graph.parameters.items() if p.lr * p.decay > 0}
    assert {key for key in decaying if before[key]} <= changed
    for key, p in graph.parameters.items():
        if p.constraint and p.lr:
            assert_within_bounds(keyed[key].detach().double().flatten(1), p.constraint)


def assert_within_bounds(w: torch.Tensor, bounds: Constraint) -> None:
    """Check that each row (a filter) is within the bounds, up to rounding in float32."""
    deviations, lengths = w.std(1, correction=0), w.norm(dim=1)
    assert bounds.max_norm is None or lengths.max() <= bounds.max_norm * (1 + 1e-6)
    assert bounds.min_std is None or deviations.min() >= bounds.min_std * (1 - 1e-6)
    assert bounds.max_std is None or deviations.max() <= bounds.max_std * (1 + 1e-6)


def rate(value: Any) -> tuple[float, Schedule]:
    """Read a rate of golden.json: a number in 2012, a schedule with a base in version 2."""
    if not isinstance(value, dict):
        return value, Fixed()
    return value["params"]["base"], schedule(value)


def schedule(value: dict[str, Any]) -> Schedule:
    """Read a schedule of golden.json."""
    numbers = value["params"]
    factor, noise = 1 / numbers.get("tgtFactor", 1.0), numbers.get("noiseStdev", 0.0)
    match value["type"]:
        case "exp":
            return Exponential(factor, noise)
        case "dexp":
            return DiscreteExponential(factor, int(numbers["numSteps"]), noise)
        case "jdexp":
            return JumpingExponential(factor, int(numbers["numSteps"]), noise)
        case "linear":
            return Linear(factor, noise)
    return Fixed()


PAIRS = [(file, pair) for file in FILES for pair in accepted_params(file)]


def assert_same_bounds(p: Parameter, theirs: dict[str, Any], index: int) -> None:
    """Check a matrix of 2012 against the bounds of its parameter file, with norms as the original computed them."""
    root = math.prod(p.shape[1:]) ** 0.5
    low, high = (theirs[key][index] * root if key in theirs else 0 for key in ("wcNormMin", "wcNormMax"))
    found = [bound or 0 for bound in (p.constraint.max_norm, p.constraint.min_std, p.constraint.max_std)]
    assert found == pytest.approx([theirs["wballNormed"][index], low, high], rel=1e-11), p.key


@pytest.mark.many
@pytest.mark.parametrize(("file", "pair"), PAIRS, ids=lambda case: case.get("params", case.get("file")))
def test_schedules_dropout_and_bounds_match_the_original(file: dict[str, Any], pair: dict[str, Any]) -> None:
    graph, layer_params = graph_of(file, pair), pair["layer_params"]
    for key, parameter in graph.parameters.items():
        theirs, number = layer_params[parameter.layer], key.rpartition(".")[2]
        index = int(number) if number.isdigit() else 0
        weight = parameter.role == "weight"
        base, expected = rate(theirs["epsW"][index] if weight else theirs["epsB"])
        separate = theirs.get("schedW" if weight else "schedB")
        expected = schedule(separate) if separate is not None else expected
        assert not base or graph.schedule_of(parameter) == expected, key
        if weight:
            assert_same_bounds(parameter, theirs, index)
    configured = {layer["name"]: layer for layer in file["layers"]}
    for name, layer in configured.items():
        if layer["type"] not in ("hs", "dropout", "dropout2"):
            continue
        keep = layer_params[name].get("keep", layer["config"].get("keep"))
        factor = keep if layer["type"] != "dropout" else 1.0
        op = graph.nodes[name].op
        if layer_params[name]["enable"]:
            assert op == Dropout(round(1 - keep, 12), "train" if layer["type"] == "dropout" else "test"), name
        else:
            assert op == LinearNeuron(factor), name


def test_corpus_has_the_expected_parameter_files() -> None:
    assert len(PAIRS) >= 40
    layer_params = [layer for _, pair in PAIRS for layer in pair["layer_params"].values()]
    assert sum(any(layer.get("wcNormMax", ())) for layer in layer_params) == 14
    assert sum(any(layer.get("wballNormed", ())) for layer in layer_params) == 4
    assert golden("golden.json")["param_files"]
