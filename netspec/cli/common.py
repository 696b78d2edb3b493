"""Shared by all commands: exit codes, error messages, and options that mean the same everywhere."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from netspec.source import STDIN

if TYPE_CHECKING:
    from netspec.diagnostics import Diagnostic

WRONG_SPEC = 1
"""Exit code if the spec, the data or a claim is wrong."""

WRONG_COMMAND = 2
"""Exit code if the command line is wrong or a file cannot be opened."""

DEVICES = click.Choice(["cpu", "cuda"])
PRECISIONS = click.Choice(["fp32", "bf16"])
SPLITS = click.Choice(["groups", "batch", "hybrid"])

Command = TypeVar("Command", bound=Callable[..., Any])

device_option = click.option(
    "--device", type=DEVICES, help="Device to compute on [default: cuda if available, else cpu]."
)
precision_option = click.option(
    "--precision", type=PRECISIONS, help="Precision of the layers [default: that of the spec]."
)
processes_option = click.option(
    "--processes",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Number of processes that read images [default: one per core].",
)


def format_option(command: Command) -> Command:
    """Add the option ``--format text|json``, passed to the command as ``form``."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Format of the output.",
    )(command)


def without_option(command: Command) -> Command:
    """Add the option ``--without``, which names optimising passes to switch off."""
    from netspec.passes.fast import ALL, NAMES

    return click.option(
        "--without",
        type=click.Choice((*NAMES, ALL)),
        multiple=True,
        metavar="PASS",
        help=f"Switch off an optimising pass; may be given several times. One of {', '.join(NAMES)}, or {ALL}.",
    )(command)


@contextmanager
def importing_torch() -> Iterator[None]:
    """Disable garbage collection while torch is imported, and exempt the imported objects from later collections.

    Imported modules live as long as the process; collecting while they load takes a tenth of the import time.
    """
    if "torch" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def print_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    """Print diagnostics as text on standard error, in colour if that is a terminal."""
    from netspec.diagnostics.colours import coloured, shows_colours
    from netspec.diagnostics.model import MAX_SHOWN
    from netspec.diagnostics.text import render_all

    if diagnostics:
        text = render_all(diagnostics, MAX_SHOWN, lists_rest=True)
        click.echo(coloured(text) if shows_colours(sys.stderr) else text, err=True)


def fail(message: str, *notes: str) -> NoReturn:
    """Print an error message, with each note on a line below it, and exit with ``WRONG_COMMAND``."""
    click.echo("\n  ".join((f"Error: {message}", *notes)), err=True)
    sys.exit(WRONG_COMMAND)


def name_of(path: str) -> str:
    """Return the name of a spec's file for messages: ``<stdin>`` for ``-``."""
    return STDIN if path == "-" else path


def stem_of(path: str) -> str:
    """Return the name of a spec's file without folder and ending, or ``net`` for standard input."""
    return "net" if path == "-" else Path(path).stem
