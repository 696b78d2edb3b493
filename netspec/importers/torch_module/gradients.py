"""Which parameters a module learns: those that a gradient reaches."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

from netspec.importers.torch_module.capture import example_of, tensors_of, undisturbed
from netspec.importers.torch_module.origins import operator_of, place_of
from netspec.ir.shape import Shape

_HIDING = "CheckpointFunction"
"""The function of ``torch.utils.checkpoint`` that does not show which parameters it reads."""


def reached(module: nn.Module, shape: Shape) -> frozenset[str] | None:
    """Return the names of the parameters that a gradient of the outputs reaches in training.

    The forward is run without values, on the device meta. ``None`` if that does not tell, or if there are none.
    """
    without_values: dict[int, Any] = {}
    names: dict[int, list[str]] = {}
    for inner in module.modules():
        for tensor in tensors_of(inner):
            without_values[id(tensor)] = _on_meta(tensor)
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(without_values[id(parameter)]), []).append(name)
    example = example_of(module, (2, *shape)).to("meta")
    try:
        with undisturbed(), torch.enable_grad():
            copied = copy.deepcopy(module, {**without_values}).train()
            ends = [tensor.grad_fn for tensor in _tensors_in(copied(example)) if tensor.grad_fn is not None]
    except Exception:  # whatever the module's own code raises: it may make tensors on another device
        return None
    steps, seen = [*ends], {*ends}
    found: list[str] = []
    while steps:
        step = steps.pop()
        if _HIDING in step.name():
            return None
        found += names.get(id(getattr(step, "variable", None)), ())
        new = {before for before, _ in step.next_functions if before is not None} - seen
        seen |= new
        steps += new
    return frozenset(found) or None


def _on_meta(tensor: Tensor) -> Tensor:
    moved = tensor.detach().to("meta")
    return nn.Parameter(moved, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else moved


def _tensors_in(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _tensors_in(inner)


def stops(program: ExportedProgram, parameters: frozenset[str]) -> Iterator[str]:
    """Yield the places where the gradient of something that depends on parameters ends: calls of ``detach``."""
    specs = program.graph_signature.input_specs
    learning = {spec.arg.name for spec in specs if spec.kind == InputKind.PARAMETER and spec.target in parameters}
    depending: set[fx.Node] = set()
    for node in program.graph.nodes:
        if node.name in learning or not depending.isdisjoint(node.all_input_nodes):
            depending.add(node)
            if operator_of(node) == "detach":
                yield place_of(node)
