"""Compile a spec to a program of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import input_option, read_net, refuse, set_option, spec_argument, stem_of
from netspec.cli.writing import write_whole

if TYPE_CHECKING:
    from netspec.ir.shape import Shape


@click.command()
@spec_argument
@click.option(
    "--to", "target", type=click.Choice(["python"]), default="python", show_default=True, help="What is made."
)
@click.option(
    "-o", "--output", metavar="OUT", help="The file to write, - for standard output [default: ./<spec's name>.py]."
)
@click.option("-q", "--quiet", is_flag=True, help="Do not name the file that is written.")
@input_option
@set_option
def command(
    file: str, target: str, output: str | None, quiet: bool, input_shape: Shape | None, changes: tuple[str, ...]
) -> None:
    """Compile a spec to one Python file that needs only torch, and Pillow to read images.

    The program holds the network as a class, and trains and tests it. A file that netspec did not write is never
    overwritten.

    \b
    Example:
      netspec compile specs/alexnet.net -o alexnet.py
      python alexnet.py --synthetic --steps 5
    """
    from netspec import backend

    net = read_net(file, input_shape, changes)
    source = backend.load("source")
    destination = output or f"{stem_of(file)}.py"
    path = Path(f"{stem_of(file)}.py" if destination == "-" else destination)
    if destination != "-":
        _refuse_what_is_not_ours(path, source.FIRST_LINE)
    text: str = source.emit(net.graph, stem=path.stem, spec=net.source.text)
    if destination == "-":
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        click.echo(text, nl=False)
        return
    try:
        write_whole(path, text)
    except OSError as error:
        refuse(f"cannot write {path}: {error.strerror or error}")
    if not quiet:
        click.echo(f"wrote {path}")


def _refuse_what_is_not_ours(path: Path, first_line: str) -> None:
    """End the command if there is something at the path that netspec did not write."""
    try:
        if not os.path.lexists(path):
            return
        if not path.is_file():
            refuse(f"{path} is there already, and is no file")
        with path.open(encoding="utf-8", errors="replace") as file:
            found = file.readline(len(first_line) + 1)
    except OSError as error:
        refuse(f"cannot read {path}: {error.strerror or error}")
    if found.rstrip("\n") != first_line:
        refuse(f"{path} was not written by netspec and stays as it is; -o names another file")
