"""Check specs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from netspec.cli.common import WRONG_COMMAND, WRONG_SPEC, folder_of, input_option, read, set_option, tell
from netspec.diagnostics import CannotOpen, Diagnostic, SpecError

if TYPE_CHECKING:
    from netspec.ir.shape import Shape


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How mistakes are told; json goes to standard output.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing about specs that are right.")
@input_option
@set_option
def command(
    files: tuple[str, ...],
    form: str,
    strict: bool,
    quiet: bool,
    input_shape: Shape | None,
    changes: tuple[str, ...],
) -> None:
    """Check specs: syntax, names, shapes and claims; all mistakes of all files.

    Exits with 0 if all are right (warnings are no mistakes unless --strict), 1 if one is wrong, 2 if one cannot be
    opened. A FILE of - is standard input.

    \b
    Example:
      netspec check specs/alexnet.net
    """
    diagnostics: list[Diagnostic] = []
    unopened = False
    for path in files:
        try:
            found = _check(path, input_shape, changes)
        except CannotOpen as error:
            click.echo(f"Error: {error}", err=True)
            unopened = True
            continue
        diagnostics += found
        if not found and form == "text" and not quiet:
            click.echo(f"{path}: correct")
    if form == "json":
        from netspec.diagnostics.machine import to_json

        click.echo(to_json(diagnostics))
    else:
        tell(diagnostics)
    if unopened:
        sys.exit(WRONG_COMMAND)
    if any(d.severity == "error" or strict for d in diagnostics):
        sys.exit(WRONG_SPEC)


def _check(path: str, input_shape: Shape | None, changes: tuple[str, ...]) -> tuple[Diagnostic, ...]:
    """The diagnostics of one file. Raises ``CannotOpen``."""
    from netspec.net import load_source

    try:
        return load_source(read(path), input_shape, changes, folder_of(path)).warnings
    except SpecError as error:
        return error.diagnostics
