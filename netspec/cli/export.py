"""Write a run's weights as safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import importing_torch, refuse
from netspec.cli.runs import need_named, telling, warn
from netspec.cli.writing import refuse_what_is_not_ours, write_whole

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
    refuse_what_is_not_ours(output, _ours)
    with telling():
        need_named(run)
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


def _ours(path: Path) -> bool:
    """Imports torch, and so is asked only where there is a file."""
    from netspec.train.tensors.export import is_ours

    return is_ours(path)
