"""Write a run's weights as safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import fail
from netspec.cli.runs import exit_on_error
from netspec.cli.trained import open_trained, weights_option
from netspec.cli.writing import require_own_file, write_or_fail

if TYPE_CHECKING:
    from netspec.cli.reading import Reading
    from netspec.train.tensors.layouts import Layout


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="OUT.safetensors", required=True, type=click.Path(path_type=Path),
              help="File to write.")  # fmt: skip
@click.option(
    "--layout",
    type=click.Choice(["groups", "merged", "torchvision"]),
    default="merged",
    show_default=True,
    help="Tensors of the file: one per GPU group, one per parameter, or those of torchvision's alexnet.",
)
@click.option("-q", "--quiet", is_flag=True, help="Do not print the name of the file written.")
@weights_option
def command(
    run: Path,
    output: Path,
    layout: Layout,
    quiet: bool,
    weights: Path | None,
    reading: Reading,
) -> None:
    """Write the weights of a run as a safetensors file.

    RUN is the folder of a run or one of its checkpoints. With --weights, RUN may also be a spec; the command then
    converts these weights to another layout. The option --weights of all commands reads every layout. Files that
    netspec did not write are never overwritten.

    \b
    Examples:
      netspec export runs/alexnet-1 -o alexnet.safetensors
      netspec export runs/alexnet-1 -o towers.safetensors --layout groups
      netspec export specs/alexnet-torchvision.net --weights alexnet.pth -o alexnet.safetensors
    """
    if output.suffix != ".safetensors":
        fail(f"-o {output}: the file's name must end with .safetensors")
    require_own_file(output, _ours)
    with exit_on_error():
        opened = open_trained(run, weights, reading)
        from netspec.formatting import format_bytes, plural
        from netspec.train.tensors.export import exported

        data, tensors = exported(opened, layout)
    write_or_fail({output: data})
    if not quiet:
        click.echo(f"wrote {output}: {plural(tensors, 'tensor')}, {format_bytes(len(data))}, layout {layout}")


def _ours(path: Path) -> bool:
    """Whether netspec wrote a file."""
    from netspec.train.tensors.imported import is_ours

    return is_ours(path)
