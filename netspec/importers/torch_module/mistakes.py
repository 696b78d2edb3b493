"""The error for a module whose forward fails: what does not fit, and where."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor, nn

from netspec.diagnostics import SpecError
from netspec.diagnostics.model import source_error
from netspec.formatting import plural
from netspec.ir.shape import Shape
from netspec.source import Source

_DECIDES = ("GuardOnDataDependentSymNode", "UserError", "DataDependentOutputException", "UnsupportedOperatorException")
"""The errors of torch for a forward that reads the values that it computes, by name: they are not public."""

_CHANNELS: Mapping[type[nn.Module], str] = {
    nn.modules.conv._ConvNd: "in_channels",
    nn.modules.batchnorm._NormBase: "num_features",
    nn.GroupNorm: "num_channels",
}
"""The attributes with the number of channels, axis 1, that modules read."""


def cannot_follow(problem: Exception, module: nn.Module, shape: Shape, source: Source, batch: int) -> SpecError:
    """Return the error for a forward that failed with ``batch`` images, with the module and the line where it did."""
    names = [type(error).__name__ for error in _chain(problem)]
    where = _where(problem, module)
    if any(name in _DECIDES for name in names):
        message = "torch.export cannot follow the module's forward: it decides by the values that it computes"
        return source_error("torch-export", source, message, (*where, "a spec computes the same for every image"))
    message = f"torch.export cannot follow the module's forward with images of {shape}"
    return source_error("torch-export", source, message, (*_what(problem, module, batch), *where))


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def first_line(problem: Exception) -> str:
    """Return the type of an error and the first line of its message."""
    lines = [line for line in str(problem).splitlines() if line.strip()]
    return f"{type(problem).__name__}: {lines[0].strip()}" if lines else type(problem).__name__


def _what(problem: Exception, module: nn.Module, batch: int) -> Iterator[str]:
    """Yield what does not fit: in words if it is a layer and its input, else torch's, in which N is the batch."""
    misfit = _misfit(problem, module)
    if misfit:
        yield misfit
        return
    line = first_line(problem)
    yield re.sub(rf"\[{batch}(?=[,\]])", "[N", line)
    if any(int(number) % batch == 0 for number in re.findall(r"(?<![\w.])[1-9]\d*", line)):
        yield f"netspec follows the module with {batch} images at once"


def _misfit(problem: Exception, module: nn.Module) -> str:
    """Return how a layer and its input do not fit together, if that is the problem."""
    paths = _paths(module)
    for frame, _ in reversed([*traceback.walk_tb(problem.__traceback__)]):
        layer, x = frame.f_locals.get("self"), frame.f_locals.get("input")
        if isinstance(layer, nn.Module) and id(layer) in paths and isinstance(x, Tensor):
            own, given, what = _sizes(layer, x)
            path, kind = paths[id(layer)], type(layer).__name__
            name = f"{path} ({kind})" if path else f"the {kind}"
            return "" if own == given else f"{name} reads {plural(own, what)}, and its input has {given}"
    return ""


def _sizes(layer: nn.Module, x: Tensor) -> tuple[int, int, str]:
    """Return how many numbers or channels a layer reads, how many its input has, and what they are."""
    if isinstance(layer, nn.Linear) and x.dim():
        return layer.in_features, x.shape[-1], "feature"
    for kind, attribute in _CHANNELS.items():
        if isinstance(layer, kind) and x.dim() > 1:
            return int(getattr(layer, attribute)), x.shape[1], "channel"
    return 0, 0, ""


def _paths(module: nn.Module) -> dict[int, str]:
    return {id(inner): path for path, inner in module.named_modules(remove_duplicate=False)}


def _where(problem: Exception, module: nn.Module) -> tuple[str, ...]:
    """Return the innermost line outside torch that raised an error, and the path of its module."""
    paths, found, path = _paths(module), None, ""
    for frame, number in traceback.walk_tb(problem.__traceback__):
        path = paths.get(id(frame.f_locals.get("self")), path)
        if _is_of_module(frame):
            found = traceback.FrameSummary(frame.f_code.co_filename, number, frame.f_code.co_name)
    places = [f"in the module {path}"] if path else []
    if found is not None and found.line:
        places.append(f"{found.filename}:{found.lineno}: {found.line}")
    return tuple(places)


def _is_of_module(frame: FrameType) -> bool:
    """Whether a frame is of neither torch nor netspec, and has a file."""
    outside = str(Path(torch.__file__).parent), str(Path(__file__).parent), "<"
    return not frame.f_code.co_filename.startswith(outside)
