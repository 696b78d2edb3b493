"""Draw a trained network's kernels, or what a layer answers to an image."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.common import device_option, fail, format_option
from netspec.cli.runs import exit_on_error
from netspec.cli.trained import open_trained, weights_option
from netspec.cli.writing import require_own_file, write_or_fail
from netspec.own_images import is_own_image

if TYPE_CHECKING:
    from netspec.cli.reading import Reading
    from netspec.report import Table
    from netspec.train.runs.saved import Saved


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="OUT.png", required=True, type=click.Path(path_type=Path),
              help="PNG file to write.")  # fmt: skip
@click.option("--layer", metavar="LAYER", help="Layer whose kernels are drawn [default: the first convolution].")
@click.option(
    "--image",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Image to compute the activations for (with --activations).",
)
@click.option(
    "--activations", metavar="LAYER", help="Draw the activations of this layer for --image instead of kernels."
)
@device_option
@format_option
@click.option("-q", "--quiet", is_flag=True, help="Do not print the name of the file written.")
@weights_option
def command(
    run: Path,
    output: Path,
    layer: str | None,
    image: Path | None,
    activations: str | None,
    device: str | None,
    form: str,
    quiet: bool,
    weights: Path | None,
    reading: Reading,
) -> None:
    """Draw the kernels of a trained network by GPU group, and measure the share of colour in each group.

    RUN is the folder of a run or one of its checkpoints; with --weights, RUN may also be a spec. The groups are drawn
    below each other, as in figure 3 of the 2012 paper. With --image and --activations, the activations of a layer are
    drawn instead. Files that netspec did not write are never overwritten.

    \b
    Examples:
      netspec filters runs/alexnet-1 -o conv1.png
      netspec filters runs/alexnet-1 -o cat-pool5.png --image cat.jpg --activations pool5
      netspec filters specs/alexnet-torchvision.net --weights alexnet.pth -o conv1.png
    """
    if (image is None) != (activations is None):
        fail("--image and --activations go together: the image, and the layer whose answer is drawn")
    if layer is not None and activations is not None:
        fail("--layer is for kernels, --activations for a layer's answer to an image: name one of them")
    if output.suffix.lower() != ".png":
        fail(f"-o {output}: the file's name must end with .png")
    require_own_file(output, is_own_image)
    with exit_on_error():
        opened = open_trained(run, weights, reading)
        result: str | Table
        if image is not None and activations is not None:
            facts, result, picture = _draw_activations(opened, image, activations, device)
        else:
            facts, result, picture = _draw_kernels(opened, layer)
        write_or_fail({output: picture})
    if form == "json":
        about = {"run": opened.name, "net": opened.graph.name, "spec_sha256": opened.spec_sha256, "step": opened.step}
        click.echo(json.dumps(about | facts | {"picture": str(output)}, indent=2))
    else:
        from netspec.report.terminal import show

        if isinstance(result, str):
            click.echo(result)
        else:
            show(result, sys.stdout)
        if not quiet:
            click.echo(f"wrote {output}")


def _draw_kernels(run: Saved, layer: str | None) -> tuple[dict[str, Any], Table, bytes]:
    from netspec.draw.png import encoded
    from netspec.report import Column, Table
    from netspec.train.drawing.kernels import RANDOM_COLOUR, blocks_of, colour, draw_kernels

    name, blocks = blocks_of(run.graph, run.weights, layer)
    several = len({block.input for block in blocks}) > 1
    colours = [colour(block) for block in blocks]
    facts: list[dict[str, Any]] = []
    rows = []
    for block, measure in zip(blocks, colours, strict=True):
        number, channels, height, width = block.kernels.shape
        what = f"group {block.group}" + (f", input {block.input}" if several else "")
        fact: dict[str, Any] = {"group": block.group, "input": block.input, "kernels": number,
                                "kernel": [channels, height, width]}  # fmt: skip
        row = [what, str(number), f"{channels}x{height}x{width}"]
        if measure is not None:
            fact |= {"colour": measure.mean, "more_than_chance": measure.more_than_chance,
                     "each": [round(float(share), 6) for share in measure.each]}  # fmt: skip
            row += [f"{100 * measure.mean:.1f} %", f"{measure.more_than_chance} of {len(measure.each)}"]
        facts.append(fact)
        rows.append(tuple(row))
    heads = [name, "kernels", "of"]
    notes: tuple[str, ...] = ()
    if all(measure is not None for measure in colours):
        heads += ["colour", "more than chance"]
        notes = (f"colour: the share of the kernels' energy off the grey axis; {100 * RANDOM_COLOUR:.1f} % by chance",)
    columns = tuple(Column(head, right=head != name) for head in heads)
    table = Table("", columns, tuple(rows), notes=notes)
    return {"layer": name, "groups": facts}, table, encoded(draw_kernels(blocks))


def _draw_activations(run: Saved, image: Path, layer: str, device: str | None) -> tuple[dict[str, Any], str, bytes]:
    from netspec.draw.png import encoded
    from netspec.train.config import device_for
    from netspec.train.data.sources.decode import PEAK
    from netspec.train.data.splits import Unreadable
    from netspec.train.drawing.activations import activations_of, draw_activations
    from netspec.train.errors import RequestError, TrainError
    from netspec.train.evaluation.predict import Unopened, frame_of, load_image
    from netspec.train.evaluation.views import prepared, views

    frame = frame_of(run)
    try:
        pixels = load_image(image, frame)
    except Unreadable as problem:
        wrong = RequestError if isinstance(problem, Unopened) else TrainError
        raise wrong(f"{problem.path} cannot be read: {problem.reason}") from problem
    (centre,) = views(1, frame, run.graph.input.output)
    place = device_for(device)
    images = prepared(run.preparation(frame, PEAK, place), pixels[None], centre)
    activations = activations_of(run.objective(place), images, layer)
    what = "maps" if activations.groups[0].shape[1:] != (1, 1) else "features"
    facts = {"layer": layer, "image": str(image), what: activations.maps, "silent": activations.silent}
    zero = f"{activations.silent} of them zero or less everywhere"
    line = f"{layer}: {activations.maps} {what}, {zero}, for the centre of {image}"
    return facts, line, encoded(draw_activations(activations))
