"""Translate a module of PyTorch to a spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import nn
from torch.export import ExportedProgram

from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.model import first_line_span, source_error
from netspec.formatting import listed
from netspec.importers.operators import Origin, Translation
from netspec.importers.operators import translate as translate_graph
from netspec.importers.operators.graph.model import BATCH, Model, Node
from netspec.importers.operators.spec.operators import COUNTS
from netspec.importers.torch_module.capture import OTHER_BATCH, capture
from netspec.importers.torch_module.gradients import reached, stops
from netspec.importers.torch_module.graph import graph_of
from netspec.importers.torch_module.learning import Reads, differences
from netspec.importers.torch_module.modes import computes_same, counting, only_in_training
from netspec.importers.torch_module.wrappers import unregistered
from netspec.ir.shape import Shape
from netspec.source import Source

_MAX_LISTED = 3


def translate(module: nn.Module, shape: Shape, source: Source) -> Translation:
    """Translate what a module computes of images of a shape. ``source`` has the name of the spec.

    It is what the module computes in evaluation mode. Training mode, where some dropout shows alone, and outputs for
    training alone, adds these if it computes the same otherwise. Warnings say if it does not, and if the spec has other
    parameters.

    Raises
    ------
    SpecError
        ``torch-not-expressible``: a list of all that a spec cannot express, or a code of ``capture`` or ``graph_of``.
    """
    try:
        return _translate(module, shape, source)
    except SpecError as error:
        if not (lists := [*unregistered(module)]):
            raise
        raise SpecError(tuple(replace(d, notes=(*d.notes, _in_lists(lists))) for d in error.diagnostics)) from None


def _translate(module: nn.Module, shape: Shape, source: Source) -> Translation:
    about = Origin(("torch-not-expressible", "torch-outputs"), f", a module of PyTorch {torch.__version__}")
    reads = Reads()
    tested, program = _followed(module, shape, source, reads)
    try:
        trained, in_training = _followed(module, shape, source, reads, training=True, batch=OTHER_BATCH)
        if computes_same(trained, tested):
            return _translated(trained, in_training, module, shape, source, about, reads)
        more = only_in_training(trained, tested)
        notes = [f"only in training: {_listed(more)}" if more else "in training, it computes with other numbers"]
    except SpecError as problem:
        notes = [note for diagnostic in problem.diagnostics for note in (diagnostic.message, *diagnostic.notes)]
    about = replace(about, comments=("It is what the module computes in evaluation mode.",))
    other, _ = _followed(module, shape, source, reads, batch=OTHER_BATCH)
    if [node.op for node in other.nodes] != [node.op for node in tested.nodes]:
        raise source_error("torch-not-expressible", source, f"its forward depends on the number of images: {COUNTS}")
    counts = counting(tested, other)
    nodes = (
        replace(node, op=node.called, reason=node.reason or COUNTS) if node in counts else node for node in tested.nodes
    )
    message = "the spec has what the module computes in evaluation mode, which is not all that it does in training"
    translation = _translated(replace(tested, nodes=tuple(nodes)), program, module, shape, source, about, reads)
    return replace(translation, diagnostics=(*translation.diagnostics, _warning(message, notes, source)))


def _followed(
    module: nn.Module, shape: Shape, source: Source, reads: Reads, *, training: bool = False, batch: int = BATCH
) -> tuple[Model, ExportedProgram]:
    program = capture(module, shape, source, training=training, batch=batch)
    return graph_of(program, module, source, training=training, on_read=reads.note), program


def _translated(
    model: Model,
    program: ExportedProgram,
    module: nn.Module,
    shape: Shape,
    source: Source,
    about: Origin,
    reads: Reads,
) -> Translation:
    """Translate a graph, with a warning if the spec does not learn what the module does."""
    translation = translate_graph(model, source, about)
    names = frozenset(name for name, _ in module.named_parameters(remove_duplicate=False))
    found = reached(module, shape)
    learnt = names if found is None else found
    notes = [*differences(model, translation.arrays, learnt, reads)]
    if places := [*dict.fromkeys(stops(program, names))]:
        notes.append(f"the gradient ends at detach: {listed(places, _MAX_LISTED)}")
    if lists := [*unregistered(module)]:
        notes.append(_in_lists(lists))
    message = "the spec computes what the module does, but it learns other numbers"
    warnings = [_warning(message, notes, source)] if notes else []
    return replace(translation, diagnostics=(*translation.diagnostics, *warnings))


def _in_lists(paths: Sequence[str]) -> str:
    return f"modules in plain lists, whose parameters .parameters() lacks (nn.ModuleList has them): {listed(paths, 4)}"


def _warning(message: str, notes: Iterable[str], source: Source) -> Diagnostic:
    return Diagnostic("torch-training", message, (first_line_span(source),), tuple(notes), severity="warning")


def _listed(nodes: Iterable[Node]) -> str:
    """Return operators by the modules that they are in: ``mul and bernoulli in layer1.0.drop_path``."""
    modules: dict[str, dict[str, None]] = {}
    for node in nodes:
        modules.setdefault(node.module, {})[node.operator] = None
    texts = [f"{listed([*operators], 3)} in {module or 'the module itself'}" for module, operators in modules.items()]
    return listed(texts, _MAX_LISTED)
