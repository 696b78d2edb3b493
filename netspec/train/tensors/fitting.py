"""Loading weights from elsewhere into a network's module, and explaining why they do not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netspec.diagnostics.nearest import nearest
from netspec.formatting import plural
from netspec.ir.graph import Graph
from netspec.passes.torch_names import axes_of, state_keys
from netspec.train.errors import RequestError, TrainError
from netspec.train.learning.objective import build
from netspec.train.runs.saved import net_of, shape_text
from netspec.train.tensors import layouts
from netspec.train.tensors.ordering import alike, ordered, uncounted
from netspec.train.tensors.weights import Weights

MAX_LISTED = 12
"""How many of the tensors that do not fit an error lists."""

MAX_LISTED_IF_RENAMED = 2
"""How many it lists if the tensors only have other names."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The result of loading weights: the number of tensors ``taken``, the network's layers that start ``fresh``, and
    the file's layers that were ``left_out``."""

    taken: int
    fresh: tuple[str, ...]
    left_out: tuple[str, ...]


def fit(graph: Graph, module: nn.Module, weights: Weights, fresh: Sequence[str] | None = None) -> Fitted:
    """Load weights into a graph's module.

    The module and the file must have the same tensors, of the same shapes, except for the layers in ``fresh``: these
    keep the module's values, and the file's tensors for them are ignored. ``fresh`` is ``None`` if the calling command
    has no ``--fresh``. On error the module is unchanged.

    Raises
    ------
    RequestError
        ``fresh`` names a layer that neither the network nor the file has.
    TrainError
        Tensors are missing, unexpected, of another shape or type, not finite, or have weights that a connection table
        excludes. The message lists them.
    """
    has_fresh_option, fresh = fresh is not None, fresh or ()
    file_tensors = _merged(graph, weights)
    module_tensors = module.state_dict()
    module_layers = set(map(_layer, module_tensors))
    file_only = set(map(_layer, file_tensors)) - module_layers
    for name in fresh:
        if name not in module_layers | file_only:
            hint = nearest(name, sorted(module_layers | file_only))
            raise RequestError(
                f"--fresh {name}: {graph.name} has no layer with weights of this name",
                *([f"did you mean {hint}?"] if hint else []),
            )
    expected = {key: tensor for key, tensor in module_tensors.items() if _layer(key) not in fresh}
    actual = {key: tensor for key, tensor in file_tensors.items() if _layer(key) not in fresh}
    problems = _problems(expected, actual) or _excluded_weights(graph, actual)
    if problems:
        notes = _renaming_advice(expected, actual, weights)
        limit = MAX_LISTED_IF_RENAMED if notes else MAX_LISTED
        bad_layers = sorted(set(map(_layer, problems)))
        if not notes and has_fresh_option and module_layers.difference(bad_layers):
            words = ",".join(bad_layers[:MAX_LISTED])
            notes = (f"to start a layer anew instead of taking it from the file: --fresh {words}",)
        listed = list(problems.values())[:limit]
        if len(problems) > limit:
            listed.append(f"and {len(problems) - limit} more")
        raise TrainError(f"the weights in {weights.path} do not fit {graph.name}", *listed, *notes)
    module.load_state_dict(actual, strict=False)
    return Fitted(len(actual), tuple(x for x in fresh if x in module_layers), tuple(x for x in fresh if x in file_only))


def _layer(key: str) -> str:
    """The layer of a ``state_dict`` key."""
    return key.partition(".")[0]


def _renaming_advice(expected: Mapping[str, Tensor], actual: Mapping[str, Tensor], weights: Weights) -> tuple[str, ...]:
    """Return advice for a file whose tensors match the network's in order, shape and role, but mostly not in name.

    Files of the same network from other programs are often like that.
    """
    our_keys, their_keys = uncounted(expected), uncounted(actual)
    pairs = list(zip(our_keys, their_keys, strict=False))
    renamed = [(ours, theirs) for ours, theirs in pairs if ours != theirs]
    if not ordered(weights) or len(our_keys) != len(their_keys) or 2 * len(renamed) <= len(pairs):
        return ()
    if not all(alike(ours, expected[ours], theirs, actual[theirs]) for ours, theirs in pairs):
        return ()
    ours, theirs = renamed[0]
    finding = f"the file has the same shapes in the same order under other names, {theirs} where {ours} is sought"
    if weights.about:
        return (finding, "where these are the same layers, give those of the spec the names that the file has")
    return (
        finding,
        "where these are the same layers, this writes a file with the names that are sought:",
        f"netspec export SPEC --weights {weights.path} --by-order -o renamed.safetensors",
    )


def _excluded_weights(graph: Graph, actual: Mapping[str, Tensor]) -> dict[str, str]:
    """Return, by key, messages about nonzero weights that a layer's connection table excludes."""
    keys, problems = state_keys(graph), {}
    for parameter in graph.parameters.values():
        tensor = actual.get(key := keys[parameter.key])
        if parameter.table is None or tensor is None:
            continue
        mask = torch.tensor(parameter.table.mask(parameter.shape[1]))
        extra = int((tensor.flatten(2).any(2) & (mask == 0)).sum())
        if extra:
            problems[key] = f"{key} has {plural(extra, 'kernel')} in the file that {parameter.layer}'s table leaves out"
    return problems


def _problems(expected: Mapping[str, Tensor], actual: Mapping[str, Tensor]) -> dict[str, str]:
    """Return, by key, messages about tensors that are missing, unexpected, of another shape or type, or not finite."""
    problems = {}
    missing = [key for key in expected if key not in actual]
    left_over = [key for key in actual if key not in expected]
    for key, in_network in expected.items():
        in_file = actual.get(key)
        if in_file is None:
            similar = nearest(key, left_over)
            hint = f"; it has {similar}" if similar else ""
            problems[key] = f"{key} ({shape_text(in_network)}) is not in the file{hint}"
        elif in_file.shape != in_network.shape:
            problems[key] = f"{key} is {shape_text(in_network)} in the network and {shape_text(in_file)} in the file"
            if [n for n in in_file.shape if n > 1] == [n for n in in_network.shape if n > 1]:
                problems[key] += f", which reshape({', '.join(map(str, in_network.shape))}) makes the same"
        elif not in_file.dtype.is_floating_point and in_network.dtype.is_floating_point:
            problems[key] = f"{key} is not a tensor of real numbers in the file, but of {in_file.dtype}"
        elif in_file.dtype.is_floating_point and not bool(in_file.isfinite().all()):
            problems[key] = f"{key} has numbers in the file that are infinite or NaN"
    for key in left_over:
        similar = nearest(key, missing)
        hint = f"; it has {similar}" if similar else ""
        problems[key] = f"{key} ({shape_text(actual[key])}) of the file is not in the network{hint}"
    return problems


def _merged(graph: Graph, weights: Weights) -> dict[str, Tensor]:
    """Return the file's tensors in the merged layout."""
    about, tensors = weights.about, weights.tensors
    layout = about.get("layout")
    if layout is None and layouts.looks_like_torchvision(graph, tensors):
        layout = "torchvision"
    if layout == "torchvision":
        return layouts.from_torchvision(graph, tensors)
    if layout == "groups":
        groups, split = about.get("groups"), about.get("split")
        if not isinstance(groups, int) or not isinstance(split, list):
            raise TrainError(f"{weights.path} does not say which of its layers are in groups")
        return layouts.merged(tensors, groups, split, axes_of(graph))
    if layout not in (None, "merged"):
        raise TrainError(f"{weights.path} is in the layout {layout!r}, which this netspec does not know")
    return dict(tensors)


def module_with(graph: Graph, weights: Weights) -> nn.Module:
    """Return the network's module on the CPU with these weights.

    Raises ``TrainError`` if they do not fit, or were trained on another pixel range.
    """
    module = build(graph, 0, "cpu").module
    fit(graph, module, weights)
    require_same_range(graph, weights)
    return module


def require_same_range(graph: Graph, weights: Weights) -> None:
    """Raise ``TrainError`` if a checkpoint was trained on another pixel range than the network reads."""
    if "preparation" not in weights.about:
        return
    was, current = net_of(weights.about, weights.path).graph.preprocessing.range, graph.preprocessing.range
    if was != current:
        raise TrainError(
            f"{weights.path} was trained on pixels from 0 to {was}, and {graph.name} reads them from 0 to {current}",
            f"say range={was} on the input line, or --set {graph.input.layer}.range={was}",
        )


def other_preparation(graph: Graph, weights: Weights) -> tuple[str, ...]:
    """Return the differences in image preparation between a checkpoint and the network: ``range=255, here range=1``."""
    if "preparation" not in weights.about:
        return ()
    trained, current = net_of(weights.about, weights.path).graph.preprocessing, graph.preprocessing
    return tuple(
        f"{key}={_format(trained_value)}, here {key}={_format(current_value)}"
        for key in ("range", "order", "mean", "std")
        if (trained_value := getattr(trained, key)) != (current_value := getattr(current, key))
    )


def _format(value: object) -> str:
    return ",".join(f"{number:g}" for number in value) if isinstance(value, tuple) else str(value)
