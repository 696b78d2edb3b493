"""Write a cuda-convnet layer file as a spec."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import WRONG_SPEC, fail, print_diagnostics, stem_of
from netspec.cli.reading import read, reading_options, spec_argument
from netspec.cli.writing import require_own_file, write_or_fail
from netspec.diagnostics import CannotOpen, SpecError
from netspec.source import SPEC

if TYPE_CHECKING:
    from netspec.cli.reading import Reading

FIRST_WORDS = "# Imported from "


@click.command()
@spec_argument
@click.option(
    "-o", "--output", metavar="OUT", help="File to write; - is standard output [default: ./<name of FILE>.net]."
)
@click.option("-q", "--quiet", is_flag=True, help="Print only warnings and errors.")
@reading_options
def command(file: str, output: str | None, quiet: bool, reading: Reading) -> None:
    """Convert a cuda-convnet layer file (.cfg) to a spec.

    Layers that are halves of one layer on two GPUs, such as conv1a and conv1b, become one layer of a net with GPU
    groups. Comments are kept, and --set changes keys of the written spec. If a spec cannot express something, an error
    names the line. Files that this command did not write are never overwritten.

    \b
    Examples:
      netspec import layers-145.cfg --params layer-params-145.cfg --history
      netspec import layers.cfg --input 3x32x32 -o cifar.net
    """
    from netspec.net import import_layer_file
    from netspec.opening import begins_as_layer_file

    try:
        source = read(file)
        if file.endswith(SPEC) and not begins_as_layer_file(source):
            fail(f"{file} is a spec already; compile --to cuda-convnet writes it as a layer file")
        options = reading.for_file([file], 0).layer_files.read(merged=True)
        imported = import_layer_file(source, reading.shape, options, reading.changes)
    except CannotOpen as error:
        fail(str(error))
    except SpecError as error:
        print_diagnostics(error.diagnostics)
        sys.exit(WRONG_SPEC)
    if not quiet:
        print_diagnostics(imported.warnings)
    destination = output or f"{stem_of(file)}.net"
    if destination == "-":
        click.echo(imported.source.text.encode(), nl=False)  # a spec is UTF-8, whatever the terminal's is
        return
    path = Path(destination)
    require_own_file(path, _is_ours, "this command")
    write_or_fail({path: imported.source.text})
    if not quiet:
        click.echo(f"wrote {path}")


def _is_ours(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline(len(FIRST_WORDS)) == FIRST_WORDS
