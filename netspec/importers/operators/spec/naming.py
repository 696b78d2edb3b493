"""Names of layers: those of their parameters in the model, else of their nodes, else their type and a number."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netspec.importers.identifiers import identifier, untaken
from netspec.importers.operators.graph.model import Node, Tensor
from netspec.importers.operators.spec.lines import Line

_PARAMETER = re.compile(
    r"[./](?:weight|bias|kernel|gamma|beta|scale|shift|(?:depthwise|pointwise)_kernel|running_(?:mean|var)|"
    r"moving_(?:mean|variance)|mean|var|W|b)(?:/Read\w*)?(?::0)?"
)
"""The end of a parameter's name, behind the name of its module."""

_CALLS = ("StatefulPartitionedCall", "ReadVariableOp", "_orig_mod")
"""Parts of names that TensorFlow puts around those of layers, and torch.compile."""

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
    result: list[str] = []
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for line, path in zip(lines, _paths(lines), strict=True):
        word = _SHORT.get(line.type, line.type)
        name = identifier("_".join(path)) if path else ""
        while not path and (not name or name in taken):
            counts[word] = counts.get(word, 0) + 1
            name = word if counts[word] == 1 and word in _USUALLY_ONE else f"{word}{counts[word]}"
        name = untaken(f"{name}_{word}" if name in taken else name, taken)
        taken.add(name)
        result.append(name)
    return result


def _paths(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """Return the path of each line's name in the model, without a first part that all have."""
    paths: list[tuple[str, ...]] = []
    for line in lines:  # parameters with equal values may be stored once, under the name of the first
        path = line.hint if line.hint not in paths else ()
        paths.append(path or _of_node(line.origin) or line.hint)
    named = [path for line, path in zip(lines, paths, strict=True) if path and line.type != "input"]
    if len(named) < 2 or len({path[0] for path in named}) > 1 or min(map(len, named)) == 1:
        return paths
    return [path[1:] if line.type != "input" else path for line, path in zip(lines, paths, strict=True)]


def has_name(line: Line) -> bool:
    """Whether a line has a name from the model, not only that of its type with a number."""
    return bool(line.hint or _of_node(line.origin))


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
    word = re.sub(r"_+\d+$", "", part.lower())
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
        parts += [word for word in inner if word and word not in _CALLS]
    return tuple(parts)


_OPERATORS = frozenset({
    "add", "averagepool", "avgpool", "batchnormalization", "biasadd", "clip", "concat", "conv", "conv2d",
    "convtranspose", "depthwise", "div", "dropout", "elu", "flatten", "fusedbatchnormv3", "gelu", "gemm",
    "globalaveragepool", "hardsigmoid", "hardswish", "identity", "layernormalization", "leakyrelu", "lrn", "matmul",
    "maxpool", "mean", "mul", "pad", "reducemean", "relu", "relu6", "reshape", "sigmoid", "softmax", "squeeze", "sub",
    "sum", "tanh", "transpose", "unsqueeze",
})  # fmt: skip
"""Names of operators that may end a node's name although the node is another one: those of TensorFlow, and those that
became part of a group."""
