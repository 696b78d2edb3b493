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
    from netspec.notebook import Comparison, Markdown, Svg

__all__ = [
    "CannotOpen",
    "SpecError",
    "compare",
    "compile",
    "figure",
    "from_torch",
    "load",
    "loads",
    "summary",
    "table",
    "torch_module",
]

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
        A file cannot be opened. It is an ``OSError``, and a ``FileNotFoundError`` if there is no such file.
    ValueError
        ``input`` is not a shape, ``set`` has something that is not a change, ``params`` is given for a file that takes
        none, or ``history`` without the parameter file of a layer file.
    """
    from netspec.net import load as load_net

    return load_net(path, _shape(input), _changes(set), params, history=history)


def loads(text: str, *, name: str = "<text>", input: Sequence[int] | None = None, set: Iterable[str] = ()) -> Net:
    """Check a spec that is given as text. ``input`` and ``set`` are as in ``load``.

    Raises ``SpecError``, and ``ValueError`` if ``input`` is not a shape, or ``set`` has something that is not a change.
    """
    from netspec.net import loads as loads_net

    return loads_net(text, name, _shape(input), _changes(set))


def from_torch(model: Module, input: Sequence[int], *, name: str | None = None) -> Net:
    """Return what a PyTorch module computes as a network, whose ``source.text`` is its spec.

    ``torch.export`` follows the module's ``forward`` in evaluation mode. The module itself is not changed. Layers are
    named after the modules that they come from: ``layer1.0.conv1`` becomes ``layer1_0_conv1``. With the network,
    ``torch_module(net, weights=model)`` makes a module that has the same weights.

    Parameters
    ----------
    model:
        A module that reads one tensor: images N x C x H x W, or vectors N x features.
    input:
        The shape of an image without the batch, such as ``(3, 224, 224)``, or the number of features, ``(784,)``.
    name:
        The name of the net, by default that of the module's class.

    Raises
    ------
    SpecError
        A spec cannot express what the module computes, or ``torch.export`` cannot follow it; ``.diagnostics`` say why.
    TypeError
        ``model`` is not a module.
    ValueError
        ``input`` is not a shape.
    """
    from netspec.net import import_module

    shape = _shape(input)
    if shape is None:
        raise ValueError("input=None is not a shape; a module does not say how large its images are")
    _require_module(model)
    return import_module(model, shape, name).net


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
    from netspec import notebook, report

    return notebook.Markdown(report.markdown(report.layer_table(net, batch or net.graph.train.batch)))


def figure(net: Net, *, costs: bool = False) -> Svg:
    """Return the figure that ``netspec draw`` writes, as the text of an SVG, which a notebook shows as an image.

    With ``costs``, each layer also has its numbers of weights and connections.
    """
    _require_net(net)
    from netspec import draw, notebook

    return notebook.Svg(draw.to_svg(draw.figure_of(net, costs=costs)))


def compare(a: Net, b: Net) -> Comparison:
    """Compare two networks: what differs, and what each difference changes.

    The result is shown as ``netspec diff`` prints it, and in a notebook as tables. ``same`` says whether nothing
    differs, ``same_function`` whether the same weights give the same output, ``same_scores`` whether they give the same
    class scores: one of the networks may end with a softmax of them.
    """
    _require_net(a)
    _require_net(b)
    from netspec import diff, notebook

    return notebook.Comparison(diff.compare(a, b))


def torch_module(net: Net, *, seed: int = 0, weights: Module | None = None) -> Module:
    """Return the network as an ordinary ``torch.nn.Module``, with random initial values or another module's weights.

    Its ``forward`` takes preprocessed images, a float tensor N x C x H x W, and returns the output of the last layer.

    Parameters
    ----------
    seed:
        Where the random numbers of the initial values start. The module is in float32.
    weights:
        A module of which ``from_torch`` makes a network with the same layers. Its parameters and running statistics are
        copied, in float64 if they are. The spec may have been changed where this leaves the weights as they are.

    Raises
    ------
    ValueError
        The parameters of ``weights`` are not those of the network.
    SpecError
        ``from_torch`` cannot express ``weights``, or only training images say how much classes weigh
        (``class_weights=balanced``).
    """
    _require_net(net)
    net.require_class_weights()
    from netspec.backend import load as load_backend

    backend = load_backend("pytorch")
    if weights is None:
        module: Module = backend.module(net.graph, seed=seed)
        return module
    from netspec.net import import_module

    _require_module(weights)
    same: Module = backend.module_with(net.graph, import_module(weights, net.graph.input.output, net.name).arrays)
    return same


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
        given = repr(input) if isinstance(input, str | int | Sequence) else type(input).__name__
        images = ", without the number of images" if len(sides) == 4 or hasattr(input, "shape") else ""
        wanted = f"write channels, height and width, (3, 224, 224), or features{images}"
        raise ValueError(f"input={given} is not a shape; {wanted}")
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
    """Raise ``TypeError`` if something else was passed instead of a net, such as a path or a module."""
    if isinstance(net, str | os.PathLike):
        raise TypeError(f"this takes a net, which netspec.load makes of a file: netspec.load({os.fspath(net)!r})")
    if hasattr(net, "named_parameters"):
        call = "netspec.from_torch(model, (3, 224, 224))"
        raise TypeError(f"this takes a net, which netspec.from_torch makes of a module: {call}")
    if not hasattr(net, "graph"):
        raise TypeError(f"this takes a net, and is given {type(net).__name__}")


def _require_module(model: object) -> None:
    """Raise ``TypeError`` if something else was passed instead of a module, such as its weights."""
    if isinstance(model, type) or not hasattr(model, "named_parameters"):
        given = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise TypeError(f"this takes a torch.nn.Module, and is given {given}")
