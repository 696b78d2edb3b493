"""The command line. One file here is one command, and only the file of the command that was named is imported.

A command's file defines ``command``. Its name is the file's, with dashes for underscores; a word that Python keeps for
itself has a trailing underscore (``import_.py`` is ``netspec import``). Files without a ``command`` are shared helpers.
"""

from __future__ import annotations

import ast
import errno
import io
import keyword
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import click

from netspec.diagnostics.nearest import nearest

WORDS = f"{__name__}.words"
"""Where a context's ``meta`` has the words of the command line, behind the program's name."""

_MEANT = {
    "benchmark": "time",
    "compare": "diff",
    "convert": "compile",
    "format": "fmt",
    "plot": "draw",
    "resume": "train --resume",
    "table": "summary",
    "test": "eval",
}
"""What others call a command, and the words for it here."""

_FOLDER = Path(__file__).parent
_INTERRUPTED = 128 + 2
_BROKEN_PIPE = 128 + 13


class Commands(click.Group):
    """A group whose commands are the files of this folder."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in alphabetical order. Imports none of them."""
        return [name for name, _ in _listed()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the named command, or answer ``None`` where there is none of that name."""
        stem = cmd_name.replace("-", "_")
        stem = f"{stem}_" if keyword.iskeyword(stem) else stem
        if not stem.isidentifier() or stem.startswith("_") or not (_FOLDER / f"{stem}.py").is_file():
            return None
        found = getattr(import_module(f"{__name__}.{stem}"), "command", None)
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Answer a misspelt command with the nearest right one."""
        name = args[0]
        if ctx.resilient_parsing or name.startswith("-") or self.get_command(ctx, name):
            return super().resolve_command(ctx, args)
        near = _MEANT.get(name) or nearest(name, self.list_commands(ctx))
        return ctx.fail(f"there is no command {name!r}" + (f"; did you mean {near!r}?" if near else ""))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, each with the first line of its documentation."""
        with formatter.section("Commands"):
            formatter.write_dl(_listed())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words as they were given, for a command that starts others like itself."""
        ctx.meta[WORDS] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the named command, and end as other programs do where its user ends it."""
        with _ending_quietly(ctx):
            try:
                return super().invoke(ctx)
            except click.NoSuchOption as unknown:
                from netspec.cli import unknown_option  # only where there is something to say

                raise unknown_option.meant(unknown) from None
            except click.UsageError as problem:
                from netspec.cli import unplaced_word

                raise unplaced_word.meant(problem, ctx.meta[WORDS]) from None


def _listed() -> list[tuple[str, str]]:
    """Each command's name and first line of documentation, read from the files' text."""
    rows = []
    for path in sorted(_FOLDER.glob("[!_]*.py")):
        line = _first_line(ast.parse(path.read_bytes()))
        if line is not None:
            rows.append((path.stem.rstrip("_").replace("_", "-"), line))
    return rows


def _first_line(module: ast.Module) -> str | None:
    """The first line of the documentation of the function called ``command`` (where ``command`` is made in another
    way, of the module's); ``None`` where the module has no ``command``."""
    for statement in module.body:
        match statement:
            case ast.FunctionDef(name="command"):
                documented = ast.get_docstring(statement) or ast.get_docstring(module)
            case ast.Assign(targets=[ast.Name(id="command")]) | ast.AnnAssign(target=ast.Name(id="command")):
                documented = ast.get_docstring(module)
            case _:
                continue
        return (documented or "").partition("\n")[0].rstrip(".")
    return None


@contextmanager
def _ending_quietly(ctx: click.Context) -> Iterator[None]:
    """Exit without a traceback on Ctrl-C, when the reader of our output has gone, when a library is missing, and for
    names that the system does not let anybody ask about: too long, or in a folder that is closed to us."""
    if sys.stdout is None:  # closed before the program began, `netspec ... >&-`
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # for as long as the process
    if sys.stdin is None:  # netspec check - <&-
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115
    _saying_all(sys.stdout)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        ctx.exit(_INTERRUPTED)
    except BrokenPipeError:
        # What is still buffered goes nowhere, or Python would complain about it at its own exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        ctx.exit(_BROKEN_PIPE)
    except OSError as problem:
        if problem.filename is not None:
            # Which call failed, nobody says: "cannot open" would be wrong of a folder that is to be made.
            names = [str(name) for name in (problem.filename, problem.filename2) if name is not None]
            click.echo(f"Error: {' -> '.join(names)}: {problem.strerror}", err=True)
        elif problem.errno == errno.ENOSPC:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            click.echo(f"Error: cannot write to standard output: {problem.strerror}", err=True)
        else:
            raise
        ctx.exit(2)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] == "netspec":
            raise
        click.echo(f"Error: this command needs {missing.name}, which is not installed", err=True)
        ctx.exit(2)


def _saying_all(stream: TextIO) -> None:
    """Let a stream write what its encoding cannot say as ``\\u732b``, as Python's own standard error does: names of
    classes, files and layers are their user's, and no reason to end a table in its middle."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors="backslashreplace")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="netspec-compiler", prog_name="netspec")
def main() -> None:
    """Check, tabulate, compile and train convolutional networks written as a table.

    \b
    netspec summary specs/alexnet.net     the network's layer table
    netspec COMMAND --help                what a command does, with an example
    """
