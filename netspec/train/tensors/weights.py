"""Weights from elsewhere: reading them from a run or a file, and putting them into a network's module.

A file may be a checkpoint, a ``.safetensors`` file (of ``netspec export`` in any layout, or of another tool), or a
``state_dict`` that torch has saved (``.pth``, ``.pt``), torchvision's alexnet among them. No code in a file is run.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netspec.diagnostics.nearest import nearest
from netspec.ir.graph import Graph
from netspec.passes.torch_names import attributes, state_key
from netspec.train.errors import RequestError, TrainError
from netspec.train.runs.named import near
from netspec.train.runs.saved import by, net_of, newest, read_checkpoint, weights_of
from netspec.train.tensors import layouts
from netspec.units import plural

MOST_NAMED_ALIKE = 2
"""How many tensors are named where all have other names."""

MOST_NAMED = 12

_CLASS = re.compile(r"GLOBAL ([\w.]+) was not an allowed global")
"""What torch says of an object that is no tensor."""

NAMES = ("state_dict", "model_state_dict", "model")
"""What checkpoints call a network's weights: PyTorch's ImageNet example and Lightning; PyTorch's tutorial on saving;
torchvision's training scripts."""

WRAPPER = "module."
"""What torch's DataParallel puts before every key."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Tensors as a file has them. ``path`` is the file (of a run, its newest checkpoint), ``about`` what netspec wrote
    beside them: ``layout``, ``groups``, ``split``, ``net``, ``spec_sha256``, ``step``, of a checkpoint also ``spec``,
    ``classes`` and ``preparation``; empty for other tools' files."""

    path: Path
    sha256: str
    tensors: Mapping[str, Tensor]
    about: Mapping[str, Any]

    def facts(self) -> dict[str, str]:
        """What ``run.json`` and the results of tests record of them."""
        return {"file": str(self.path), "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Fitted:
    """What became of weights that were put into a module: how many tensors were taken, which layers start fresh, and
    which layers of the file were left out."""

    taken: int
    fresh: tuple[str, ...]
    left_out: tuple[str, ...]


def read_weights(path: Path, warn: Callable[[str], None]) -> Weights:
    """Read the weights of a run's folder (its newest checkpoint), of a checkpoint, or of a file of tensors.

    Raises
    ------
    RequestError
        There is nothing of that name.
    TrainError
        The folder is no run, the file is damaged, or holds no tensors.
    """
    if path.is_dir():
        path, state = newest(path, warn)
        return _of_checkpoint(path, _hash(path), state)
    if not path.exists():
        raise RequestError(f"there are no weights called {path}", *near(path))
    try:
        digest = _hash(path)
        if path.suffix == ".safetensors":
            tensors, about = read_safetensors(path)
            return Weights(path, digest, tensors, about)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as problem:
        raise TrainError(f"cannot read {path}: {problem.strerror or problem}") from problem
    except TrainError:
        raise
    except Exception as problem:
        # The readers raise many kinds of exceptions on broken files; whichever it is, the file is what is wrong.
        raise _no_weights(path, problem) from problem
    if isinstance(found, dict) and "spec_sha256" in found:
        return _of_checkpoint(path, digest, read_checkpoint(path))
    return Weights(path, digest, _state_dict(found, path), {})


def _no_weights(path: Path, problem: Exception) -> TrainError:
    """The complaint about a file in which torch finds no tensors in plain containers.

    Its own words help only where an archive is damaged: else they are about its reader, or about running what is there.
    """
    told = str(problem).strip()
    if isinstance(problem, RuntimeError) and told:
        first = told.splitlines()[0].partition(". ")[0]  # others are about torch's own libraries
        return TrainError(f"{path} holds no weights that can be read: {first[:200]}")
    kinds = "a file of weights is a run, a checkpoint, .safetensors, or what torch.save writes of a state_dict"
    found = _CLASS.search(told)
    if found is None:
        return TrainError(f"{path} holds no weights that can be read", kinds)
    return TrainError(
        f"{path} holds no weights that can be read: it has a {found[1]}, and no code in a file is run",
        "where its code is: torch.save(model.state_dict(), 'weights.pth') writes the weights alone",
    )


def _of_checkpoint(path: Path, digest: str, state: Mapping[str, Any]) -> Weights:
    told = {key: state[key] for key in ("spec", "spec_sha256", "step", "classes", "preparation")}
    return Weights(path, digest, weights_of(state), {"layout": "merged", **told})


def need_same_range(graph: Graph, weights: Weights) -> None:
    """Raise ``TrainError`` where a checkpoint was trained on pixels of another range than a network reads."""
    if "preparation" not in weights.about:
        return
    was, here = net_of(weights.about, weights.path).graph.preprocessing.range, graph.preprocessing.range
    if was != here:
        raise TrainError(
            f"{weights.path} was trained on pixels from 0 to {was}, and {graph.name} reads them from 0 to {here}",
            f"say range={was} on the input line, or --set {graph.input.layer}.range={was}",
        )


def other_preparation(graph: Graph, weights: Weights) -> tuple[str, ...]:
    """What a checkpoint's network is given that a network is not, in the words of the input line: ``range=255, here
    range=1``."""
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


def read_safetensors(path: Path, *, only_about: bool = False) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a ``.safetensors`` file (none with ``only_about``), and what netspec wrote about them (empty for
    another tool's file).

    Raises
    ------
    OSError
        It cannot be opened.
    TrainError
        It is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            keys = [] if only_about else file.keys()
            tensors = {key: file.get_tensor(key) for key in keys}
            about = json.loads((file.metadata() or {}).get("netspec", "{}"))
    except (SafetensorError, ValueError) as problem:
        raise TrainError(f"{path} is damaged, or no safetensors file: {problem}") from problem
    return tensors, about if isinstance(about, dict) else {}


def fit(graph: Graph, module: nn.Module, weights: Weights, fresh: Sequence[str] | None = None) -> Fitted:
    """Put weights into a graph's module.

    Every tensor of the module must be in the file, in the same shape, and every tensor of the file in the module.
    The layers named in ``fresh`` are excepted: they keep the module's values, and what the file has of them is left
    out; ``None`` where the user cannot name any. The module is changed only if all is well.

    Raises
    ------
    RequestError
        ``fresh`` names a layer that neither the network nor the file has.
    TrainError
        Tensors are missing, left over, of another shape, no numbers, or have weights that a connection table leaves
        out; all are named.
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
    """What helps where a file has other names for most, and tensors of the same shapes and roles in the same order,
    as other programs' files of the same network have them. A .safetensors file has its tensors in their names' order,
    which says nothing of the network's."""

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
    """Weights of filters and channels that are not in their connection table, by key."""
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
    """What does not fit, in words, by the tensors' names: missing, left over, of another shape or kind, not finite."""
    found = {}
    missing = [key for key in wanted if key not in given]
    left_over = [key for key in given if key not in wanted]
    for key, here in wanted.items():
        there = given.get(key)
        if there is None:
            near_it = nearest(key, left_over)
            found[key] = f"{key} ({by(here)}) is not in the file" + (f"; it has {near_it}" if near_it else "")
        elif there.shape != here.shape:
            found[key] = f"{key} is {by(here)} in the network and {by(there)} in the file"
        elif not there.dtype.is_floating_point and here.dtype.is_floating_point:
            found[key] = f"{key} is no tensor of real numbers in the file, but of {there.dtype}"
        elif there.dtype.is_floating_point and not bool(there.isfinite().all()):
            found[key] = f"{key} has numbers in the file that are infinite or none"
    for key in left_over:
        near_it = nearest(key, missing)
        found[key] = f"{key} ({by(given[key])}) of the file has no place in the network" + (
            f"; it has {near_it}" if near_it else ""
        )
    return found


def _merged(graph: Graph, weights: Weights) -> dict[str, Tensor]:
    """The file's tensors in the merged layout."""
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


def _state_dict(found: object, path: Path) -> dict[str, Tensor]:
    """The tensors of what ``torch.save`` wrote: a ``state_dict``, or a training's checkpoint that has one."""
    if isinstance(found, dict):
        found = next((found[key] for key in NAMES if isinstance(found.get(key), dict)), found)
    if not isinstance(found, dict) or not found or not all(isinstance(x, Tensor) for x in found.values()):
        raise TrainError(
            f"{path} holds no weights", "expected a checkpoint of netspec's, or a dictionary of tensors (a state_dict)"
        )
    if all(str(key).startswith(WRAPPER) for key in found):
        return {str(key).removeprefix(WRAPPER): tensor for key, tensor in found.items()}
    return {str(key): tensor for key, tensor in found.items()}


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
