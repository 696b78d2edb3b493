"""netspec: check, tabulate and compile the published table of a convolutional network.

>>> import netspec
>>> net = netspec.loads("[image] input 3x224x224\\n[conv1] conv filters=96 kernel=11 stride=4 rounding=up -> 96x55x55")
>>> net["conv1"].output
Shape(96, 55, 55)
>>> net.total.connections
105415200

Importing netspec loads only the standard library. Other libraries are imported when they are first needed; torch only
by ``torch_module`` and training.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from torch.nn import Module

    from netspec.diagnostics.model import CannotOpen, SpecError
    from netspec.ir.shape import Shape
    from netspec.net import Net
    from netspec.notebook import Markdown, Svg

__all__ = ["CannotOpen", "SpecError", "compile", "figure", "load", "loads", "summary", "table", "torch_module"]

if not TYPE_CHECKING:  # a type checker would take any name for one of this module's

    def __getattr__(name: str) -> Any:
        """Import the exceptions when they are named: before the command can handle Ctrl-C, it imports this module."""
        if name not in ("CannotOpen", "SpecError"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from netspec.diagnostics import model

        return getattr(model, name)


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
        A shape for the input, such as ``(3, 224, 224)``, that replaces the one in the file.
    set:
        Changes of keys, as with ``--set``: ``["conv1.stride=2", "train.batch=64"]``.
    params:
        The parameter file of a layer file, or the solver of a network of Caffe.
    history:
        Use the learning rates with which a layer file's run began, which the notes in ``params`` record, instead of
        those with which it ended.

    Raises
    ------
    SpecError
        The spec has mistakes; ``.diagnostics`` has them.
    CannotOpen
        A file cannot be opened.
    ValueError
        ``input`` is not a shape, ``set`` has something that is not a change, ``params`` is given for a file that takes
        none, or ``history`` without the parameter file of a layer file.
    """
    from netspec.net import load as load_net

    return load_net(path, _shape(input), _changes(set), params, history=history)


def loads(text: str, *, name: str = "<text>", input: Sequence[int] | None = None) -> Net:
    """Check a spec that is given as text. Raises ``SpecError``."""
    from netspec.net import loads as loads_net

    return loads_net(text, name, _shape(input))


def summary(net: Net, batch: int | None = None) -> dict[str, Any]:
    """Return the layer table as plain data, as ``netspec summary --format json`` prints it.

    ``batch`` is the number of images for which activations are counted. The default is the training batch.
    """
    _require_net(net)
    from netspec.report import as_dict

    return as_dict(net, batch or net.graph.train.batch)


def table(net: Net, batch: int | None = None) -> Markdown:
    """Return the layer table as text in Markdown, which a notebook shows as a table.

    It is the table of ``netspec summary``, also with its ``batch``; see ``summary``.
    """
    _require_net(net)
    from netspec.notebook import table as table_of

    return table_of(net, batch or net.graph.train.batch)


def figure(net: Net, *, costs: bool = False) -> Svg:
    """Return the figure that ``netspec draw`` writes, as the text of an SVG, which a notebook shows as an image.

    With ``costs``, each layer also has its numbers of weights and connections.
    """
    _require_net(net)
    from netspec.notebook import figure as figure_of

    return figure_of(net, costs=costs)


def torch_module(net: Net, *, seed: int = 0) -> Module:
    """Return the network as an ordinary ``torch.nn.Module`` in float32, with initial values drawn from ``seed``.

    Its ``forward`` takes preprocessed images, a float tensor N x C x H x W, and returns the output of the last layer.
    """
    _require_net(net)
    from netspec.backend import load as load_backend

    module: Module = load_backend("pytorch").module(net.graph, seed=seed)
    return module


@overload
def compile(net: Net, *, to: Literal["python"] = "python") -> str: ...
@overload
def compile(net: Net, *, to: str) -> str | bytes | dict[str, str | bytes]: ...
def compile(net: Net, *, to: str = "python") -> str | bytes | dict[str, str | bytes]:
    """Compile a network to one of the targets of ``netspec compile --to``.

    ``to="python"`` returns the text of a standalone program that needs only torch, and Pillow to read images. A target
    of several files returns their contents by name.

    Raises
    ------
    ValueError
        There is no such target.
    SpecError
        The target cannot express something in the spec.
    """
    _require_net(net)
    from netspec.backend import targets

    target = targets().get(to)
    if target is None:
        raise ValueError(f"there is no target {to!r}; there are {', '.join(targets())}")
    files = dict(target.make(net, net.name))
    return files if not target.ending else next(iter(files.values()))


def _shape(input: Sequence[int] | None) -> Shape | None:
    from netspec.ir.shape import Shape

    if input is None:
        return None
    try:
        sides = tuple(map(operator.index, input))  # accepts numpy's integers too
    except TypeError:
        sides = ()
    if len(sides) not in (1, 3) or min(sides) < 1:
        raise ValueError(
            f"input={input!r} is not a shape; write channels, height and width, (3, 224, 224), or features"
        )
    return Shape(*sides)


def _changes(set: Iterable[str]) -> tuple[str, ...]:
    from netspec.language.parser import is_change

    if isinstance(set, str):
        raise TypeError(f"set={set!r} is one text; it takes several: set=[{set!r}]")
    changes = tuple(set)
    if wrong := [change for change in changes if not (isinstance(change, str) and is_change(change))]:
        raise ValueError(f"{wrong[0]!r} is not a change; write LAYER.KEY=VALUE, conv1.stride=2")
    return changes


def _require_net(net: object) -> None:
    """Raise ``TypeError`` if a path or a text was passed instead of a net."""
    if isinstance(net, str | os.PathLike):
        raise TypeError(f"this takes a net, which netspec.load makes of a file: netspec.load({os.fspath(net)!r})")
