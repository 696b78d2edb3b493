"""What all commands share: exit codes, complaints, and the options that mean the same everywhere."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from netspec.diagnostics import Diagnostic

WRONG_SPEC = 1
"""The exit code where the spec, the data or a claim is wrong."""

WRONG_COMMAND = 2
"""The exit code where the command line is wrong."""

DEVICES = click.Choice(["cpu", "cuda"])
PRECISIONS = click.Choice(["fp32", "bf16"])
SPLITS = click.Choice(["groups", "batch", "hybrid"])

Command = TypeVar("Command", bound=Callable[..., Any])


def format_option(command: Command) -> Command:
    """The option ``--format text|json``, which the command gets as ``form``."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Format of the result.",
    )(command)


def without_option(command: Command) -> Command:
    """The option ``--without``: optimising passes that are switched off."""
    from netspec.passes.fast import ALL, NAMES

    return click.option(
        "--without",
        type=click.Choice((*NAMES, ALL)),
        multiple=True,
        metavar="PASS",
        help=f"Switch off an optimising pass, or {ALL}; may be given several times: {', '.join(NAMES)}.",
    )(command)


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


def tell(diagnostics: Sequence[Diagnostic]) -> None:
    """Print diagnostics as text on standard error, on a terminal in colour."""
    from netspec.diagnostics.colours import painted, wanted
    from netspec.diagnostics.model import MOST_SHOWN
    from netspec.diagnostics.text import render_all

    if diagnostics:
        text = render_all(diagnostics, MOST_SHOWN)
        click.echo(painted(text) if wanted(sys.stderr) else text, err=True)


def refuse(message: str, *notes: str) -> NoReturn:
    """End a command whose command line cannot be carried out. The notes stand below the message, a line each."""
    click.echo("\n  ".join((f"Error: {message}", *notes)), err=True)
    sys.exit(WRONG_COMMAND)


def stem_of(path: str) -> str:
    """The name of a spec's file without folder and ending; ``net`` for standard input."""
    return "net" if path == "-" else Path(path).stem
