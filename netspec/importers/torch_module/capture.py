"""Have torch.export follow a module's forward, without changing the module."""

from __future__ import annotations

import copy
import inspect
import io
import logging
import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from netspec.diagnostics.model import source_error
from netspec.formatting import plural
from netspec.importers.operators.graph.model import BATCH
from netspec.importers.torch_module.inlining import inlined
from netspec.importers.torch_module.mistakes import cannot_follow, first_line
from netspec.ir.shape import Shape
from netspec.source import Source

OTHER_BATCH = 5
"""Another number of images than ``BATCH``, which shows whether a module computes with that number."""


def capture(
    module: nn.Module, shape: Shape, source: Source, *, training: bool = False, batch: int = BATCH
) -> ExportedProgram:
    """Return what the module computes of images of a shape, in training mode or in evaluation mode.

    Raises
    ------
    SpecError
        ``torch-input``: the module does not read one tensor. ``torch-export``: its forward cannot be followed.
    """
    _require_values(module, source)
    _require_one_input(module, source)
    example = example_of(module, (batch, *shape))
    copied = _copied(module, source).train(training)
    try:
        with undisturbed(), torch.no_grad():
            return inlined(torch.export.export(copied, (example,)))
    except Exception as problem:  # whatever the module's own code raises, and many errors of torch's own
        raise cannot_follow(problem, copied, shape, source, batch) from None


def _require_values(module: nn.Module, source: Source) -> None:
    if isinstance(module, torch.jit.ScriptModule):
        message = "this module is a program of TorchScript; a spec is made from the module that it was compiled from"
        raise source_error("torch-export", source, message)
    tensors = [*module.named_parameters(), *module.named_buffers()]
    for name, tensor in tensors:
        if nn.parameter.is_lazy(tensor):
            note = "call the module once on images of this shape, which gives it the shapes of its parameters"
            raise source_error("torch-export", source, f"the parameter {name} has no shape yet", (note,))
        if tensor.is_meta:
            note = 'module.to_empty(device="cpu") gives it values'
            raise source_error("torch-export", source, f"the parameter {name} is on the device meta", (note,))


def _require_one_input(module: nn.Module, source: Source) -> None:
    """Raise ``SpecError`` unless the module's forward can be called with one argument."""
    try:
        signature = inspect.signature(module.forward)
    except (TypeError, ValueError):  # forward is not a Python function
        return
    required = [
        p.name
        for p in signature.parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    try:
        signature.bind(None)
    except TypeError:
        message = f"the module's forward reads {plural(len(required), 'input')}; a spec has one, the images"
        notes = (", ".join(required),) if required else ()
        raise source_error("torch-input", source, message, notes) from None


def example_of(module: nn.Module, sizes: Sequence[int]) -> Tensor:
    """Return zeros, of the type and on the device of the module's parameters."""
    tensors = (t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point())
    first = next(tensors, torch.empty(0))
    return torch.zeros(*sizes, dtype=first.dtype, device=first.device)


def _copied(module: nn.Module, source: Source) -> nn.Module:
    """Return a copy of a module that shares its tensors: what forward assigns, and the mode, are the copy's own."""
    tensors = [value for inner in module.modules() for value in tensors_of(inner)]
    try:
        return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
    except Exception as problem:  # whatever the parts of the module raise
        message = "the module cannot be copied, which keeps it unchanged"
        raise source_error("torch-export", source, message, (first_line(problem),)) from None


def tensors_of(module: nn.Module) -> Iterator[Tensor]:
    """Yield a module's own parameters, buffers and attributes that are tensors."""
    for values in (module.__dict__, module._parameters, module._buffers):
        yield from (value for value in values.values() if isinstance(value, Tensor))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the random numbers that follow as they are, and torch quiet: on errors, it prints graphs."""
    states, disabled = (random.getstate(), np.random.get_state()), logging.root.manager.disable
    logging.disable()
    try:
        with (
            torch.random.fork_rng(devices=[]),
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        random.setstate(states[0])
        np.random.set_state(states[1])
