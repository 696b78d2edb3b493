"""Loading the spec named on the command line, and the options that control it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from netspec.cli.common import WRONG_COMMAND, WRONG_SPEC, Command, fail, print_diagnostics
from netspec.cli.layer_files import LayerFiles, layer_file_options
from netspec.cli.surplus_argument import refuse_option_values
from netspec.diagnostics import CannotOpen, Diagnostic, SpecError

if TYPE_CHECKING:
    from netspec.ir.shape import Shape
    from netspec.net import Net
    from netspec.source import Source

_LENGTH = re.compile("[0-9]{1,10}")
_MAX_SIDE = 2**31
_OTHER_NOTATION = re.compile(r"[(\[]? *([0-9]+) *[,xX*\u00d7 ] *([0-9]+) *[,xX*\u00d7 ] *([0-9]+) *[)\]]?")
"""A shape as other tools write it: ``(3, 224, 224)``, ``[3,224,224]`` or ``3*224*224``."""

_SHAPES = "write channels x height x width, 3x224x224, or a length, 784"

READING_OPTIONS = "--set, --input, --params, --history and --dialect"
"""The options behind a ``Reading``, for error messages."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The command-line options that control how a spec is read.

    ``shape`` is the input shape of ``--input`` (``None``: the file's own), ``changes`` are the assignments of
    ``--set``, and ``layer_files`` are the options for cuda-convnet layer files.
    """

    shape: Shape | None = None
    changes: tuple[str, ...] = ()
    layer_files: LayerFiles = LayerFiles()

    def for_file(self, files: Sequence[str], index: int) -> Reading:
        """Return the options for ``files[index]``, one of several on the command line; see ``LayerFiles.for_file``."""
        return replace(self, layer_files=self.layer_files.for_file(files, index))

    def load(self, path: str, source: Source, *, merged: bool = False) -> Net:
        """Load the network of a spec's text, ``source``, that was read from ``path``.

        With ``merged``, the copies of a layer that a cuda-convnet layer file has for each GPU become one layer. Raises
        ``CannotOpen`` and ``SpecError``.
        """
        from netspec.net import load_source

        folder = None if path == "-" else Path(path).parent
        return load_source(source, self.shape, self.changes, folder, self.layer_files.read(merged=merged))


class ShapeParam(click.ParamType["Shape"]):
    """An input shape such as ``3x224x224`` or ``784``."""

    name = "shape"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shape:
        from netspec.ir.shape import Shape

        if isinstance(value, Shape):
            return value
        parts = str(value).split("x")
        if len(parts) not in (1, 3) or not all(map(_is_length, parts)):
            sides = _OTHER_NOTATION.fullmatch(str(value))
            hint = (
                f"did you mean {'x'.join(sides.groups())}?"
                if sides and all(map(_is_length, sides.groups()))
                else _SHAPES
            )
            self.fail(f"{value!r} is not a shape; {hint}", param, ctx)
        return Shape(*map(int, parts))


def _is_length(word: str) -> bool:
    return _LENGTH.fullmatch(word) is not None and 0 < int(word) <= _MAX_SIDE


class ChangeParam(click.ParamType[str]):
    """An assignment such as ``conv1.stride=2``. Only its form is checked here; the checker looks up layer and key."""

    name = "change"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from netspec.language.parser import is_change

        if not is_change(str(value)):
            hint = ""
            if shape := re.fullmatch(r"[\w-]+=(\d+x\d+x\d+)", str(value)):
                hint = f"; the input's shape is --input {shape[1]}"
            elif argument := re.fullmatch(r"([\w-]+\.\w+)\.(\w+=[^()\s]+)", str(value)):
                hint = f"; an argument stands in brackets behind its word: {argument[1]}='WORD({argument[2]})'"
            self.fail(f"{value!r} is not a change; write LAYER.KEY=VALUE, conv1.stride=2{hint}", param, ctx)
        return str(value)


def reading_options(command: Command) -> Command:
    """Add the options that control how a spec is read. The command gets them as the ``Reading`` ``reading``."""
    return change_options(layer_file_options(_with_reading(command)))


def change_options(command: Command) -> Command:
    """Add the options that change a network: ``--set``, as ``changes``, and ``--input``, as ``input_shape``."""
    add_set = click.option(
        "--set",
        "changes",
        type=ChangeParam(),
        multiple=True,
        metavar="LAYER.KEY=VALUE",
        help="Change a key of a layer or setting, e.g. conv1.stride=2 or train.batch=64; may be given several times.",
    )
    add_input = click.option(
        "--input",
        "input_shape",
        type=ShapeParam(),
        metavar="CxHxW",
        help="Shape of the input, e.g. 3x227x227 [default: as in the file].",
    )
    return add_input(add_set(command))


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
        reading = Reading(input_shape, changes, LayerFiles(params, dialect, history))
        return command(*arguments, reading=reading, **named)

    return cast(Command, with_reading)


def spec_argument(command: Command) -> Command:
    """Add the argument FILE: a spec, or ``-`` for standard input."""
    return click.argument("file", metavar="FILE")(command)


def specs_argument(command: Command) -> Command:
    """Add the argument FILE...: one or more specs, as the tuple ``files``."""
    argument = click.argument("files", metavar="FILE...", nargs=-1, required=True, callback=refuse_option_values)
    return argument(command)


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
    if paths.count("-") > 1:
        fail("standard input can be read only once")
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
    from netspec.opening import MAX_FILE_BYTES, STDIN, decode, read_named

    if path == "-":
        return decode(sys.stdin.buffer.read(MAX_FILE_BYTES + 1), STDIN)
    return read_named(path)
