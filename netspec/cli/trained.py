"""Opening the trained network named on the command line: a run, or a spec or run with weights from another file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import Command, fail, importing_torch
from netspec.cli.reading import READING_OPTIONS, Reading, read_net, reading_options
from netspec.cli.runs import require_existing, warn
from netspec.source import names_network

if TYPE_CHECKING:
    from netspec.train.runs.saved import Saved
    from netspec.train.tensors.weights import Weights


def weights_option(command: Command) -> Command:
    """Add the option ``--weights`` and the options that control how a spec is read."""
    return click.option(
        "--weights",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Use the weights in this run, checkpoint, .safetensors or .pth file. RUN may then be a spec.",
    )(reading_options(command))


def starting_weights_options(command: Command) -> Command:
    """Add the options ``--weights`` and ``--fresh`` for starting a training; ``fresh`` is a tuple of layer names."""
    add_weights = click.option(
        "--weights",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Start from the weights in this run, checkpoint, .safetensors or .pth file.",
    )
    add_fresh = click.option(
        "--fresh",
        metavar="LAYER",
        multiple=True,
        callback=lambda ctx, param, lists: tuple(name for names in lists for name in names.split(",") if name),
        help="Initialise this layer anew instead of taking it from --weights; for several layers: fc7,fc8.",
    )
    return add_weights(add_fresh(command))


def views_option(command: Command) -> Command:
    """Add the option ``--views``: 1, 10 or whole, or ``None`` for what each network's spec says."""
    return click.option(
        "--views",
        type=click.Choice([1, 10, "whole"]),
        help="Views averaged for each image, or whole [default: views= of the spec].",
    )(command)


def require_spec(path: Path, weights: Path | None, reading: Reading) -> None:
    """Exit if there are options for reading a spec but ``path`` is not a spec with ``weights``."""
    if reading != Reading() and (weights is None or not names_network(path)):
        fail(f"{READING_OPTIONS} control how a spec is read, but there is none; a run keeps its network")


def open_trained(path: Path, weights: Path | None, reading: Reading, classes: Path | None = None) -> Saved:
    """Open a run; with ``weights``, open a spec or a run and give it those weights.

    ``classes`` is a file with a class name on each line; without it, the classes of a spec are named by their numbers.
    Raises ``TrainError``; exits if the command line is wrong.
    """
    require_spec(path, weights, reading)
    is_spec = weights is not None and names_network(path)
    if not is_spec:
        require_existing(path)
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
    """Return a run with other weights in place of its own. Raises ``TrainError`` if they do not fit."""
    from netspec.train.learning.objective import build
    from netspec.train.tensors.fitting import fit

    module = build(run.graph, 0, "cpu").module
    fit(run.graph, module, weights)
    return run.with_weights(module.state_dict())
