"""What commands share: reading a spec, and saying what is wrong with it."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from netspec.cli.layer_files import LayerFiles, layer_file_options
from netspec.diagnostics import CannotOpen, Diagnostic, SpecError

if TYPE_CHECKING:
    from netspec.ir.shape import Shape
    from netspec.net import Net
    from netspec.source import Source

WRONG_SPEC = 1
WRONG_COMMAND = 2

_LENGTH = re.compile("[0-9]{1,10}")
_LARGEST_LENGTH = 2**31
_IN_OTHER_SIGNS = re.compile(r"[(\[]? *([0-9]+) *[,xX*\u00d7 ] *([0-9]+) *[,xX*\u00d7 ] *([0-9]+) *[)\]]?")
"""Three lengths as other tools write them: ``(3, 224, 224)``."""

_SHAPES = "write channels x height x width, 3x224x224, or a length, 784"

Command = TypeVar("Command", bound=Callable[..., Any])


class ShapeParam(click.ParamType["Shape"]):
    """``3x224x224`` or ``784``."""

    name = "shape"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shape:
        from netspec.ir.shape import Shape

        if isinstance(value, Shape):
            return value
        parts = str(value).split("x")
        if len(parts) not in (1, 3) or not all(map(_is_length, parts)):
            sides = _IN_OTHER_SIGNS.fullmatch(str(value))
            meant = (
                f"did you mean {'x'.join(sides.groups())}?"
                if sides and all(map(_is_length, sides.groups()))
                else _SHAPES
            )
            self.fail(f"{value!r} is no shape; {meant}", param, ctx)
        return Shape(*map(int, parts))


def _is_length(word: str) -> bool:
    return _LENGTH.fullmatch(word) is not None and 0 < int(word) <= _LARGEST_LENGTH


class ChangeParam(click.ParamType[str]):
    """``conv1.stride=2``. Whether there is such a layer, and what its key may be, the checker says."""

    name = "change"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from netspec.language.parser import is_change

        if not is_change(str(value)):
            shape = re.fullmatch(r"[\w-]+=(\d+x\d+x\d+)", str(value))
            of_input = f"; the input's shape is --input {shape[1]}" if shape else ""
            self.fail(f"{value!r} is no change; write LAYER.KEY=VALUE, conv1.stride=2{of_input}", param, ctx)
        return str(value)


def spec_argument(command: Command) -> Command:
    """The argument FILE: a spec, or ``-`` for standard input."""
    return click.argument("file", metavar="FILE")(command)


def input_option(command: Command) -> Command:
    """The option ``--input``: the shape of the data, where it is not the file's. With it stand the options that say how
    a layer file of cuda-convnet is read."""
    return click.option(
        "--input",
        "input_shape",
        type=ShapeParam(),
        metavar="CxHxW",
        help="Take this shape of the input instead of the file's, e.g. 3x227x227.",
    )(layer_file_options(command))


def set_option(command: Command) -> Command:
    """The option ``--set``: keys that are given other values."""
    return click.option(
        "--set",
        "changes",
        type=ChangeParam(),
        multiple=True,
        metavar="LAYER.KEY=VALUE",
        help="Give a key another value, e.g. conv1.stride=2 or train.batch=64; may stand several times.",
    )(command)


def without_option(command: Command) -> Command:
    """The option ``--without``: optimising passes that are switched off."""
    from netspec.passes.fast import ALL, NAMES

    return click.option(
        "--without",
        type=click.Choice((*NAMES, ALL)),
        multiple=True,
        metavar="PASS",
        help=f"Switch an optimising pass off, or {ALL}; may stand several times: {', '.join(NAMES)}.",
    )(command)


def read_net(
    path: str,
    input_shape: Shape | None = None,
    changes: Sequence[str] = (),
    layer_files: LayerFiles | None = None,
    *,
    merged: bool = False,
    told: Sequence[Diagnostic] = (),
    warns: bool = True,
) -> Net:
    """Load a spec. Says what is wrong on standard error and exits: 1 for a wrong spec, 2 if it cannot be opened.

    ``layer_files`` are the options of a command with this file alone, or what they say of this one; ``merged``: of a
    layer file of cuda-convnet, twins on several GPUs are one layer. Warnings that have been ``told`` are not repeated;
    with ``warns=False`` none is told.
    """
    from netspec.net import load_source

    try:
        foreign = (layer_files or LayerFiles()).of([path], 0).read(merged=merged)
        net = load_source(read(path), input_shape, changes, folder_of(path), foreign)
    except CannotOpen as error:
        refuse(str(error))
    except SpecError as error:
        tell(error.diagnostics)
        sys.exit(WRONG_SPEC)
    if warns:
        tell([warning for warning in net.warnings if warning not in told])
    return net


@contextmanager
def importing_torch() -> Iterator[None]:
    """Import torch, and what needs it, without Python's searches for objects that nothing refers to any more: all that
    is imported stays, and to search through it takes a tenth of the time. Later searches leave it out as well."""
    if "torch" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def folder_of(path: str) -> Path | None:
    """The folder that a spec's file stands in; standard input has none."""
    return None if path == "-" else Path(path).parent


def read(path: str) -> Source:
    """Read a spec's text, ``-`` from standard input. Raises ``CannotOpen`` and ``SpecError``."""
    from netspec.opening import LARGEST_FILE, STDIN, decode, read_named

    if path == "-":
        return decode(sys.stdin.buffer.read(LARGEST_FILE + 1), STDIN)
    return read_named(path)


def tell(diagnostics: Sequence[Diagnostic]) -> None:
    """Print diagnostics as text on standard error."""
    from netspec.diagnostics.model import MOST_SHOWN
    from netspec.diagnostics.text import render_all

    if diagnostics:
        click.echo(render_all(diagnostics, MOST_SHOWN), err=True)


def refuse(message: str) -> NoReturn:
    """End a command whose command line cannot be carried out."""
    click.echo(f"Error: {message}", err=True)
    sys.exit(WRONG_COMMAND)


def stem_of(path: str) -> str:
    """The name of a spec's file without folder and ending; ``net`` for standard input."""
    return "net" if path == "-" else Path(path).stem
