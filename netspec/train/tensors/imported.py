"""Writing weights that come from another program's file, without torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from netspec.ir.graph import Graph
from netspec.ir.ops import RUNNING_STATISTICS, BatchNorm
from netspec.passes.torch_names import attributes, renamed, state_keys

ENTRY = "netspec"
"""The entry of a ``.safetensors`` file's metadata in which netspec records, as JSON, what the weights are."""


def imported(graph: Graph, arrays: Mapping[str, Callable[[], NDArray[Any]]]) -> bytes:
    """Return a ``.safetensors`` file with a network's parameters and running statistics, which ``--weights`` reads.

    ``arrays`` has functions that return them, by layer and name. The same weights give the same bytes.

    Raises
    ------
    ValueError
        The keys or shapes are not those of the graph.
    """
    import numpy as np
    from safetensors.numpy import save

    names = attributes(graph)
    tensors: dict[str, NDArray[Any]] = {
        renamed(key, names): np.ascontiguousarray(read(), dtype=np.float32) for key, read in arrays.items()
    }
    expected = {key: graph.parameters[own].shape for own, key in state_keys(graph).items()}
    for node in graph.nodes.values():
        if isinstance(node.op, BatchNorm):
            statistics = {f"{names[node.layer]}.{word}": (node.output.channels,) for word in RUNNING_STATISTICS}
            expected |= statistics
            tensors[f"{names[node.layer]}.num_batches_tracked"] = np.zeros((), dtype=np.int64)
    actual = {key: values.shape for key, values in tensors.items() if values.dtype == np.float32}
    if wrong := [key for key in sorted({*expected, *actual}) if expected.get(key) != actual.get(key)]:
        raise ValueError(f"{wrong[0]}: the network has {expected.get(wrong[0])}, the file {actual.get(wrong[0])}")
    about = {"layout": "merged", "net": graph.name, "groups": graph.groups, "split": []}
    return save(tensors, {ENTRY: json.dumps(about | {"version": metadata.version("netspec-compiler")}, sort_keys=True)})


def is_ours(path: Path) -> bool:
    """Whether netspec wrote a ``.safetensors`` file. Raises ``OSError`` if it cannot be opened."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return "layout" in recorded(file)
    except (SafetensorError, ValueError):
        return False


def recorded(file: Any) -> dict[str, Any]:
    """Return what netspec recorded in an open ``.safetensors`` file; nothing in files of other tools.

    Raises ``ValueError`` if it is not JSON.
    """
    about = json.loads((file.metadata() or {}).get(ENTRY, "{}"))
    return about if isinstance(about, dict) else {}
