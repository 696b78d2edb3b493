"""Loading the spec, or the file of another program, named on the command line, and the options that control it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from netspec.cli.changes import change_options
from netspec.cli.common import WRONG_COMMAND, WRONG_SPEC, Command, fail, print_diagnostics
from netspec.cli.surplus_argument import refuse_option_values
from netspec.diagnostics import CannotOpen, Diagnostic, SpecError
from netspec.source import LAYER_FILE, SPEC_ENDINGS, STDIN, Source

if TYPE_CHECKING:
    from netspec.importers.cuda_convnet import Dialect
    from netspec.ir.shape import Shape
    from netspec.net import ImportOptions, Net

READING_OPTIONS = "--set, --input, --params, --history and --dialect"
"""The options behind a ``Reading``, for error messages."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The command-line options that control how a spec, or another program's file, is read.

    ``shape`` is the input shape of ``--input`` (``None``: the file's own), and ``changes`` are the assignments of
    ``--set``. ``params`` are the parameter files of layer files of cuda-convnet, or the solvers of networks of Caffe:
    one for all files, or one for each in their order. ``dialect`` is the version of cuda-convnet that layer files were
    written for (``None``: recognised by their content). ``history`` says that the learning rates come from the notes in
    the parameter file.
    """

    shape: Shape | None = None
    changes: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    dialect: Dialect | None = None
    history: bool = False

    def for_file(self, files: Sequence[str], index: int) -> Reading:
        """Return the options for ``files[index]`` alone, with at most one parameter file.

        Raises ``click.UsageError`` if there are more parameter files than files that take one, or several but too few
        to give each one, or ``--history`` without a parameter file of a layer file.
        """
        if not (self.params or self.dialect or self.history):
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
            return Reading(self.shape, self.changes)
        return self if given <= 1 else replace(self, params=(self.params[indices.index(index)],))

    def load(self, path: str, source: Source, *, merged: bool = False) -> Net:
        """Load the network of a text, ``source``, that was read from ``path``; ``merged`` as in ``import_options``.

        Raises ``CannotOpen`` and ``SpecError``.
        """
        from netspec.net import load_source

        folder = None if path == "-" else Path(path).parent
        return load_source(source, self.shape, self.changes, folder, self.import_options(merged=merged))

    def import_options(self, *, merged: bool) -> ImportOptions:
        """Read the parameter file and return the loader's options. Raises ``CannotOpen`` and ``SpecError``.

        With ``merged``, the copies of a layer that a cuda-convnet layer file has for each GPU become one layer.
        """
        from netspec.net import ImportOptions
        from netspec.opening import read_named

        return ImportOptions(read_named(self.params[0]) if self.params else None, self.dialect, merged, self.history)


def _is_layer_file(path: str) -> bool:
    """Whether a file is a layer file. Standard input counts as one."""
    from netspec.opening import is_layer_file

    return path == "-" or (_is(is_layer_file, path) and not is_darknet_path(path))


def _is_caffe_file(path: str) -> bool:
    """Whether a file is a network of Caffe."""
    from netspec.opening import is_caffe_file

    return path != "-" and _is(is_caffe_file, path)


def is_darknet_path(path: str) -> bool:
    """Whether a file is a network of Darknet."""
    from netspec.opening import is_darknet_file

    endings = tuple(ending for ending in SPEC_ENDINGS if ending != LAYER_FILE)
    return path != "-" and _is(is_darknet_file, path, endings)


def is_keras_path(path: str) -> bool:
    """Whether a file is a model of Keras as JSON."""
    from netspec.opening import is_keras_file

    return path != "-" and _is(is_keras_file, path)


def _is(recognise: Callable[[Source], bool], path: str, endings: tuple[str, ...] = SPEC_ENDINGS) -> bool:
    """Whether a file is recognised, which is read only if the ending of its name is none of these."""
    from netspec.opening import read_named

    try:
        return recognise(Source(path, "") if path.lower().endswith(endings) else read_named(path))
    except (CannotOpen, SpecError):
        return False  # the command itself reports it


def reading_options(command: Command) -> Command:
    """Add the options that control how a spec is read. The command gets them as the ``Reading`` ``reading``."""
    return change_options(_import_options(_with_reading(command)))


def _import_options(command: Command) -> Command:
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


def _with_reading(command: Command) -> Command:
    """Wrap a command so that it gets the values of these options as one ``Reading``."""

    @wraps(command)
    def with_reading(
        *arguments: Any,
        input_shape: Shape | None,
        params: tuple[str, ...],
        dialect: Any,
        history: bool,
        changes: tuple[str, ...],
        **named: Any,
    ) -> Any:
        reading = Reading(input_shape, changes, params, dialect, history)
        return command(*arguments, reading=reading, **named)

    return cast(Command, with_reading)


def spec_argument(command: Command) -> Command:
    """Add the argument FILE: a spec, or ``-`` for standard input."""
    return click.argument("file", metavar="FILE")(command)


def specs_argument(command: Command) -> Command:
    """Add the argument FILE...: one or more specs, as the tuple ``files``."""
    return click.argument("files", metavar="FILE...", nargs=-1, required=True, callback=_checked_files)(command)


def _checked_files(ctx: click.Context, param: click.Parameter, files: tuple[str, ...]) -> tuple[str, ...]:
    """Return the files. Raises ``click.UsageError`` for a value of an option, and exits if two are standard input."""
    if files.count("-") > 1:
        fail("standard input can be read only once")
    return refuse_option_values(ctx, param, files)


def read_net(
    path: str,
    reading: Reading = Reading(),
    *,
    merged: bool = False,
    printed: Sequence[Diagnostic] = (),
    print_warnings: bool = True,
) -> Net:
    """Load a spec and print its warnings. On an error, prints it and exits: 1 for a wrong spec, 2 for an unopened file.

    ``merged`` is as in ``Reading.load``. Warnings in ``printed``, which were printed before, are not repeated; with
    ``print_warnings=False`` none are printed.
    """
    try:
        net = reading.for_file([path], 0).load(path, read(path), merged=merged)
    except CannotOpen as error:
        fail(str(error))
    except SpecError as error:
        print_diagnostics(error.diagnostics)
        sys.exit(WRONG_SPEC)
    if print_warnings:
        print_diagnostics([warning for warning in net.warnings if warning not in printed])
    return net


def read_nets(paths: Sequence[str], reading: Reading) -> list[Net]:
    """Load specs and print their warnings. If there are errors, prints those of all specs and exits as ``read_net``."""
    nets: list[Net] = []
    diagnostics: list[Diagnostic] = []
    unopened = False
    for index, path in enumerate(paths):
        try:
            nets.append(reading.for_file(paths, index).load(path, read(path)))
        except CannotOpen as error:
            click.echo(f"Error: {error}", err=True)
            unopened = True
        except SpecError as error:
            diagnostics += error.diagnostics
        else:
            diagnostics += [warning for warning in nets[-1].warnings if warning not in diagnostics]
    print_diagnostics(diagnostics)
    if len(nets) < len(paths):
        sys.exit(WRONG_COMMAND if unopened else WRONG_SPEC)
    return nets


def read(path: str) -> Source:
    """Read a spec's text from a file, or from standard input for ``-``. Raises ``CannotOpen`` and ``SpecError``."""
    from netspec.opening import MAX_FILE_BYTES, decode, read_named

    if path == "-":
        return decode(sys.stdin.buffer.read(MAX_FILE_BYTES + 1), STDIN)
    return read_named(path)
