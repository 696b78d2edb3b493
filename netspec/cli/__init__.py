"""The command line: one file for each command. Only the file of the requested command is imported.

A file that defines ``command`` is a command, named after the file, with dashes for underscores. A Python keyword takes
a trailing underscore (``import_.py`` is ``netspec import``). Files without a ``command`` are shared helpers.
"""

from __future__ import annotations

import ast
import errno
import io
import keyword
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import click

from netspec.diagnostics.nearest import nearest

ARGUMENTS = f"{__name__}.words"
"""Key of the click context's ``meta`` under which the command-line arguments are kept, as a tuple of strings."""

_SYNONYMS = {
    "benchmark": "time",
    "compare": "diff",
    "convert": "compile",
    "fix": "check --fix",
    "format": "fmt",
    "infer": "predict",
    "lint": "check",
    "plot": "draw",
    "resume": "train --resume",
    "show": "summary",
    "table": "summary",
    "test": "eval",
    "validate": "check",
}
"""Names that other programs use for a command, and netspec's name for it."""

_FOLDER = Path(__file__).parent
_INTERRUPTED = 128 + 2
_BROKEN_PIPE = 128 + 13


class Commands(click.Group):
    """A click group whose commands are the files of this folder."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands in alphabetical order, without importing any of them."""
        return [name for name, _ in _names_and_summaries()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the named command, or return ``None`` if there is no such command."""
        stem = cmd_name.replace("-", "_")
        stem = f"{stem}_" if keyword.iskeyword(stem) else stem
        if not stem.isidentifier() or stem.startswith("_") or not (_FOLDER / f"{stem}.py").is_file():
            return None
        command = getattr(import_module(f"{__name__}.{stem}"), "command", None)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command as click does, but suggest the nearest name for an unknown one."""
        name = args[0]
        if ctx.resilient_parsing or name.startswith("-") or self.get_command(ctx, name):
            return super().resolve_command(ctx, args)
        suggestion = _SYNONYMS.get(name) or nearest(name, self.list_commands(ctx))
        return ctx.fail(f"there is no command {name!r}" + (f"; did you mean {suggestion!r}?" if suggestion else ""))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, each with the first line of its docstring."""
        with formatter.section("Commands"):
            formatter.write_dl(_names_and_summaries())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the arguments unparsed in ``ctx.meta``: ``train --gpus`` passes them on to the processes it starts."""
        ctx.meta[ARGUMENTS] = tuple(args)
        with _without_traceback(ctx):  # --help and --version print while arguments are parsed
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, turning interruptions, I/O errors and usage errors into messages and exit codes."""
        with _without_traceback(ctx):
            try:
                return super().invoke(ctx)
            except click.NoSuchOption as unknown:
                from netspec.cli import unknown_option  # imported late to keep the start of a command fast

                raise unknown_option.with_suggestion(unknown) from None
            except click.UsageError as problem:
                from netspec.cli import surplus_argument

                raise surplus_argument.with_suggestion(problem, ctx.meta[ARGUMENTS]) from None


def _names_and_summaries() -> list[tuple[str, str]]:
    """Return each command's name and the first line of its docstring, read from the files without importing them."""
    rows = []
    for path in sorted(_FOLDER.glob("[!_]*.py")):
        line = _first_line(ast.parse(path.read_bytes()))
        if line is not None:
            rows.append((path.stem.rstrip("_").replace("_", "-"), line))
    return rows


def _first_line(module: ast.Module) -> str | None:
    """Return the first line of the docstring of the function ``command``, or ``None`` if there is no ``command``.

    If ``command`` is not defined by ``def``, or has no docstring, the module's docstring is used.
    """
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
def _without_traceback(ctx: click.Context) -> Iterator[None]:
    """Exit without a traceback on Ctrl-C, on a broken pipe, if a library is missing, and on an ``OSError`` that no
    command handles, such as for a file name that is too long or lies in a folder without search permission."""
    if sys.stdout is None:  # the shell closed it: netspec ... >&-
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # stays open as long as the process lives
    if sys.stdin is None:  # netspec check - <&-
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115
    _escape_unencodable(sys.stdout)
    try:
        with _interruptible():
            try:
                yield
            finally:
                sys.stdout.flush()
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        ctx.exit(_INTERRUPTED)
    except BrokenPipeError:
        # Discard what is still buffered; otherwise Python reports the broken pipe again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        ctx.exit(_BROKEN_PIPE)
    except OSError as problem:
        if problem.filename is not None:
            # The exception does not say which call failed, so "cannot open" might be wrong (it may have been mkdir).
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


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C raise ``KeyboardInterrupt``, unless it is ignored; ``netspec.__main__`` sets another handler."""
    before = signal.getsignal(signal.SIGINT)
    if before in (signal.SIG_IGN, signal.default_int_handler):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _escape_unencodable(stream: TextIO) -> None:
    """Make a stream write characters outside its encoding as ``\\u732b``, as Python's standard error does.

    Names of classes, files and layers may contain any character, and must not abort a table halfway.
    """
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
