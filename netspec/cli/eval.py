"""Test a trained network, or the average of several."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from netspec.cli.common import importing_torch, input_option, read_net, refuse, set_option
from netspec.cli.runs import DEVICES, FORMATS, Unread, device_of, names_data, need_named, noting, telling, warn
from netspec.cli.trained import need_spec, with_weights
from netspec.cli.writing import refuse_what_is_not_ours, write_or_refuse
from netspec.maker import drew
from netspec.source import SPEC_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netspec.cli.layer_files import LayerFiles
    from netspec.ir.shape import Shape
    from netspec.net import Net
    from netspec.report import Table
    from netspec.train.judging.outcome import Outcome, SplitName
    from netspec.train.runs.saved import Saved

ROWS = 50
"""Classes that the table shows; of more than these, the worst."""

WORST = 20


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data", metavar="SOURCE", help="What to test on [default: what the run was trained on].")
@click.option("--split", type=click.Choice(["validation", "train", "all"]), default="validation", show_default=True,
              help="Which of its images.")  # fmt: skip
@click.option("--views", type=click.Choice(["1", "10"]), help="Views of an image [default: the spec's test views=].")
@click.option("--weights", metavar="FILE", type=click.Path(path_type=Path),
              help="Test these weights in the run's network: a run, a checkpoint, .safetensors or .pth.")  # fmt: skip
@click.option("--batch", type=click.IntRange(min=1), help="Images at a time [default: the spec's].")
@click.option("--device", type=DEVICES, help="Where to compute [default: cuda if there is one].")
@click.option("--format", "form", type=FORMATS, default="text", show_default=True, help="How the result is written.")
@click.option("--confusion", metavar="OUT.png", type=click.Path(path_type=Path),
              help="Draw the confusion matrix (needs matplotlib).")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No progress, only warnings and the result.")
@input_option
@set_option
def command(
    runs: tuple[Path, ...],
    data: str | None,
    split: SplitName,
    views: str | None,
    weights: Path | None,
    batch: int | None,
    device: str | None,
    form: str,
    confusion: Path | None,
    quiet: bool,
    input_shape: Shape | None,
    changes: tuple[str, ...],
    layer_files: LayerFiles,
) -> None:
    """Test a trained network: top-1, top-5, the loss, each class, the confusion matrix.

    RUN is a run's folder, or one of its checkpoints; with --weights and --data it may be a spec, and --set, --input,
    --params and --dialect say how that is read. The predictions of several runs are averaged; each prepares the images
    in its own way. Ten views are the corner crops and the centre one with their mirror images.

    \b
    Examples:
      netspec eval runs/alexnet-1 --views 10 --confusion confusion.png
      netspec eval runs/alexnet-1 runs/alexnet-2 --data photos/ --split all --format json
      netspec eval specs/alexnet-torchvision.net --weights alexnet.pth --data photos/
    """
    if data is None and len(runs) == 2 and names_data(runs[1]):
        refuse(f"{runs[1]} is no run; did you mean --data {runs[1]}?")
    if weights is not None and len(runs) > 1:
        refuse(f"--weights is for one run, and there are {len(runs)}")
    if confusion is not None and confusion.suffix.lower() != ".png":
        refuse(f"--confusion {confusion}: the picture's name ends with .png")
    if confusion is not None:
        refuse_what_is_not_ours(confusion, drew, option="--confusion")
    need_spec(runs[0], weights, input_shape, changes, layer_files)
    with telling():
        need_named(*(run for run in runs if run.suffix not in SPEC_ENDINGS), data=data)
        with importing_torch():
            from netspec.train.runs.saved import open_run

        taken: dict[str, str] | None = None
        if weights is not None:
            net = _spec(runs[0], data, input_shape, changes, layer_files)
            opened, taken = _with_weights(runs[0], net, weights, data, batch, quiet)
        else:
            opened = [open_run(run, warn) for run in runs]
        tested = _test(opened, data, split, views, batch, device, quiet)
        if confusion is not None:
            _draw(tested, confusion, quiet)
    if form == "json":
        click.echo(json.dumps(_facts(tested, opened, taken), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        from netspec.report.terminal import show

        for line in _text(tested, opened):
            click.echo(line)
        show(_by_class(tested), sys.stdout)


def _spec(
    path: Path, data: str | None, input_shape: Shape | None, changes: Sequence[str], layer_files: LayerFiles
) -> Net | None:
    """The network, where a spec was named in a run's place."""
    if path.suffix not in SPEC_ENDINGS:
        return None
    if data is None:
        refuse(f"{path} is a spec; --data names what to test it on")
    return read_net(str(path), input_shape, changes, layer_files)


def _with_weights(
    path: Path, net: Net | None, weights: Path, data: str | None, batch: int | None, quiet: bool
) -> tuple[list[Saved], dict[str, str]]:
    """A run, or a spec's network, with other weights, and what is recorded of them."""
    from netspec.train.reporting.console import reporter
    from netspec.train.runs.saved import open_run
    from netspec.train.tensors.published import as_run
    from netspec.train.tensors.weights import read_weights

    read = read_weights(weights, warn)
    if net is not None and data is not None:
        return [as_run(net, path, read, data, batch, reporter(quiet=quiet))], read.facts()
    return [with_weights(open_run(path, warn), read)], read.facts()


def _test(
    runs: Sequence[Saved],
    data: str | None,
    split: SplitName,
    views: str | None,
    batch: int | None,
    device: str | None,
    quiet: bool,
) -> Outcome:
    from netspec.train.data.cores import cores_available
    from netspec.train.data.source import listing
    from netspec.train.errors import RequestError
    from netspec.train.judging.testing import run_test

    source = data if data is not None else runs[0].data
    if source is None:
        raise RequestError(f"{runs[0].name} does not say what it was trained on; --data names what to test on:",
                           *listing())  # fmt: skip
    place = device_of(device)
    wanted: dict[str | None, Literal[1, 10] | None] = {None: None, "1": 1, "10": 10}
    try:
        return run_test(
            runs,
            source,
            split=split,
            views_wanted=wanted[views],
            batch=batch or runs[0].graph.train.batch,
            device=place,
            workers=min(cores_available(), 16),
            note=noting(quiet),
            warn=warn,
            met=Unread(),
            quiet=quiet,
        )
    except RequestError as problem:
        if data is not None:
            raise
        told = f"{source} is what {runs[0].name} was trained on; --data names something else"
        raise RequestError(problem.message, told, *problem.notes) from problem


def _draw(tested: Outcome, path: Path, quiet: bool) -> None:
    from netspec.train.look.confusion import HOW_TO_GET_IT, confusion_png

    picture = confusion_png(tested)
    if picture is None:
        warn(HOW_TO_GET_IT)
        return
    write_or_refuse({path: picture})
    noting(quiet)(f"wrote {path}")


def _facts(tested: Outcome, runs: Sequence[Saved], weights: dict[str, str] | None) -> dict[str, Any]:
    """The result as JSON. ``spec_sha256`` is the only run's, or ``null`` where there are several of different specs."""
    hashes = {run.spec_sha256 for run in runs}
    numbers = zip(tested.classes, tested.per_class, tested.confusion.diagonal(), tested.five, strict=True)
    return {
        "net": runs[0].graph.name if len({run.graph.name for run in runs}) == 1 else None,
        "spec_sha256": hashes.pop() if len(hashes) == 1 else None,
        "runs": [
            {
                "run": run.name,
                "checkpoint": str(run.path),
                "step": run.step,
                "net": run.graph.name,
                "spec_sha256": run.spec_sha256,
                "views": number,
                "distinct_views": distinct,
            }
            for run, number, distinct in zip(runs, tested.views, tested.distinct, strict=True)
        ],
        "weights": weights,
        "data": {
            "source": tested.source,
            "split": tested.split,
            "images": tested.images,
            "used": tested.used,
            "unreadable": tested.unreadable,
        },
        "protocol": tested.protocol,
        "n": tested.used,
        "top1": tested.top1,
        "top5": tested.top5,
        "loss": tested.loss if tested.loss != float("inf") else None,
        "classes": [
            {"class": name, "n": int(n), "top1": int(first) / int(n) if n else None,
             "top5": int(five) / int(n) if n else None}
            for name, n, first, five in numbers
        ],
        "confusions": [list(one) for one in tested.confusions()],
    }  # fmt: skip


def _text(tested: Outcome, runs: Sequence[Saved]) -> list[str]:
    from netspec.units import count

    unread = f" ({count(tested.unreadable)} more cannot be read)" if tested.unreadable else ""
    which = "" if tested.split == "all" else f"{tested.split} "
    return [
        f"top-1 {100 * tested.top1:.2f} %, top-5 {100 * tested.top5:.2f} %, loss {tested.loss:.4g} "
        f"on {count(tested.used)} {which}images of {tested.source}{unread}",
        f"protocol: {tested.protocol}",
        *(f"{run.name}: {run.graph.name}, step {count(run.step)}, spec {run.spec_sha256[:12]}" for run in runs),
        "",
    ]


def _by_class(tested: Outcome) -> Table:
    """How many images of each class were told right; of many classes, of the worst."""
    from netspec.report import Column, Table
    from netspec.train.reporting.progress import printable
    from netspec.units import count, percent

    right, total = tested.confusion.diagonal(), tested.per_class
    order = list(range(len(tested.classes)))
    if len(order) > ROWS:
        tested_ones = [number for number in order if total[number]]
        order = sorted(tested_ones, key=lambda number: (right[number] / total[number], number))[:WORST]
    rows = tuple(
        (printable(tested.classes[k]), count(int(total[k])), percent(int(right[k]), int(total[k])) if total[k] else "-")
        for k in order
    )
    classes = len(tested.classes)
    worst = (f"the {len(order)} worst of {count(classes)} classes; --format json has all",)
    columns = (Column("class", right=False), Column("n"), Column("top-1"))
    return Table("", columns, rows, notes=worst if classes > len(order) else ())
