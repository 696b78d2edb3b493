"""The files that ``netspec eval`` writes: the confusion matrix and the wrongly classified images."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import fail
from netspec.cli.runs import note_printer, warn
from netspec.cli.writing import require_own_file, write_or_fail
from netspec.keys.kind import one_of
from netspec.own_images import is_own_image

if TYPE_CHECKING:
    from netspec.train.evaluation.masks.outcome import PixelOutcome
    from netspec.train.evaluation.outcome import Counted, Outcome

STDOUT = Path("-")

_NOT_FROM_BYTES = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")
"""The surrogates that do not stand for a byte of a file name. No encoding has them."""


def require_outputs(confusion: Path | None, mistakes: Path | None, form: str) -> None:
    """Exit if ``--confusion`` or ``--mistakes`` names a file that must not or cannot be written."""
    if confusion is not None:
        _require_output(confusion, "--confusion", (".png",))
    if mistakes == STDOUT:
        if form == "json":
            fail("--mistakes - and --format json both go to standard output: name a file for one of them")
    elif mistakes is not None:
        _require_output(mistakes, "--mistakes", (".csv", ".json", ".png"))
        if confusion is not None and confusion.resolve() == mistakes.resolve():
            fail(f"--confusion and --mistakes both name {mistakes}")


def _require_output(path: Path, option: str, endings: tuple[str, ...]) -> None:
    if path.suffix.lower() not in endings:
        fail(f"{option} {path}: the file's name must end with {one_of(endings)}")
    if not path.parent.is_dir():
        fail(f"{option} {path}: there is no folder {path.parent}")
    require_own_file(path, is_own_image if _is_picture(path) else _is_own_list, option=option)


def write_outputs(tested: Outcome | PixelOutcome, confusion: Path | None, mistakes: Path | None, quiet: bool) -> None:
    """Write the files that were asked for. Exits if that fails. Raises ``TrainError`` if images can no longer be
    read."""
    contents: dict[Path, bytes] = {}
    sheet = None
    if mistakes == STDOUT:
        click.echo(as_csv(tested), nl=False)
    elif mistakes is not None and _is_picture(mistakes):
        sheet = mistakes
    elif mistakes is not None:
        contents[mistakes] = as_json(tested) if mistakes.suffix.lower() == ".json" else as_csv(tested)
    contents |= _pictures(tested, confusion, sheet)
    if contents:
        write_or_fail(contents)
    for path in contents:
        note_printer(quiet)(f"wrote {path}")


def as_csv(tested: Counted) -> bytes:
    """Return the wrongly classified images, a line each, the most confident mistakes first; of a dense network the
    images with wrong pixels, those with the greatest share of them first.

    Text is in UTF-8, except that names of files that are not in UTF-8 have the bytes that they have on disk.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(tested.mistake_columns)
    writer.writerows([f"{x:.6g}" if isinstance(x, float) else x for x in row] for row in tested.mistake_rows())
    return _NOT_FROM_BYTES.sub("\N{REPLACEMENT CHARACTER}", out.getvalue()).encode("utf-8", "surrogateescape")


def as_json(tested: Counted) -> bytes:
    """Return the same images and numbers as a JSON list, an object a line, in ASCII.

    A byte of a file's name that is not UTF-8 is a surrogate, as ``os.fsdecode`` makes of it.
    """
    rows = ([float(f"{x:.6g}") if isinstance(x, float) else x for x in row] for row in tested.mistake_rows())
    objects = ",\n ".join(json.dumps(dict(zip(tested.mistake_columns, row, strict=True))) for row in rows)
    return f"[{objects}]\n".encode("ascii")


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() == ".png"


def _is_own_list(path: Path) -> bool:
    """Whether netspec wrote a list of mistakes: the names of the columns mark it. Raises ``OSError``."""
    from netspec.train.evaluation.masks.outcome import PixelOutcome
    from netspec.train.evaluation.outcome import Outcome

    with path.open("rb") as file:
        first_line = file.readline(10_000).decode("latin1").rstrip("\r\n")
    if path.suffix.lower() == ".json":
        try:
            first, _ = json.JSONDecoder().raw_decode(first_line, 1)
        except (ValueError, RecursionError):
            return first_line == "[]"
        return isinstance(first, dict) and tuple(first) in (Outcome.mistake_columns, PixelOutcome.mistake_columns)
    return first_line in (",".join(Outcome.mistake_columns), ",".join(PixelOutcome.mistake_columns))


def _pictures(tested: Outcome | PixelOutcome, confusion: Path | None, sheet: Path | None) -> dict[Path, bytes]:
    """Return the pictures that were asked for; none, with a warning, if matplotlib is not installed."""
    from netspec.train.plotting import HOW_TO_GET_IT, has_matplotlib

    paths = [path for path in (confusion, sheet) if path is not None]
    if not paths:
        return {}
    if not has_matplotlib():
        for path in paths:
            warn(f"{path} is not drawn, {HOW_TO_GET_IT}")
        return {}
    from netspec.train.drawing.confusion import confusion_png
    from netspec.train.drawing.lettering import fonts_for
    from netspec.train.drawing.masks import masks_png
    from netspec.train.drawing.mistakes import mistakes_png
    from netspec.train.evaluation.outcome import Outcome

    pictures = {}
    with fonts_for("".join((tested.source, *tested.classes)), warn):
        if confusion is not None:
            pictures[confusion] = confusion_png(tested)
        if sheet is not None:
            pictures[sheet] = mistakes_png(tested, warn) if isinstance(tested, Outcome) else masks_png(tested)
    return pictures
