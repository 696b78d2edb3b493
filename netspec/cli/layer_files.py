"""Options of the commands that read cuda-convnet layer files (``.cfg``) and networks of Caffe (``.prototxt``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from netspec.cli.common import Command
from netspec.diagnostics import CannotOpen, SpecError
from netspec.source import CAFFE_FILE, LAYER_FILE, SPEC_ENDINGS

if TYPE_CHECKING:
    from netspec.importers.cuda_convnet import Dialect
    from netspec.net import LayerFileOptions
    from netspec.source import Source


@dataclass(frozen=True, slots=True)
class LayerFiles:
    """The values of ``--params``, ``--dialect`` and ``--history``.

    ``params`` are the parameter files, or the solvers of networks of Caffe: one for all files, or one for each in their
    order. ``dialect`` is the version of cuda-convnet that they were written for (``None``: recognised by their
    content). ``history`` says that the learning rates come from the notes in the parameter file.
    """

    params: tuple[str, ...] = ()
    dialect: Dialect | None = None
    history: bool = False

    def for_file(self, files: Sequence[str], index: int) -> LayerFiles:
        """Return the options for ``files[index]`` alone, with at most one parameter file.

        Raises ``click.UsageError`` if there are more parameter files than files that take one, or several but too few
        to give each one, or ``--history`` without a parameter file of a layer file.
        """
        if self == LayerFiles():
            return self  # no file need be opened, which a pipe can be only once
        networks = {number for number, path in enumerate(files) if _is_caffe_file(path)}
        indices = [number for number, path in enumerate(files) if number in networks or _is_layer_file(path)]
        given, needed = len(self.params), len(indices)
        if given > needed:
            takes = "layer file (.cfg) or network of Caffe (.prototxt)"
            raise click.UsageError(f"there is no {takes} that --params {self.params[needed]} belongs to")
        if 1 < given < needed:
            raise click.UsageError(f"{needed} files take one --params each, or one for all; there are {given}")
        if self.history and (not given or networks.issuperset(indices)):
            raise click.UsageError("--history reads the notes of a parameter file, and there is none: --params")
        if index not in indices:
            return LayerFiles()
        return self if given <= 1 else replace(self, params=(self.params[indices.index(index)],))

    def read(self, *, merged: bool) -> LayerFileOptions:
        """Read the parameter file and return the loader's options. Raises ``CannotOpen`` and ``SpecError``."""
        from netspec.net import LayerFileOptions
        from netspec.opening import read_named

        return LayerFileOptions(read_named(self.params[0]) if self.params else None, self.dialect, merged, self.history)


def _is_layer_file(path: str) -> bool:
    """Whether a file is a layer file, by its name or else by its content. Standard input counts as one."""
    from netspec.opening import is_layer_file

    return path == "-" or _is(is_layer_file, path, LAYER_FILE)


def _is_caffe_file(path: str) -> bool:
    """Whether a file is a network of Caffe, by its name or else by its content."""
    from netspec.opening import is_caffe_file

    return path != "-" and _is(is_caffe_file, path, CAFFE_FILE)


def _is(recognise: Callable[[Source], bool], path: str, ending: str) -> bool:
    """Whether a file has this ending or, if it has none of the known ones, is recognised by its content."""
    from netspec.opening import read_named

    if path.lower().endswith(SPEC_ENDINGS):
        return path.lower().endswith(ending)
    try:
        return recognise(read_named(path))
    except (CannotOpen, SpecError):
        return False  # the command itself reports it


def layer_file_options(command: Command) -> Command:
    """Add the options ``--params``, ``--dialect`` and ``--history``."""
    add_params = click.option(
        "--params",
        multiple=True,
        metavar="FILE",
        help="Parameter file of a cuda-convnet layer file (.cfg), or solver of a network of Caffe (.prototxt); for "
        "several such files, give one each, in order.",
    )
    add_dialect = click.option(
        "--dialect",
        type=click.Choice(["2012", "v2"]),
        help="Version of cuda-convnet that a .cfg file was written for [default: recognised by its content].",
    )
    add_history = click.option(
        "--history",
        is_flag=True,
        help="Start with the first learning rates of a .cfg file's run, taken from the notes in its parameter file.",
    )
    return add_params(add_dialect(add_history(command)))
