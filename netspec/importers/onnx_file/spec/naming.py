"""Names of layers: those of their parameters in the model, else of their nodes, else their type and a number."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netspec.importers.identifiers import identifier
from netspec.importers.onnx_file.graph.model import Node, Tensor
from netspec.importers.onnx_file.spec.lines import Line

_PARAMETER = re.compile(
    r"[./](?:weight|bias|kernel|gamma|beta|scale|shift|(?:depthwise|pointwise)_kernel|running_(?:mean|var)|"
    r"moving_(?:mean|variance)|mean|var|W|b)(?:/Read\w*)?(?::0)?"
)
"""The end of a parameter's name, behind the name of its module."""

_OF_TENSORFLOW = frozenset({
    "conv2d", "matmul", "biasadd", "fusedbatchnormv3", "depthwise", "tensordot", "statefulpartitionedcall", "model",
    "sequential", "functional", "maxpool", "avgpool", "readvariableop",
})  # fmt: skip
"""Parts of names that TensorFlow gives to operators, in lower case."""

_SHORT = {
    "maxpool": "pool", "avgpool": "pool", "lrn": "norm", "batchnorm": "norm", "layernorm": "norm", "groupnorm": "norm",
    "dropout": "drop", "zeropad": "pad", "softmax": "prob",
}  # fmt: skip
"""The words for numbered names."""

_USUALLY_ONE = ("prob", "flatten")
"""Words whose first layer gets no number."""


def of_parameter(*tensors: Tensor | None) -> tuple[str, ...]:
    """Return the path of the module that the first of these parameters belongs to, if its name tells: ``features``,
    ``0`` for ``features.0.weight``."""
    for tensor in tensors:
        if tensor is not None and (end := _PARAMETER.search(tensor.name)) and end.end() == len(tensor.name):
            return _parts(tensor.name[: end.start()])
    return ()


def of_input(name: str) -> tuple[str, ...]:
    """Return the path of the input's name."""
    return _parts(name) or ("image",)


def names(lines: Sequence[Line]) -> list[str]:
    """Return a name for each line, all different."""
    paths: list[tuple[str, ...]] = []
    for line in lines:  # parameters with equal values may be stored once, under the name of the first
        path = line.hint if line.hint not in paths else ()
        paths.append(path or _of_node(line.node) or line.hint)
    common = {path[0] for path in paths if path}
    if len(common) == 1 and all(len(path) > 1 for path in paths if path):
        paths = [path[1:] for path in paths]
    result: list[str] = []
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for line, path in zip(lines, paths, strict=True):
        word = _SHORT.get(line.type, line.type)
        name = identifier("_".join(path)) if path else ""
        while not path and (not name or name in taken):
            counts[word] = counts.get(word, 0) + 1
            name = word if counts[word] == 1 and word in _USUALLY_ONE else f"{word}{counts[word]}"
        base, number = name, 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name)
        result.append(name)
    return result


def _of_node(node: Node | None) -> tuple[str, ...]:
    """Return the path in a node's name without its operator; nothing if only that is in it.

    PyTorch's newer exporter records the module apart from the name.
    """
    if node is None:
        return ()
    if node.module:
        return _parts(node.module)
    parts, operator = _parts(node.name), node.op.rpartition(".")[2].lower()
    return parts[:-1] if parts and _is_operator(parts[-1], operator) else parts


def _is_operator(part: str, operator: str) -> bool:
    """Whether a part of a name is the name of an operator, perhaps with a number."""
    word = re.sub(r"_\d+$", "", part.lower())
    return word in _OPERATORS or word == operator or word.startswith("node_")


def _parts(name: str) -> tuple[str, ...]:
    """Divide a name at slashes and dots.

    PyTorch's names of nodes repeat the module that a module is in, ``/layer1/layer1.0/conv1``; it is kept once.
    """
    parts: list[str] = []
    for part in name.removesuffix(":0").strip("/").split("/"):
        inner = part.split(".")
        if parts and len(inner) > 1 and inner[0] == parts[-1]:
            inner = inner[1:]
        parts += [word for word in inner if word and word.lower() not in _OF_TENSORFLOW]
    return tuple(parts)


_OPERATORS = frozenset({
    "add", "averagepool", "avg_pool", "batchnormalization", "clip", "concat", "conv", "div", "dropout", "elu",
    "flatten", "gelu", "gemm", "globalaveragepool", "hardsigmoid", "hardswish", "identity", "layernormalization",
    "leakyrelu", "lrn", "matmul", "maxpool", "max_pool", "mean", "mul", "pad", "reducemean", "relu", "reshape",
    "sigmoid", "softmax", "squeeze", "sub", "sum", "tanh", "transpose", "unsqueeze",
})  # fmt: skip
"""Names of operators that remain in a node's name when the node became part of a group."""
