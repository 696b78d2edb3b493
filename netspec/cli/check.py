"""Check specs."""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import WRONG_COMMAND, WRONG_SPEC, fail, name_of, print_diagnostics
from netspec.cli.reading import Reading, read, reading_options, specs_argument
from netspec.diagnostics import CannotOpen, Diagnostic, SpecError

if TYPE_CHECKING:
    from netspec.source import Source


class _FixWithOrWithoutCode(click.Command):
    """Gives ``--fix`` an optional value, which click does not support: rewrites ``--fix=CODE`` to ``--fix-code CODE``.

    In ``--fix FILE`` the file therefore stays an argument.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        prefix = "--fix="
        rewritten = [["--fix-code", a.removeprefix(prefix)] if a.startswith(prefix) else [a] for a in args]
        return super().parse_args(ctx, [a for part in rewritten for a in part])


@click.command(cls=_FixWithOrWithoutCode)
@specs_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    show_default=True,
    help="Format of the diagnostics. json and sarif are written to standard output.",
)
@click.option("--strict", is_flag=True, help="Treat warnings as errors: exit with 1 if there are any.")
@click.option(
    "--fix",
    is_flag=True,
    help="Correct misspelt words in FILE. --fix=CODE applies the first fix of each diagnostic with that code; "
    "several codes are separated by commas.",
)
@click.option("--fix-code", "fix_codes", metavar="CODE", multiple=True, hidden=True)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing for correct specs.")
@reading_options
def command(
    files: tuple[str, ...],
    form: str,
    strict: bool,
    fix: bool,
    fix_codes: tuple[str, ...],
    quiet: bool,
    reading: Reading,
) -> None:
    """Check the syntax, names, shapes and claims of specs.

    All mistakes of all files are reported. If FILE is -, the spec is read from standard input.

    The exit code is 0 if all specs are correct, 1 if any has an error (or, with --strict, a warning), and 2 if a file
    cannot be opened.

    \b
    Examples:
      netspec check specs/alexnet.net
      netspec check --fix draft.net
      netspec check --format sarif specs/*.net > netspec.sarif
    """
    atexit.register(gc.freeze)  # exempts all objects from the interpreter's last garbage collection, slow for big nets
    if (fix or fix_codes) and "-" in files:
        fail("--fix changes files, so it cannot read standard input")
    fix_codes = tuple(code for given in fix_codes for code in given.split(","))
    for given in fix_codes:
        _refuse_unknown(given)
    diagnostics: list[Diagnostic] = []
    unopened = fix_failed = False
    for index, path in enumerate(files):
        check = partial(_check_source, path, reading.for_file(files, index))
        try:
            for code in (*([None] if fix else []), *fix_codes):
                fix_failed |= not _apply_fixes(path, code, quiet, check)
            file_diagnostics = _check(path, check)
        except CannotOpen as error:
            click.echo(f"Error: {error}", err=True)
            unopened = True
            continue
        diagnostics += file_diagnostics
        if not file_diagnostics and form == "text" and not quiet:
            click.echo(f"{name_of(path)}: correct")
    _print_result(diagnostics, form)
    if fix and form == "text" and not quiet:
        _suggest_fix_codes(diagnostics)
    if unopened:
        sys.exit(WRONG_COMMAND)
    if fix_failed or any(d.severity == "error" or strict for d in diagnostics):
        sys.exit(WRONG_SPEC)


def _refuse_unknown(code: str) -> None:
    from netspec.diagnostics.nearest import nearest
    from netspec.explain import codes

    if code not in codes.names():
        near = nearest(code, codes.names())
        fail(f"there is no diagnostic called {code!r}" + (f"; did you mean {near!r}?" if near else ""))


def _print_result(diagnostics: list[Diagnostic], form: str) -> None:
    if form == "json":
        from netspec.diagnostics.machine_readable import to_json

        click.echo(to_json(diagnostics))
    elif form == "sarif":
        from importlib.metadata import version

        from netspec.diagnostics.sarif import to_sarif

        click.echo(to_sarif(diagnostics, version("netspec-compiler")))
    else:
        print_diagnostics(diagnostics)


def _suggest_fix_codes(diagnostics: Sequence[Diagnostic]) -> None:
    """Name the ``--fix=CODE`` options that apply the remaining fixes; plain ``--fix`` only corrects spelling."""
    codes = list(dict.fromkeys(d.code for d in diagnostics if d.fixes))
    if codes:
        ways = " ".join(f"--fix={code}" for code in codes)
        click.echo(f"--fix only corrects spelling; to apply the first fix of each mistake above: {ways}", err=True)


def _apply_fixes(path: str, code: str | None, quiet: bool, check: Callable[[Source], tuple[Diagnostic, ...]]) -> bool:
    """Apply fixes to a file, print what was changed, and return whether no requested fix failed.

    Raises ``CannotOpen``. A file that is not valid text is left alone and counts as success; the check reports it.
    """
    from netspec.cli.writing import write_whole
    from netspec.solve.fixing import apply_fixes

    try:
        result = apply_fixes(read(path), check, code)
    except SpecError:
        return True
    if result.applied:
        try:
            write_whole(Path(path), result.source.text)
        except OSError as error:
            raise CannotOpen(f"cannot write {path}: {error.strerror or error}") from None
    for diagnostic, fix in result.applied:
        if not quiet:
            click.echo(f"{path}:{diagnostic.span.line}: {diagnostic.message}: {fix.title}")
    for diagnostic in result.unfixed:
        location = f"{diagnostic.span.source.name}:{diagnostic.span.line}"
        click.echo(
            f"{location}: --fix={code} changes nothing: {_reason_not_fixed(diagnostic, result.source)}", err=True
        )
    if code and not result.applied and not result.unfixed and not quiet:
        click.echo(f"{path}: --fix={code} changes nothing: there is no {code} in it", err=True)
    return not result.unfixed


def _reason_not_fixed(diagnostic: Diagnostic, source: Source) -> str:
    """Explain why no fix of a diagnostic was applied."""
    from netspec.solve.fixing import other_text

    if not diagnostic.fixes:
        return "no fix of this mistake was found"
    fix = diagnostic.fixes[0]
    other = other_text(fix, source)
    if other is not None:
        return f"the fix '{fix.title}' changes {other.name}, and only {source.name} may be changed here"
    return f"the fix '{fix.title}' would bring another mistake"


def _check(path: str, check: Callable[[Source], tuple[Diagnostic, ...]]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of one file. Raises ``CannotOpen``."""
    try:
        return check(read(path))
    except SpecError as error:
        return error.diagnostics


def _check_source(path: str, reading: Reading, source: Source) -> tuple[Diagnostic, ...]:
    from netspec.check import collector_paused

    try:
        with collector_paused():  # until the network is freed, so that its objects are never scanned
            return reading.load(path, source).warnings
    except SpecError as error:
        return error.diagnostics
