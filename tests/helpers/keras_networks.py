"""Models as Keras writes them, by hand: JSON of Keras 3, and archives with weights."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Json = dict[str, Any]


def layer(kind: str, name: str, /, **config: Any) -> Json:
    """A layer of Keras 3 in a Sequential model."""
    return {"module": "keras.layers", "class_name": kind, "config": {"name": name, **config}, "registered_name": None}


def image(*shape: int | None) -> Json:
    """The input, height x width x channels."""
    return layer("InputLayer", "image", batch_shape=[None, *shape])


def sequential(*layers: Json, name: str = "net", compiled: Any = None) -> Json:
    """A Sequential model."""
    model: Json = {"module": "keras", "class_name": "Sequential", "config": {"name": name, "layers": [*layers]}}
    return model if compiled is None else model | {"compile_config": compiled}


def reads(given: Json, *names: str | tuple[str, int], together: bool = True, calls: int = 1) -> Json:
    """A layer of a functional model that reads the outputs of others; each of its calls reads one, if they are several.

    ``together``: the layer has them as one list.
    """
    tensors = [_tensor(name) for name in names]
    if calls > 1:
        nodes = [{"args": [tensor], "kwargs": {}} for tensor in tensors]
    else:
        nodes = [{"args": [tensors] if together and len(tensors) > 1 else tensors, "kwargs": {}}] if tensors else []
    return {**given, "name": given["config"]["name"], "inbound_nodes": nodes}


def _tensor(name: str | tuple[str, int]) -> Json:
    history = [name, 0, 0] if isinstance(name, str) else [name[0], name[1], 0]
    return {"class_name": "__keras_tensor__", "config": {"shape": None, "keras_history": history}}


def functional(*layers: Json, outputs: tuple[str, ...], inputs: tuple[str, ...] = ("image",)) -> Json:
    """A functional model."""
    ends = {"input_layers": [[name, 0, 0] for name in inputs], "output_layers": [[name, 0, 0] for name in outputs]}
    return {"module": "keras", "class_name": "Functional", "config": {"name": "net", "layers": [*layers], **ends}}


def archive(model: Json, weights: Mapping[str, Any] | None = None, version: str = "3.9.0") -> bytes:
    """A ``.keras`` file. ``weights`` are by their paths, ``layers/conv2d/vars/0``."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("config.json", json.dumps(model))
        file.writestr("metadata.json", json.dumps({"keras_version": version}))
        if weights is not None:
            file.writestr("model.weights.h5", hdf5(weights))
    return data.getvalue()


def hdf5(weights: Mapping[str, Any]) -> bytes:
    """A file of weights of Keras 3."""
    import h5py

    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        file.create_group("layers")
        for path, values in weights.items():
            file[path] = values
    return data.getvalue()


DIGITS = sequential(
    image(28, 28, 1),
    layer("Rescaling", "pixels", scale=1 / 255),
    layer("Conv2D", "conv1", filters=8, kernel_size=[5, 5], padding="same", activation="relu"),
    layer("MaxPooling2D", "pool1", pool_size=[2, 2]),
    layer("Conv2D", "conv2", filters=16, kernel_size=[3, 3], padding="same", strides=[2, 2], use_bias=False),
    layer("BatchNormalization", "norm2"),
    layer("Activation", "relu2", activation="relu"),
    layer("Flatten", "flatten"),
    layer("GaussianNoise", "noise", stddev=0.1),
    layer("Dense", "scores", units=10, activation="softmax", kernel_regularizer={
        "class_name": "L2", "config": {"l2": 1e-4},
    }),
    compiled={
        "optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}},
        "loss": "sparse_categorical_crossentropy",
    },
)  # fmt: skip
"""A small network of handwritten digits."""

SHAPES = {
    "conv2d/vars/0": (5, 5, 1, 8), "conv2d/vars/1": (8,), "conv2d_1/vars/0": (3, 3, 8, 16),
    **{f"batch_normalization/vars/{place}": (16,) for place in range(4)},
    "dense/vars/0": (784, 10), "dense/vars/1": (10,),
}  # fmt: skip


def random_weights(shapes: Mapping[str, tuple[int, ...]] = SHAPES, seed: int = 0) -> dict[str, Any]:
    """Random weights from 0.1 to 1, by their paths."""
    rng = np.random.default_rng(seed)
    return {f"layers/{path}": rng.uniform(0.1, 1, shape).astype(np.float32) for path, shape in shapes.items()}


def write_files(folder: Path) -> None:
    """Write the models that docs/keras.md reads."""
    (folder / "digits.keras").write_bytes(archive(DIGITS, random_weights()))
    (folder / "digits.json").write_text(json.dumps(DIGITS), "utf-8")
    (folder / "digits.weights.h5").write_bytes(hdf5(random_weights()))
