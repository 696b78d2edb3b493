"""Keras on its PyTorch backend: models with random weights, what they compute, and whether their specs do the same."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from netspec import backend
from netspec.net import Imported, import_keras
from netspec.opening import read_source

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras", reason="keras is not installed: the extra peers has it", minversion="3.9")
pytest.importorskip("h5py", reason="h5py is not installed: the extra keras has it")

Array = NDArray[Any]


def randomised(model: Any, seed: int = 0) -> Any:
    """Give a model random weights, statistics too, and return it."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        shape, name = tuple(variable.shape), variable.name
        if name in ("moving_variance", "variance"):
            values = rng.uniform(0.5, 2, shape)
        elif name in ("gamma", "mean", "moving_mean", "beta", "bias", "alpha"):
            values = rng.uniform(0.1, 1, shape)
        else:
            values = rng.normal(size=shape) / max(1.0, np.sqrt(np.prod(shape[:-1])))
        if shape or name != "count":
            variable.assign(values)
    return model


def imported(model: Any, suffix: str = ".keras") -> Imported:
    """Save a model, and import it with its weights."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"m{suffix}"
        model.save(path)
        result = import_keras(read_source(path), weights=True)
        arrays = {key: read() for key, read in result.arrays.items()}
    return Imported(result.net, {key: lambda values=values: values for key, values in arrays.items()})  # type: ignore[misc]


def images_of(model: Any, count: int = 2, seed: int = 1) -> Array:
    """Random images in the shape that a model reads."""
    shape = tuple(model.inputs[0].shape[1:])
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)


def first(values: Array) -> Array:
    """Images with the channels first."""
    return values.transpose(0, 3, 1, 2) if values.ndim == 4 else values


def assert_same(
    model: Any, *, suffix: str = ".keras", channels_first: bool = False, tolerance: float = 2e-5
) -> Imported:
    """Check that the spec of a model computes what the model computes, and has as many parameters. Return it."""
    images = images_of(randomised(model))
    expected = np.asarray(model(images, training=False).detach().cpu())
    result = imported(model, suffix)
    graph, arrays = result.net.graph, {key: read() for key, read in result.arrays.items()}
    assert {key: arrays[key].shape for key in graph.parameters} == {k: p.shape for k, p in graph.parameters.items()}
    turned = images if channels_first else first(images)
    actual = backend.load("reference").run(graph, arrays, turned, statistics=arrays).output
    wanted = expected if channels_first else first(expected)
    assert actual.size == wanted.size, result.net.source.text
    largest = np.abs(wanted).max(initial=0.0)
    difference = np.abs(actual.reshape(wanted.shape) - wanted).max(initial=0.0)
    assert difference <= tolerance * largest, f"{difference} of {largest}\n{result.net.source.text}"
    return result
