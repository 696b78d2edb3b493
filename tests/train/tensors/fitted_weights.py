"""Reading a file's weights and fitting them to a network, for tests of files, layouts and fitting."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from netspec.ir.graph import Graph
from netspec.train.learning.objective import build
from netspec.train.tensors.fitting import fit
from netspec.train.tensors.weights import Weights, read_weights


def read_without_warnings(path: Path) -> Weights:
    return read_weights(path, lambda text: pytest.fail(text))


def identical(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Whether two dictionaries, in any order, have the same tensors."""
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def state_with_weights(graph: Graph, path: Path, *fresh: str) -> dict[str, Tensor]:
    """Return the state of the graph's module after it has taken its weights from a file, except layers in ``fresh``."""
    module = build(graph, 5, "cpu").module
    fit(graph, module, read_without_warnings(path), fresh)
    return module.state_dict()
