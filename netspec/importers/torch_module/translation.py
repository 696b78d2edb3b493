"""Translate a module of PyTorch to a spec."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import nn

from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.model import first_line_span
from netspec.formatting import listed
from netspec.importers.operators import Origin, Translation
from netspec.importers.operators import translate as translate_graph
from netspec.importers.operators.graph.model import Model, Node
from netspec.importers.operators.spec.operators import COUNTS
from netspec.importers.torch_module.aten.table import REASONS, TABLE
from netspec.importers.torch_module.capture import BATCH, OTHER_BATCH, capture
from netspec.importers.torch_module.graph import graph_of
from netspec.importers.torch_module.modes import computes_same, counting, only_in_training
from netspec.ir.shape import Shape
from netspec.source import Source

_MAX_LISTED = 3


def translate(module: nn.Module, shape: Shape, source: Source) -> Translation:
    """Translate what a module computes of images of a shape. ``source`` has the name of the spec.

    It is what the module computes in evaluation mode. Training mode, where some dropout shows alone, and outputs for
    training alone, adds these if it computes the same otherwise. A warning says if it does not.

    Raises
    ------
    SpecError
        ``torch-not-expressible``: a list of all that a spec cannot express, or a code of ``capture`` or ``graph_of``.
    """
    about = Origin(("torch-not-expressible", "torch-outputs"), f", a module of PyTorch {torch.__version__}")
    tested = _followed(module, shape, source)
    try:
        trained = _followed(module, shape, source, training=True, batch=OTHER_BATCH)
        if computes_same(trained, tested):
            return translate_graph(trained, source, about)
        more = only_in_training(trained, tested)
        notes = [f"only in training: {_listed(more)}" if more else "in training, it computes with other numbers"]
    except SpecError as problem:
        notes = [note for diagnostic in problem.diagnostics for note in (diagnostic.message, *diagnostic.notes)]
    about = replace(about, comments=("It is what the module computes in evaluation mode.",))
    counts = counting(tested, _followed(module, shape, source, batch=OTHER_BATCH))
    nodes = (
        replace(node, op=node.called, reason=node.reason or COUNTS) if node in counts else node for node in tested.nodes
    )
    translation = translate_graph(replace(tested, nodes=tuple(nodes)), source, about)
    return replace(translation, diagnostics=(*translation.diagnostics, _warning(notes, source)))


def _followed(module: nn.Module, shape: Shape, source: Source, *, training: bool = False, batch: int = BATCH) -> Model:
    program = capture(module, shape, source, training=training, batch=batch)
    return graph_of(program, module, TABLE, REASONS, source, training=training)


def _warning(notes: Iterable[str], source: Source) -> Diagnostic:
    message = "the spec has what the module computes in evaluation mode, which is not all that it does in training"
    return Diagnostic("torch-training", message, (first_line_span(source),), tuple(notes), severity="warning")


def _listed(nodes: Iterable[Node]) -> str:
    """Return operators by the modules that they are in: ``mul and bernoulli in layer1.0.drop_path``."""
    modules: dict[str, dict[str, None]] = {}
    for node in nodes:
        modules.setdefault(node.module, {})[node.operator] = None
    texts = [f"{listed([*operators], 3)} in {module or 'the module itself'}" for module, operators in modules.items()]
    return listed(texts, _MAX_LISTED)
