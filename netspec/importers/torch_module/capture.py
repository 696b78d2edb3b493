"""Have torch.export follow a module's forward, without changing the module."""

from __future__ import annotations

import copy
import inspect
import io
import logging
import random
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from netspec.diagnostics import SpecError
from netspec.formatting import plural
from netspec.importers.operators.graph.model import model_error
from netspec.ir.shape import Shape
from netspec.source import Source

BATCH, OTHER_BATCH = 7, 5
"""The number of images that are followed, and another one, which shows whether a module computes with that number. No
axis of a real model has such a length by chance, so that an operator which mixes images is noticed."""

_DECIDES = ("GuardOnDataDependentSymNode", "UserError", "DataDependentOutputException", "UnsupportedOperatorException")
"""The errors of torch for a forward that reads the values that it computes, by name: they are not public."""


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
    example = _example(module, (batch, *shape))
    copied = _copied(module, source).train(training)
    try:
        with _undisturbed(), torch.no_grad():
            return torch.export.export(copied, (example,))
    except Exception as problem:  # whatever the module's own code raises, and many errors of torch's own
        raise _cannot_follow(problem, copied, shape, source) from None


def _require_values(module: nn.Module, source: Source) -> None:
    if isinstance(module, torch.jit.ScriptModule):
        message = "this module is a program of TorchScript; a spec is made from the module that it was compiled from"
        raise model_error("torch-export", source, message)
    tensors = [*module.named_parameters(), *module.named_buffers()]
    for name, tensor in tensors:
        if nn.parameter.is_lazy(tensor):
            note = "call the module once on images of this shape, which gives it the shapes of its parameters"
            raise model_error("torch-export", source, f"the parameter {name} has no shape yet", (note,))
        if tensor.is_meta:
            note = 'module.to_empty(device="cpu") gives it values'
            raise model_error("torch-export", source, f"the parameter {name} is on the device meta", (note,))


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
        raise model_error("torch-input", source, message, notes) from None


def _example(module: nn.Module, sizes: Sequence[int]) -> Tensor:
    """Return zeros, of the type and on the device of the module's parameters."""
    tensors = (t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point())
    first = next(tensors, torch.empty(0))
    return torch.zeros(*sizes, dtype=first.dtype, device=first.device)


def _copied(module: nn.Module, source: Source) -> nn.Module:
    """Return a copy of a module that shares its tensors: what forward assigns, and the mode, are the copy's own."""
    tensors = [value for inner in module.modules() for value in _tensors(inner)]
    try:
        return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
    except Exception as problem:  # whatever the parts of the module raise
        message = "the module cannot be copied, which keeps it unchanged"
        raise model_error("torch-export", source, message, (_first_line(problem),)) from None


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    for values in (module.__dict__, module._parameters, module._buffers):
        yield from (value for value in values.values() if isinstance(value, Tensor))


@contextmanager
def _undisturbed() -> Iterator[None]:
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


def _cannot_follow(problem: Exception, module: nn.Module, shape: Shape, source: Source) -> SpecError:
    """Return the error for a forward that failed, with the module and the line where it did."""
    names = [type(error).__name__ for error in _chain(problem)]
    where = _where(problem, module)
    if any(name in _DECIDES for name in names):
        message = "torch.export cannot follow the module's forward: it decides by the values that it computes"
        notes = (*where, "a spec computes the same for every image")
    else:
        message = f"torch.export cannot follow the module's forward with images of {shape}"
        notes = (_first_line(problem), *where)
    return model_error("torch-export", source, message, notes)


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def _first_line(problem: Exception) -> str:
    lines = [line for line in str(problem).splitlines() if line.strip()]
    return f"{type(problem).__name__}: {lines[0].strip()}" if lines else type(problem).__name__


def _where(problem: Exception, module: nn.Module) -> tuple[str, ...]:
    """Return the innermost line outside torch that raised an error, and the path of its module."""
    paths = {id(inner): path for path, inner in module.named_modules(remove_duplicate=False)}
    torch_folder, own = str(Path(torch.__file__).parent), str(Path(__file__).parent)
    found, path = None, ""
    for frame, number in traceback.walk_tb(problem.__traceback__):
        path = paths.get(id(frame.f_locals.get("self")), path)
        if not frame.f_code.co_filename.startswith((torch_folder, own, "<")):
            found = traceback.FrameSummary(frame.f_code.co_filename, number, frame.f_code.co_name)
    places = [f"in the module {path}"] if path else []
    if found is not None and found.line:
        places.append(f"{found.filename}:{found.lineno}: {found.line}")
    return tuple(places)
