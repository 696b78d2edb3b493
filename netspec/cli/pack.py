"""Pack an image folder into memory-mapped arrays."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import WRONG_SPEC, processes_option
from netspec.cli.runs import MAX_LISTED, exit_on_error, note_printer, warn

if TYPE_CHECKING:
    from netspec.train.data.packing.sealing import Packed
    from netspec.train.data.sources.listing import Listing


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "--out",
    "out",
    metavar="OUT",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to write the pack to.",
)
@click.option(
    "--size",
    type=click.IntRange(min=1, max=8192),
    default=256,
    show_default=True,
    metavar="N",
    help="Shorter side of the scaled images, in pixels; their central square is stored.",
)
@click.option("--val-labels", metavar="FILE", type=click.Path(path_type=Path),
              help="Classes of the images in DIR/val if it has no class folders, one per line.")  # fmt: skip
@processes_option
@click.option("--strict", is_flag=True, help="Exit with 1 if an image cannot be read.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, only warnings and the result.")
def command(
    folder: Path,
    out: Path,
    size: int,
    val_labels: Path | None,
    processes: int | None,
    strict: bool,
    quiet: bool,
) -> None:
    """Pack an image folder into arrays that training reads without decoding.

    DIR has the folders DIR/train/CLASS and DIR/val/CLASS, or DIR/CLASS, with JPEG or PNG files; or images and masks, as
    --data of netspec train accepts them, and masks are packed too.

    If DIR/val has no class folders, as in ILSVRC, the classes of its images are read from DIR/val_labels.txt or the
    file of --val-labels. It has one line for each image, in the order of the file names, with the name of the class or
    its number (from 0, in the order of the class names); or lines of the form "file class".

    An interrupted or killed command can be repeated; it then continues where it stopped.

    \b
    Examples:
      netspec pack photos/ -o photos-packed
      netspec train specs/alexnet-tiny.net --data photos-packed
    """
    from netspec.train.data.cores import cores_available
    from netspec.train.data.packing.packing import pack
    from netspec.train.errors import TrainError
    from netspec.train.reporting.progress import Counter

    print_note = note_printer(quiet)
    with exit_on_error():
        listing = _list(folder, val_labels)
        for note in listing.notes:
            print_note(note)
        total = sum(len(files.names) for files in listing.splits.values())
        try:
            with Counter("packing", total, quiet=quiet) as counter:
                packed = pack(
                    listing,
                    out,
                    size,
                    processes or cores_available(),
                    begin=counter.begin_at,
                    progress=counter.update,
                )
        except OSError as problem:
            raise TrainError(
                f"cannot write {problem.filename or out}: {problem.strerror or problem}",
                "the shards written before are intact; the same command continues",
            ) from problem
    unreadable = _report(packed, out)
    if unreadable and strict:
        sys.exit(WRONG_SPEC)


def _list(folder: Path, val_labels: Path | None) -> Listing:
    """List the folder's images. Raises ``RequestError`` if it, or the file with the labels, cannot be read."""
    from netspec.train.data.sources.listing import list_folder
    from netspec.train.data.sources.masks.listing import list_masks, resembles_masks
    from netspec.train.errors import RequestError

    if not folder.is_dir():
        raise RequestError(f"there is no folder {folder}")
    try:
        if not resembles_masks(folder):
            return list_folder(folder, val_labels)
        if val_labels is not None:
            raise RequestError(f"{folder} has images and masks, and --val-labels gives classes to images")
        return list_masks(folder)
    except OSError as problem:
        raise RequestError(f"cannot open {problem.filename}: {problem.strerror}") from problem


def _report(packed: Packed, out: Path) -> int:
    """Print what the pack holds, and return how many images were left out as unreadable."""
    import json

    from netspec.formatting import format_bytes, format_count, plural
    from netspec.train.data.sources.shards import UNREADABLE

    unreadable = sum(split.unreadable for split in packed.splits.values())
    if unreadable:
        with (out / UNREADABLE).open(encoding="ascii") as lines:
            for _, line in zip(range(MAX_LISTED), lines, strict=False):
                problem = json.loads(line)
                warn(f"{problem['path']} left out: {problem['reason']}")
        if unreadable > MAX_LISTED:
            warn(f"{plural(unreadable, 'image')} cannot be read; all are listed in {out / UNREADABLE}")
    if packed.already:
        click.echo(f"{out} is already a complete pack of this folder; nothing was done")
    for name, split in packed.splits.items():
        click.echo(
            f"{name}: {plural(split.listed, 'image')} = {format_count(split.stored)} packed + "
            f"{format_count(split.unreadable)} unreadable"
        )
    click.echo(f"{plural(packed.classes, 'class')}, {format_bytes(packed.bytes)}: {out}")
    return unreadable
