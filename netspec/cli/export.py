"""Write a run's weights as safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import fail, importing_torch
from netspec.cli.reading import read_net
from netspec.cli.runs import exit_on_error, warn
from netspec.cli.trained import open_trained, weights_option
from netspec.cli.writing import require_own_file, write_or_fail
from netspec.source import names_network

if TYPE_CHECKING:
    from netspec.cli.reading import Reading
    from netspec.train.runs.saved import Saved
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
@click.option(
    "--by-order",
    is_flag=True,
    help="Match the tensors of --weights with those of the spec by their order and shapes instead of their names.",
)
@click.option("-q", "--quiet", is_flag=True, help="Do not print the name of the file written.")
@weights_option
def command(
    run: Path,
    output: Path,
    layout: Layout,
    by_order: bool,
    quiet: bool,
    weights: Path | None,
    reading: Reading,
) -> None:
    """Write the weights of a run as a safetensors file.

    RUN is the folder of a run or one of its checkpoints. With --weights, RUN may also be a spec; the command then
    converts these weights to another layout. The option --weights of all commands reads every layout. Files that
    netspec did not write are never overwritten.

    With --by-order, a file of another program gets the names of the spec's tensors, if it has the same shapes in the
    same order. Which layers were matched is printed.

    \b
    Examples:
      netspec export runs/alexnet-1 -o alexnet.safetensors
      netspec export runs/alexnet-1 -o towers.safetensors --layout groups
      netspec export specs/alexnet-torchvision.net --weights alexnet.pth -o alexnet.safetensors
      netspec export mine.net --weights other.pth --by-order -o mine.safetensors
    """
    if output.suffix != ".safetensors":
        fail(f"-o {output}: the file's name must end with .safetensors")
    require_own_file(output, _ours)
    with exit_on_error():
        opened, layers = (
            _open_by_order(run, weights, reading) if by_order else (open_trained(run, weights, reading), ())
        )
        from netspec.formatting import format_bytes, plural
        from netspec.train.tensors.export import exported

        data, tensors = exported(opened, layout)
    write_or_fail({output: data})
    if not quiet:
        for ours, theirs in layers:
            click.echo(f"{ours} = {theirs}")
        click.echo(f"wrote {output}: {plural(tensors, 'tensor')}, {format_bytes(len(data))}, layout {layout}")


def _open_by_order(path: Path, weights: Path | None, reading: Reading) -> tuple[Saved, tuple[tuple[str, str], ...]]:
    """Open a spec with the weights of a file, matched by their order, and return the pairs of names of layers.

    Raises ``TrainError``; exits if there is no spec or no file of weights.
    """
    if weights is None or not names_network(path):
        fail("--by-order gives the tensors of a file the names of a spec's: name a spec, and the file with --weights")
    net = read_net(str(path), reading)
    with importing_torch():
        from netspec.train.tensors.ordering import by_order
        from netspec.train.tensors.published import without_data
        from netspec.train.tensors.weights import read_weights

    matched = by_order(net.graph, read_weights(weights, warn))
    return without_data(net, path, matched.weights, None), matched.layers


def _ours(path: Path) -> bool:
    """Whether netspec wrote a file."""
    from netspec.train.tensors.imported import is_ours

    return is_ours(path)
