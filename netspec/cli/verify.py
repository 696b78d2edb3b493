"""Prove that arrangements of devices compute the same."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.amounts import DevicesParam
from netspec.cli.common import DEVICES, SPLITS, WRONG_SPEC, format_option, importing_torch
from netspec.cli.reading import read_net, reading_options, spec_argument
from netspec.cli.runs import exit_on_error, warn
from netspec.cli.trained import starting_weights_options
from netspec.formatting import plural

if TYPE_CHECKING:
    from netspec.cli.reading import Reading
    from netspec.ir.graph import Graph
    from netspec.passes.placing import Arrangement
    from netspec.train.processes.differences import Comparison
    from netspec.train.processes.verification import Trial

_MAX_DEVICES = 64


@click.command()
@spec_argument
@click.option(
    "--gpus",
    type=DevicesParam(_MAX_DEVICES),
    default=(1, 2),
    metavar="N,...",
    help="Numbers of devices to try [default: 1,2].",
)
@click.option(
    "--split",
    "splits",
    type=SPLITS,
    multiple=True,
    help="How the devices share the work; may be given several times [default: all that are possible].",
)
@click.option("--device", type=DEVICES, default="cpu", show_default=True,
              help="Run each device as a process on the CPU, or use as many GPUs.")  # fmt: skip
@click.option("--dtype", type=click.Choice(["float64", "float32"]), default="float64", show_default=True,
              help="Number type to compute with; it sets the tolerance.")  # fmt: skip
@click.option(
    "--batch",
    type=click.IntRange(2, 65536),
    metavar="N",
    help="Images per step [default: 2 for each device, times accumulate= of the spec].",
)
@click.option(
    "--steps", type=click.IntRange(1, 1000), default=3, show_default=True, metavar="N", help="Number of training steps."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the weights, images and dropout.",
)
@starting_weights_options
@click.option("-q", "--quiet", is_flag=True, help="Print only the arrangements that differ.")
@format_option
@reading_options
def command(
    file: str,
    gpus: tuple[int, ...],
    splits: tuple[str, ...],
    device: str,
    dtype: str,
    batch: int | None,
    steps: int,
    seed: int,
    weights: Path | None,
    fresh: tuple[str, ...],
    quiet: bool,
    form: str,
    reading: Reading,
) -> None:
    """Check that training on several devices computes the same as on one device.

    The command takes the same training steps, with dropout, in each arrangement of devices, and compares losses,
    gradients, weights, statistics and what the optimiser remembers. The exit code is 1 if any of them differ by more
    than rounding. Where a network amplifies rounding, the command measures by how much and says so. The eps of adam and
    adamw counts as at least 0.001, since less would amplify it too.

    \b
    Examples:
      netspec verify specs/digits.net --gpus 1,2
      netspec verify specs/alexnet-tiny.net --gpus 2,4 --split groups --split hybrid
      netspec verify specs/alexnet.net --gpus 2 --dtype float32 --weights runs/alexnet-1
    """
    net = read_net(file, reading)
    with importing_torch():
        from netspec.train.processes.differences import TOLERANCES
        from netspec.train.processes.verification import Trial, compare, initial_state, require_devices
        from netspec.train.requirements import require_trainable
        from netspec.train.tensors.weights import read_weights

    images = batch or 2 * max(gpus) * net.graph.train.accumulate
    trial = Trial(images, steps, seed, dtype, device)  # type: ignore[arg-type]
    tolerance, results = TOLERANCES[trial.number], []
    with exit_on_error():
        require_trainable(net.graph, images)
        arrangements = _arrangements(net.graph, gpus, splits, images)
        require_devices(arrangements, trial)
        initial = read_weights(weights, warn) if weights is not None else None
        start = initial_state(net.graph, trial, initial, fresh)
        if form == "text" and not quiet:
            click.echo(_heading(net.name, trial, tolerance))
        for arrangement, found in compare(net.graph, arrangements, trial, start):
            results.append((arrangement, found))
            if form == "text" and not (quiet and found.same):
                click.echo(_line(arrangement, found))
    comparisons = [found for _, found in results]
    if form == "json":
        rows = [_as_data(arrangement, found) for arrangement, found in results]
        click.echo(json.dumps({"net": net.name, "batch": images, "steps": steps, "seed": seed, "device": device,
                               "dtype": dtype, "tolerance": tolerance, "arrangements": rows}, indent=2))  # fmt: skip
    else:
        for note in _on_rounding([found for found in comparisons if not (quiet and found.same)]):
            click.echo(note)
    if not all(found.same for found in comparisons):
        sys.exit(WRONG_SPEC)


def _arrangements(graph: Graph, gpus: tuple[int, ...], splits: tuple[str, ...], batch: int) -> list[Arrangement]:
    """Return the requested arrangements; without ``splits``, all that are possible, with a note on each that is not.

    A single device counts once, as its split makes no difference. Raises ``RequestError`` if a requested split or
    every arrangement is impossible.
    """
    from netspec.train.errors import RequestError
    from netspec.train.processes.distributed import sharing_arrangement

    arrangements: list[Arrangement] = []
    refused: list[RequestError] = []
    for devices in gpus:
        for word in splits or SPLITS.choices if devices > 1 else ("batch",):
            try:
                arrangements.append(sharing_arrangement(graph, devices, word, batch))  # type: ignore[arg-type]
            except RequestError as problem:
                if splits:
                    raise
                if word != "groups" or graph.groups > 1:
                    refused.append(problem)
    if not arrangements:
        raise refused[0]
    for left_out in refused:
        click.echo(f"left out: {left_out.message}", err=True)
    return arrangements


def _heading(name: str, trial: Trial, tolerance: float) -> str:
    steps, images = plural(trial.steps, "training step"), plural(trial.batch, "image")
    lines = (
        f"{name}: {steps} of {images} in {trial.number} on the {trial.device}, seed {trial.seed}, against one device",
        f"largest differences, relative to the largest number of each tensor; up to {tolerance:g} is rounding",
        "",
        f"{'devices':<8} {'split':<7} {'losses':>9} {'gradients':>10} {'weights, 1 step':>16} {'all steps':>10}",
    )
    return "\n".join(lines)


def _line(a: Arrangement, found: Comparison) -> str:
    d = found.difference
    numbers = f"{d.loss:>9.1e} {d.gradients:>10.1e} {d.weights_first:>16.1e} {d.weights_last:>10.1e}"
    if found.same:
        verdict = "same, with amplified rounding" if found.like_rounding else "same"
    else:
        verdict = f"DIFFERS, most in {d.where or 'the loss'}"
    return f"{a.devices:<8} {a.split if a.devices > 1 else '-':<7} {numbers}  {verdict}"


def _on_rounding(comparisons: list[Comparison]) -> list[str]:
    """Return what to say about amplified rounding below the lines of some comparisons."""
    from netspec.train.processes.differences import AMPLIFIED, LIMITS

    alike = [found for found in comparisons if found.like_rounding]
    if not alike:
        return []
    notes = [
        "",
        "this network amplifies rounding: with each weight off by one rounding unit, one device differs from itself by "
        f"{alike[0].rounding:.1e};",
        f"up to {AMPLIFIED} times that is taken for rounding, but nothing above {LIMITS[alike[0].number]:g}",
    ]
    if not all(found.same for found in alike):
        notes.append("rounding may explain the differences above, or hide an error; try fewer --steps, a larger --batch"
                     + (" or --dtype float64" if alike[0].number == "float32" else ""))  # fmt: skip
    return notes


def _as_data(a: Arrangement, found: Comparison) -> dict[str, object]:
    numbers = {
        "losses": found.difference.loss,
        "gradients": found.difference.gradients,
        "weights_after_one_step": found.difference.weights_first,
        "weights_after_all_steps": found.difference.weights_last,
        "one_rounding_unit": found.rounding,
    }
    finite = {key: x if x is not None and math.isfinite(x) else None for key, x in numbers.items()}
    return {"devices": a.devices, "split": a.split if a.devices > 1 else None, **finite, "same": found.same}
