"""The weights of a run or a file as NumPy arrays by parameter key, for backends that do not use torch."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from netspec.backend import Trained
from netspec.ir.graph import Graph
from netspec.passes.torch_names import layer_names, renamed
from netspec.train.tensors.fitting import module_with
from netspec.train.tensors.weights import read_weights


def read_trained(graph: Graph, path: Path, warn: Callable[[str], None]) -> Trained:
    """Read weights for a graph, with facts about them.

    The facts are ``weights_sha256`` and, for a run:

    ``step``, ``classes``
        The training step, and the names of the classes as a JSON list.
    ``input.mean_values``, or ``input.mean_image``
        What is subtracted from images: a JSON list of one number per channel, or float32 numbers (channels x height x
        width, little-endian) in base64.
    ``input.std_values``
        What each channel is then divided by, a JSON list.

    The numbers are in the network's pixel range and channel order.

    Raises
    ------
    RequestError
        The path does not exist.
    TrainError
        The file cannot be read, its weights do not fit, or they were trained on another pixel range.
    """
    weights = read_weights(path, warn)
    module = module_with(graph, weights)
    names = layer_names(graph)
    arrays = {
        renamed(key, names): tensor.float().numpy()
        for key, tensor in module.state_dict().items()
        if tensor.is_floating_point()
    }
    return Trained(arrays, {"weights_sha256": weights.sha256, **_facts(graph, weights.about)})


def _facts(graph: Graph, about: Mapping[str, Any]) -> dict[str, str]:
    facts = {"step": str(about["step"])} if "step" in about else {}
    if "classes" in about:
        facts["classes"] = json.dumps(list(about["classes"]), ensure_ascii=False)
    if "preparation" not in about:
        return facts
    preprocessing, preparation = graph.preprocessing, about["preparation"]
    if preprocessing.std != "none":
        facts["input.std_values"] = json.dumps(_in_channel_order(graph, preparation["std"]).flatten().tolist())
    mean = _in_channel_order(graph, preparation["mean"])
    if preprocessing.mean == "image":
        _, height, width = graph.input.output
        top, left = (mean.shape[1] - height) // 2, (mean.shape[2] - width) // 2
        numbers = mean[:, top : top + height, left : left + width].numpy().astype("<f4").tobytes()
        facts["input.mean_image"] = base64.b64encode(numbers).decode()
    elif preprocessing.mean != "none":
        facts["input.mean_values"] = json.dumps(mean.flatten().tolist())
    return facts


def _in_channel_order(graph: Graph, numbers: Tensor) -> Tensor:
    """Reorder numbers per channel from RGB to the network's channel order."""
    return numbers.flip(0) if graph.preprocessing.order == "bgr" and len(numbers) == 3 else numbers
