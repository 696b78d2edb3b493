"""Exporting a run's weights as a ``.safetensors`` file."""

from __future__ import annotations

import json
from importlib import metadata

from netspec.train.runs.saved import Saved
from netspec.train.tensors.imported import ENTRY
from netspec.train.tensors.layouts import Layout, split_layers, to_layout


def exported(run: Saved, layout: Layout) -> tuple[bytes, int]:
    """Return the file's bytes, and the number of tensors in it.

    The entry ``netspec`` of the file's metadata is JSON that records the layout and the origin of the weights. The same
    weights give the same bytes.

    Raises
    ------
    TrainError
        The network cannot be written in this layout.
    """
    from safetensors.torch import save

    weights = run.weights
    tensors = {key: tensor.contiguous().clone() for key, tensor in to_layout(run.graph, weights, layout).items()}
    about = {
        "layout": layout,
        "net": run.graph.name,
        "spec_sha256": run.spec_sha256,
        "step": run.step,
        "groups": run.graph.groups,
        "split": list(split_layers(run.graph, weights)) if layout == "groups" else [],
        "version": metadata.version("netspec-compiler"),
    }
    # A single entry, because the library writes several in an order that changes from one process to the next.
    return save(tensors, {ENTRY: json.dumps(about, sort_keys=True, ensure_ascii=False)}), len(tensors)
