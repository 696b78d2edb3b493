"""netspec: a convolutional network's published table, checked, tabulated and compiled.

>>> import netspec
>>> net = netspec.loads("[image] input 3x224x224\\n[conv1] conv filters=96 kernel=11 stride=4 rounding=up -> 96x55x55")
>>> net["conv1"].output
Shape(96, 55, 55)
>>> net.total.connections
105415200

Everything heavier than the standard library is imported when it is first needed; torch only by ``torch_module`` and
training.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from netspec.diagnostics.model import CannotOpen, SpecError

if TYPE_CHECKING:
    from torch.nn import Module

    from netspec.ir.shape import Shape
    from netspec.net import Net

__all__ = ["CannotOpen", "SpecError", "compile", "load", "loads", "summary", "torch_module"]


def load(
    path: str | os.PathLike[str],
    *,
    input: Sequence[int] | None = None,
    set: Iterable[str] = (),
    params: str | os.PathLike[str] | None = None,
    history: bool = False,
) -> Net:
    """Load and check a spec, or a layer file of cuda-convnet, from a file.

    Parameters
    ----------
    input:
        ``(3, 224, 224)``, in place of the shape that the file gives its input.
    set:
        Keys that get other values, as with ``--set``: ``["conv1.stride=2", "train.batch=64"]``.
    params:
        The parameter file of a layer file.
    history:
        Take the rates with which the run of a layer file began, by the notes in ``params``, not its last.

    Raises
    ------
    SpecError
        The spec is wrong; ``.diagnostics`` says where and why.
    CannotOpen
        A file cannot be opened.
    ValueError
        One of these is no shape or no change, or says how a layer file is read where there is none.
    """
    from netspec.net import load as load_net

    return load_net(path, _shape(input), _changes(set), params, history=history)


def loads(text: str, *, name: str = "<text>", input: Sequence[int] | None = None) -> Net:
    """Load and check a spec that is given as text. Raises ``SpecError``."""
    from netspec.net import loads as loads_net

    return loads_net(text, name, _shape(input))


def summary(net: Net, batch: int | None = None) -> dict[str, Any]:
    """The layer table as plain data, as ``netspec summary --format json`` prints it.

    ``batch`` is the number of images whose activations are counted; by default the training batch.
    """
    _need_net(net)
    from netspec.report import as_dict

    return as_dict(net, batch or net.graph.train.batch)


def torch_module(net: Net, *, seed: int = 0) -> Module:
    """The network as an ordinary ``torch.nn.Module`` in float32 with the spec's initial values, drawn from ``seed``.

    Its ``forward`` takes a float tensor N x C x H x W, preprocessed, and returns the file's last layer.
    """
    _need_net(net)
    from netspec.backend import load as load_backend

    module: Module = load_backend("pytorch").module(net.graph, seed=seed)
    return module


@overload
def compile(net: Net, *, to: Literal["python"] = "python") -> str: ...
@overload
def compile(net: Net, *, to: str) -> str | bytes | dict[str, str | bytes]: ...
def compile(net: Net, *, to: str = "python") -> str | bytes | dict[str, str | bytes]:
    """The network as another program's file, with the words that ``netspec compile --to`` takes.

    ``to="python"`` is the text of one standalone program that needs torch and Pillow. A target that is a folder of
    several files gives their contents by name.

    Raises
    ------
    ValueError
        There is no such target.
    SpecError
        The target cannot say what the spec says.
    """
    _need_net(net)
    from netspec.backend import targets

    found = targets().get(to)
    if found is None:
        raise ValueError(f"there is no target {to!r}; there are {', '.join(targets())}")
    files = dict(found.make(net, net.name))
    return files if not found.ending else next(iter(files.values()))


def _shape(input: Sequence[int] | None) -> Shape | None:
    from netspec.ir.shape import Shape

    if input is None:
        return None
    try:
        sides = tuple(map(operator.index, input))  # numpy's whole numbers are some too
    except TypeError:
        sides = ()
    if len(sides) not in (1, 3) or min(sides) < 1:
        raise ValueError(
            f"input={input!r} is no shape: it needs channels, height and width, (3, 224, 224), or features"
        )
    return Shape(*sides)


def _changes(set: Iterable[str]) -> tuple[str, ...]:
    from netspec.language.parser import is_change

    if isinstance(set, str):
        raise TypeError(f"set={set!r} is one text; it takes several: set=[{set!r}]")
    changes = tuple(set)
    if wrong := [change for change in changes if not (isinstance(change, str) and is_change(change))]:
        raise ValueError(f"{wrong[0]!r} is no change; write LAYER.KEY=VALUE, conv1.stride=2")
    return changes


def _need_net(net: object) -> None:
    """Raise ``TypeError`` for a path or a text in the place of a net."""
    if isinstance(net, str | os.PathLike):
        raise TypeError(f"this takes a net, which netspec.load makes of a file: netspec.load({os.fspath(net)!r})")
