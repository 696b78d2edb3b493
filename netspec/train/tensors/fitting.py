"""Loading weights from elsewhere into a network's module, and explaining why they do not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netspec.diagnostics.nearest import nearest
from netspec.ir.graph import Graph
from netspec.passes.torch_names import attributes, state_key
from netspec.train.errors import RequestError, TrainError
from netspec.train.learning.objective import build
from netspec.train.runs.saved import net_of, shape_text
from netspec.train.tensors import layouts
from netspec.train.tensors.weights import Weights
from netspec.units import plural

MOST_NAMED = 12
"""How many of the tensors that do not fit an error lists."""

MOST_NAMED_ALIKE = 2
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
    may_name_some, fresh = fresh is not None, fresh or ()
    theirs = _merged(graph, weights)
    ours = module.state_dict()
    layers = {key.partition(".")[0] for key in ours}
    strangers = {key.partition(".")[0] for key in theirs} - layers
    for name in fresh:
        if name not in layers | strangers:
            hint = nearest(name, sorted(layers | strangers))
            raise RequestError(
                f"--fresh {name}: {graph.name} has no layer with weights of this name",
                *([f"did you mean {hint}?"] if hint else []),
            )
    wanted = {key: tensor for key, tensor in ours.items() if key.partition(".")[0] not in fresh}
    given = {key: tensor for key, tensor in theirs.items() if key.partition(".")[0] not in fresh}
    problems = _problems(wanted, given) or _absent(graph, given)
    if problems:
        named = sorted({key.partition(".")[0] for key in problems})
        by_order = _by_order(wanted, given, weights)
        most = MOST_NAMED_ALIKE if by_order else MOST_NAMED
        told = list(problems.values())[:most]
        if len(problems) > most:
            told.append(f"and {len(problems) - most} more")
        if by_order:
            told += by_order
        elif may_name_some and layers.difference(named):
            told.append(
                f"to start a layer anew instead of taking it from the file: --fresh {','.join(named[:MOST_NAMED])}"
            )
        raise TrainError(f"the weights in {weights.path} do not fit {graph.name}", *told)
    module.load_state_dict(given, strict=False)
    return Fitted(len(given), tuple(x for x in fresh if x in layers), tuple(x for x in fresh if x in strangers))


def _by_order(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], weights: Weights) -> tuple[str, ...]:
    """Return advice for a file whose tensors match the network's in order, shape and role, but mostly not in name.

    Files of the same network from other programs are often like that. Not for .safetensors files: their tensors are
    sorted by name, so their order says nothing about the network.
    """

    def alike(ours: str, theirs: str) -> bool:
        same_role = ours.rpartition(".")[2] == theirs.rpartition(".")[2]
        return same_role and wanted[ours].shape == given[theirs].shape

    renamed = [(ours, theirs) for ours, theirs in zip(wanted, given, strict=False) if ours != theirs]
    if len(wanted) != len(given) or 2 * len(renamed) <= len(wanted) or not all(map(alike, wanted, given)):
        return ()
    if weights.path.suffix == ".safetensors":
        return ()
    ours, theirs = renamed[0]
    told = f"the file has the same shapes in the same order under other names, {theirs} where {ours} is sought"
    if weights.about:
        return (told, "where these are the same layers, give those of the spec the names that the file has")
    return (
        told,
        "where these are the same layers, a file with the names that are sought is written in Python by",
        "torch.save(dict(zip(model.state_dict(), state_dict.values())), 'renamed.pth')",
        "with model = netspec.torch_module(netspec.load(SPEC)) and state_dict what torch.load(FILE) has of tensors",
    )


def _absent(graph: Graph, given: Mapping[str, Tensor]) -> dict[str, str]:
    """Return, by key, messages about nonzero weights that a layer's connection table excludes."""
    names, found = attributes(graph), {}
    for parameter in graph.parameters.values():
        there = given.get(key := state_key(parameter, names))
        if parameter.table is None or there is None:
            continue
        mask = torch.tensor(parameter.table.mask(parameter.shape[1]))
        extra = int((there.flatten(2).any(2) & (mask == 0)).sum())
        if extra:
            found[key] = f"{key} has {plural(extra, 'kernel')} in the file that {parameter.layer}'s table leaves out"
    return found


def _problems(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> dict[str, str]:
    """Return, by key, messages about tensors that are missing, unexpected, of another shape or type, or not finite."""
    found = {}
    missing = [key for key in wanted if key not in given]
    left_over = [key for key in given if key not in wanted]
    for key, here in wanted.items():
        there = given.get(key)
        if there is None:
            near_it = nearest(key, left_over)
            found[key] = f"{key} ({shape_text(here)}) is not in the file" + (f"; it has {near_it}" if near_it else "")
        elif there.shape != here.shape:
            found[key] = f"{key} is {shape_text(here)} in the network and {shape_text(there)} in the file"
        elif not there.dtype.is_floating_point and here.dtype.is_floating_point:
            found[key] = f"{key} is no tensor of real numbers in the file, but of {there.dtype}"
        elif there.dtype.is_floating_point and not bool(there.isfinite().all()):
            found[key] = f"{key} has numbers in the file that are infinite or none"
    for key in left_over:
        near_it = nearest(key, missing)
        found[key] = f"{key} ({shape_text(given[key])}) of the file has no place in the network" + (
            f"; it has {near_it}" if near_it else ""
        )
    return found


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
        return layouts.merged(tensors, groups, split)
    if layout not in (None, "merged"):
        raise TrainError(f"{weights.path} is in the layout {layout!r}, which this netspec does not know")
    return dict(tensors)


def module_with(graph: Graph, weights: Weights) -> nn.Module:
    """Return the network's module on the CPU with these weights.

    Raises ``TrainError`` if they do not fit, or were trained on another pixel range.
    """
    module = build(graph, 0, "cpu").module
    fit(graph, module, weights)
    need_same_range(graph, weights)
    return module


def need_same_range(graph: Graph, weights: Weights) -> None:
    """Raise ``TrainError`` if a checkpoint was trained on another pixel range than the network reads."""
    if "preparation" not in weights.about:
        return
    was, here = net_of(weights.about, weights.path).graph.preprocessing.range, graph.preprocessing.range
    if was != here:
        raise TrainError(
            f"{weights.path} was trained on pixels from 0 to {was}, and {graph.name} reads them from 0 to {here}",
            f"say range={was} on the input line, or --set {graph.input.layer}.range={was}",
        )


def other_preparation(graph: Graph, weights: Weights) -> tuple[str, ...]:
    """Return the differences in image preparation between a checkpoint and the network: ``range=255, here range=1``."""
    if "preparation" not in weights.about:
        return ()
    was, here = net_of(weights.about, weights.path).graph.preprocessing, graph.preprocessing
    return tuple(
        f"{key}={_shown(there)}, here {key}={_shown(ours)}"
        for key in ("range", "order", "mean", "std")
        if (there := getattr(was, key)) != (ours := getattr(here, key))
    )


def _shown(value: object) -> str:
    return ",".join(f"{number:g}" for number in value) if isinstance(value, tuple) else str(value)
