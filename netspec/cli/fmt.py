"""Lay out specs."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.changes import change_options
from netspec.cli.common import WRONG_COMMAND, WRONG_SPEC, name_of, print_diagnostics
from netspec.cli.reading import specs_argument
from netspec.diagnostics import CannotOpen, Diagnostic, SpecError

if TYPE_CHECKING:
    from netspec.ir.shape import Shape
    from netspec.solve.rewriting import Rewritten
    from netspec.source import Source


@dataclass(frozen=True, slots=True)
class _Layout:
    """A file's content before and after formatting. ``note`` is on claims that it lost by ``--set`` or ``--input``."""

    path: str
    before: bytes
    after: str
    note: str = ""

    @property
    def name(self) -> str:
        return name_of(self.path)

    @property
    def changed(self) -> bool:
        return self.before != self.after.encode()


@click.command()
@specs_argument
@click.option(
    "--check", is_flag=True, help="Change no file; name the files that would change, and exit with 1 if there are any."
)
@click.option("--diff", is_flag=True, help="Change no file; print the changes as a diff.")
@click.option("-q", "--quiet", is_flag=True, help="Do not print the names of files.")
@change_options
def command(
    files: tuple[str, ...], check: bool, diff: bool, quiet: bool, changes: tuple[str, ...], input_shape: Shape | None
) -> None:
    """Format specs in place: columns are aligned, comments are kept.

    A spec with syntax errors is not changed. If FILE is -, the spec is read from standard input and written to standard
    output. All lines get the line ending of the first one (LF or CRLF).

    --set and --input write their values into the spec if the changed network is correct. Claims that it refutes are
    left out; in a variant, the values are written into FILE and not into its base.

    The exit code is 0 on success, 1 if a spec has syntax errors (or, with --set or --input, any error; or, with
    --check, would change), and 2 if a file cannot be opened or written.

    \b
    Examples:
      netspec fmt specs/alexnet.net
      netspec fmt --check --diff specs/*.net
      netspec fmt --set train.batch=64 draft.net
    """
    rewrite = partial(_rewrite, changes, input_shape) if changes or input_shape else None
    diagnostics: list[Diagnostic] = []
    unopened = differs = False
    for path in files:
        try:
            layout = _lay_out(path, rewrite)
            differs = differs or layout.changed
            if layout.note and not quiet:
                click.echo(layout.note, err=True)
            if check or diff:
                _show(layout, diff, name=check and not quiet)
            else:
                _write(layout, quiet)
        except SpecError as error:
            diagnostics += error.diagnostics
        except CannotOpen as error:
            click.echo(f"Error: {error}", err=True)
            unopened = True
    print_diagnostics(diagnostics)
    if unopened:
        sys.exit(WRONG_COMMAND)
    if diagnostics or (check and differs):
        sys.exit(WRONG_SPEC)


def _rewrite(changes: tuple[str, ...], shape: Shape | None, path: str, source: Source) -> Rewritten:
    """Return a spec's text with the changes written into it. Raises ``SpecError``."""
    from netspec.net import rewrite

    return rewrite(source, shape, changes, None if path == "-" else Path(path).parent)


def _lay_out(path: str, rewrite: Callable[[str, Source], Rewritten] | None) -> _Layout:
    """Read and format a file, changed by ``rewrite``.

    Raises ``CannotOpen``, also for a file of another program, and ``SpecError`` for wrong syntax and from ``rewrite``.
    """
    from netspec.language.formatter import formatted
    from netspec.opening import (
        MAX_FILE_BYTES,
        cannot_open,
        decode,
        is_caffe_file,
        is_darknet_file,
        is_keras_file,
        is_layer_file,
        with_suggestion,
    )
    from netspec.source import MODEL_FILES, ONNX_FILE

    try:
        if path == "-":
            before = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                before = b"" if path.lower().endswith(MODEL_FILES) else file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise with_suggestion(cannot_open(path, error), path) from None
    if path.lower().endswith(MODEL_FILES):
        kind = "an ONNX model" if path.lower().endswith(ONNX_FILE) else "a model of Keras"
        raise CannotOpen(f"cannot lay out {path}: it is {kind}, which netspec import writes as a spec")
    source = decode(before, name_of(path))
    others = (
        (is_caffe_file, "network of Caffe"),
        (is_darknet_file, "network of Darknet"),
        (is_keras_file, "model of Keras"),
        (is_layer_file, "layer file of cuda-convnet"),
    )
    if other := next((what for recognise, what in others if recognise(source)), None):
        raise CannotOpen(f"cannot lay out {path}: it is a {other}, which netspec import writes as a spec")
    if rewrite is None:
        return _Layout(path, before, formatted(source))
    changed = rewrite(path, source)
    return _Layout(path, before, formatted(changed.source), changed.note)


def _show(layout: _Layout, diff: bool, *, name: bool) -> None:
    """Print how a file would change."""
    if diff:
        click.echo("".join(_difference(layout)).encode(), nl=False)
    if name and layout.changed:
        click.echo(f"{layout.name}: would be formatted", err=diff)


def _write(layout: _Layout, quiet: bool) -> None:
    """Overwrite the file with its new layout if that differs. Raises ``CannotOpen`` if it cannot be written."""
    from netspec.cli.writing import write_whole

    if layout.path == "-":
        click.echo(layout.after.encode(), nl=False)
        return
    if not layout.changed:
        return
    path = Path(layout.path)
    if not path.is_file():
        raise CannotOpen(f"cannot write {layout.path}: it is not a file; - formats standard input")
    try:
        write_whole(path, layout.after)
    except OSError as error:
        raise CannotOpen(f"cannot write {layout.path}: {error.strerror or error}") from None
    if not quiet:
        click.echo(f"{layout.path}: formatted")


def _difference(layout: _Layout) -> Iterator[str]:
    """Yield the lines of a unified diff that ``patch`` can apply."""
    before, after = (_lines(text) for text in (layout.before.decode(), layout.after))
    for line in difflib.unified_diff(before, after, layout.name, layout.name):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    """Split text into lines as ``patch`` does, at LF only."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
