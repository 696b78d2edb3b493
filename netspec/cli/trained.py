"""Trained networks as command lines name them: runs, and specs or runs with weights from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netspec.cli.common import importing_torch, refuse
from netspec.cli.reading import SAYING_HOW, Reading, read_net, reading_options
from netspec.cli.runs import need_named, warn
from netspec.source import SPEC_ENDINGS

if TYPE_CHECKING:
    from netspec.train.runs.saved import Saved
    from netspec.train.tensors.weights import Weights

Command = TypeVar("Command", bound=Callable[..., Any])


def weights_option(command: Command) -> Command:
    """The option ``--weights``, and those that say how a spec is read."""
    return click.option(
        "--weights",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Use these weights: a run, a checkpoint, .safetensors or .pth. RUN may then be a spec.",
    )(reading_options(command))


def starting_weights_options(command: Command) -> Command:
    """The options ``--weights`` and ``--fresh`` of what starts a training; ``fresh`` is a tuple of layers' names."""
    add_weights = click.option(
        "--weights",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Start from these weights: a run, a checkpoint, .safetensors or .pth.",
    )
    add_fresh = click.option(
        "--fresh",
        metavar="LAYER",
        multiple=True,
        callback=lambda ctx, param, lists: tuple(name for names in lists for name in names.split(",") if name),
        help="Do not take this layer from --weights; several: fc7,fc8, or --fresh twice.",
    )
    return add_weights(add_fresh(command))


def views_option(command: Command) -> Command:
    """The option ``--views``: 1, 10, or ``None`` for those of each network's own spec."""
    return click.option(
        "--views", type=click.Choice([1, 10]), help="Views of an image [default: the spec's test views=]."
    )(command)


def need_spec(path: Path, weights: Path | None, reading: Reading) -> None:
    """Refuse what says how a spec is read where there is none."""
    if reading != Reading() and (weights is None or path.suffix not in SPEC_ENDINGS):
        refuse(f"{SAYING_HOW} say how a spec is read, and there is none; a run keeps its network")


def open_trained(path: Path, weights: Path | None, reading: Reading, classes: Path | None = None) -> Saved:
    """A run; with ``weights`` a spec, or a run with others than its own.

    ``classes`` is a file with the classes' names, a line each; of a spec they are numbers without it. Raises
    ``TrainError``; a wrong command line ends the command.
    """
    need_spec(path, weights, reading)
    is_spec = weights is not None and path.suffix in SPEC_ENDINGS
    if not is_spec:
        need_named(path)
    net = read_net(str(path), reading) if is_spec else None
    with importing_torch():
        from netspec.train.runs.saved import open_run
        from netspec.train.tensors.published import named_classes, without_data
        from netspec.train.tensors.weights import read_weights

    names = named_classes(classes) if classes is not None else None
    read = read_weights(weights, warn) if weights is not None else None
    if net is not None and read is not None:
        return without_data(net, path, read, names)
    run = open_run(path, warn)
    run = run if read is None else with_weights(run, read)
    return run if names is None else run.with_classes(names)


def with_weights(run: Saved, weights: Weights) -> Saved:
    """A run with weights from elsewhere in place of its own. Raises ``TrainError`` where they do not fit."""
    from netspec.train.learning.objective import build
    from netspec.train.tensors.fitting import fit

    module = build(run.graph, 0, "cpu").module
    fit(run.graph, module, weights)
    return run.with_weights(module.state_dict())
