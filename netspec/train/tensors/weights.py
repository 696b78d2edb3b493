"""Reading weights from a run or a file.

A file may be a checkpoint, a ``.safetensors`` file (from ``netspec export`` in any layout, or from another tool), or a
``state_dict`` saved by torch (``.pth``, ``.pt``), such as torchvision's alexnet. Code in a file is not executed.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from netspec.source import KERAS_FILES
from netspec.train.errors import RequestError, TrainError
from netspec.train.runs.named import suggestion
from netspec.train.runs.reading import newest, read_checkpoint
from netspec.train.runs.saved import weights_of
from netspec.train.tensors.imported import recorded

_CLASS = re.compile(r"GLOBAL ([\w.]+) was not an allowed global")
"""torch's message about an object that is not a tensor or a plain container."""

_IMPORTS = {
    **dict.fromkeys((".onnx", *KERAS_FILES), "netspec import {} --save-weights OUT.safetensors"),
    ".caffemodel": "netspec import DEPLOY.prototxt --weights {} --save-weights OUT.safetensors",
    ".weights": "netspec import NETWORK.cfg --weights {} --save-weights OUT.safetensors",
}
"""The commands that convert weights of other programs, by the endings of their files."""

STATE_KEYS = ("state_dict", "model_state_dict", "model")
"""The key of a network's weights in other tools' checkpoints: PyTorch's ImageNet example and Lightning; PyTorch's
tutorial on saving; torchvision's training scripts."""

PREFIX = "module."
"""The prefix that torch's DataParallel adds to each key."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The tensors of a file.

    ``path`` is the file (for a run, its newest checkpoint). ``about`` is what netspec recorded with the tensors:
    ``layout``, ``groups``, ``split``, ``net``, ``spec_sha256``, ``step``, and for a checkpoint ``spec``, ``classes``
    and ``preparation``. It is empty for files of other tools.
    """

    path: Path
    sha256: str
    tensors: Mapping[str, Tensor]
    about: Mapping[str, Any]

    def facts(self) -> dict[str, str]:
        """Return what ``run.json`` and the results of evaluations record about the weights."""
        return {"file": str(self.path), "sha256": self.sha256}


def read_weights(path: Path, warn: Callable[[str], None]) -> Weights:
    """Read the weights of a run's folder (its newest checkpoint), of a checkpoint, or of a file of tensors.

    Raises
    ------
    RequestError
        The path does not exist.
    TrainError
        The folder is not a run, or the file is damaged or contains no tensors.
    """
    if path.is_dir():
        path, state = newest(path, warn)
        return _of_checkpoint(path, _hash(path), state)
    if not path.exists():
        raise RequestError(f"there are no weights called {path}", *suggestion(path))
    try:
        digest = _hash(path)
        if path.suffix == ".safetensors":
            tensors, about = read_safetensors(path)
            return Weights(path, digest, tensors, about)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as problem:
        raise TrainError(f"cannot read {path}: {problem.strerror or problem}") from problem
    except TrainError:
        raise
    except Exception as problem:
        # The readers raise many kinds of exceptions for broken files.
        raise _unreadable(path, problem) from problem
    if isinstance(loaded, dict) and "spec_sha256" in loaded:
        return _of_checkpoint(path, digest, read_checkpoint(path))
    return Weights(path, digest, _state_dict(loaded, path), {})


def _unreadable(path: Path, problem: Exception) -> TrainError:
    """Return the error for a file that torch cannot read as tensors in plain containers.

    torch's own message is only helpful for a damaged archive; otherwise it is about ``torch.load`` and running code.
    """
    command = _IMPORTS.get(path.suffix.lower())
    if command is not None:
        return TrainError(f"{path} cannot be read as weights", f"this converts them: {command.format(path)}")
    message = str(problem).strip()
    if isinstance(problem, RuntimeError) and message:
        first = message.splitlines()[0].partition(". ")[0]  # further sentences are about torch's internals
        return TrainError(f"{path} cannot be read as weights: {first[:200]}")
    kinds = "a file of weights is a run, a checkpoint, .safetensors, or what torch.save writes of a state_dict"
    match = _CLASS.search(message)
    if match is None:
        return TrainError(f"{path} cannot be read as weights", kinds)
    return TrainError(
        f"{path} cannot be read as weights: it contains a {match[1]}, and code in a file is not executed",
        "where that code is available: torch.save(model.state_dict(), 'weights.pth') writes the weights alone",
    )


def _of_checkpoint(path: Path, digest: str, state: Mapping[str, Any]) -> Weights:
    about = {key: state[key] for key in ("spec", "spec_sha256", "step", "classes", "preparation")}
    return Weights(path, digest, weights_of(state), {"layout": "merged", **about})


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors of a ``.safetensors`` file, and what netspec recorded about them: nothing in files of other
    tools.

    Raises
    ------
    OSError
        The file cannot be opened.
    TrainError
        The file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            keys = file.keys()
            tensors = {key: file.get_tensor(key) for key in keys}
            about = recorded(file)
    except (SafetensorError, ValueError) as problem:
        notes = ("it is a file of torch.save: give it the ending .pth",) if zipfile.is_zipfile(path) else ()
        raise TrainError(f"{path} is damaged or not a safetensors file: {problem}", *notes) from problem
    return tensors, about


def _state_dict(loaded: object, path: Path) -> dict[str, Tensor]:
    """Extract the tensors from an object saved by ``torch.save``: a ``state_dict``, or a checkpoint containing one."""
    if isinstance(loaded, dict):
        loaded = next((loaded[key] for key in STATE_KEYS if isinstance(loaded.get(key), dict)), loaded)
    if not isinstance(loaded, dict) or not loaded or not all(isinstance(x, Tensor) for x in loaded.values()):
        raise TrainError(
            f"{path} holds no weights", "expected a checkpoint of netspec's, or a dictionary of tensors (a state_dict)"
        )
    if all(str(key).startswith(PREFIX) for key in loaded):
        return {str(key).removeprefix(PREFIX): tensor for key, tensor in loaded.items()}
    return {str(key): tensor for key, tensor in loaded.items()}


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
