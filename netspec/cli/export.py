"""Write a run's weights as safetensors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import importing_torch, refuse
from netspec.cli.runs import telling, warn
from netspec.cli.writing import write_whole

if TYPE_CHECKING:
    from netspec.train.tensors.layouts import Layout


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="OUT.safetensors", required=True, type=click.Path(path_type=Path),
              help="The file to write.")  # fmt: skip
@click.option("--layout", type=click.Choice(["groups", "merged", "torchvision"]), default="merged", show_default=True,
              help="One tensor per GPU group, per parameter, or under torchvision's names.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Do not name the file that is written.")
def command(run: Path, output: Path, layout: Layout, quiet: bool) -> None:
    """Write a run's weights as a safetensors file.

    RUN is a run's folder, or one of its checkpoints. --weights reads the file back in every layout. A file that netspec
    did not write is never overwritten.

    \b
    Examples:
      netspec export runs/alexnet-1 -o alexnet.safetensors
      netspec export runs/alexnet-1 -o towers.safetensors --layout groups
    """
    if output.suffix != ".safetensors":
        refuse(f"-o {output}: the file's name ends with .safetensors")
    _refuse_what_is_not_ours(output)
    with telling():
        with importing_torch():
            from netspec.train.runs.saved import open_run
            from netspec.train.tensors.export import exported
        from netspec.units import plural, size

        opened = open_run(run, warn)
        data, tensors = exported(opened, layout)
    try:
        write_whole(output, data)
    except OSError as error:
        refuse(f"cannot write {output}: {error.strerror or error}")
    if not quiet:
        click.echo(f"wrote {output}: {plural(tensors, 'tensor')}, {size(len(data))}, layout {layout}")


def _refuse_what_is_not_ours(path: Path) -> None:
    """End the command if there is something at the path that ``netspec export`` did not write."""
    if not os.path.lexists(path):
        return
    if not path.is_file():
        refuse(f"{path} is there already, and is no file")
    from netspec.train.tensors.export import is_ours

    try:
        ours = is_ours(path)
    except OSError as error:
        refuse(f"cannot read {path}: {error.strerror or error}")
    if not ours:
        refuse(f"{path} was not written by netspec and stays as it is; -o names another file")
