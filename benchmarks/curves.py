"""Compare training losses with the default optimising passes and with none, in fp32 and in bf16.

Passes only change the rounding. So the curve with passes should be no farther from the plain curve than the fp32 curve
is from the bf16 curve, and nearer than the curve of another seed. Each training runs in its own process. The distance
of two curves is the mean absolute difference of their losses over the second half of the steps. `-o` draws all curves.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import torch
from timing import print_table

SPEC = Path(__file__).parent.parent / "specs" / "alexnet.net"


@dataclass(frozen=True, slots=True)
class Training:
    """One of the trainings to compare. ``fast``: with the default passes."""

    precision: str
    fast: bool
    seed: int

    @property
    def name(self) -> str:
        return f"{self.precision}, {'all passes of the default' if self.fast else 'no passes'}, seed {self.seed}"


TRAININGS = [
    Training(precision, fast, seed)
    for precision in ("fp32", "bf16")
    for fast, seed in ((True, 0), (False, 0), (False, 1))
]


def losses(options: argparse.Namespace, training: Training, run: Path) -> list[float]:
    """Train and return the loss of each step. Raises ``CalledProcessError`` if the training fails."""
    command = ["train", str(options.spec), "--data", options.data, "--steps", str(options.steps), "--out", str(run)]
    command += ["--precision", training.precision, "--seed", str(training.seed), "--quiet"]
    command += ["--device", options.device] if options.device else []
    command += ["--batch", str(options.batch)] if options.batch else []
    command += [argument for change in options.set for argument in ("--set", change)]
    command += [] if training.fast else ["--without", "all"]
    subprocess.run([sys.executable, "-m", "netspec", *command], check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


def distance(a: list[float], b: list[float]) -> float:
    """Return the mean absolute difference of two curves over the second half of the steps."""
    half = len(a) // 2
    return mean(abs(x - y) for x, y in zip(a[half:], b[half:], strict=True))


def draw(curves: dict[Training, list[float]], title: str, path: Path) -> None:
    """Draw all curves in one plot: thin lines for trainings with passes, over broad lines for those without."""
    from matplotlib.figure import Figure  # only a figure needs it

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel="step", ylabel="training loss")
    for training, curve in curves.items():
        look: dict[str, Any] = {"linewidth": 1.0, "zorder": 3} if training.fast else {"linewidth": 3.0, "alpha": 0.4}
        axes.plot(range(1, len(curve) + 1), curve, label=training.name, **look)
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Print the distances of the curves, and draw them if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, default=SPEC)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--device")
    parser.add_argument("--set", action="append", default=[], metavar="LAYER.KEY=VALUE")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.png")
    options = parser.parse_args()
    curves = dict[Training, list[float]]()
    distances_from = ("from no passes", "no passes: from the other precision", "from another seed")
    rows: list[tuple[str, ...]] = [("precision", "first loss", "last", *distances_from)]
    with TemporaryDirectory() as folder:
        for training in TRAININGS:
            curves[training] = losses(options, training, Path(folder) / str(len(curves)))
    for precision, other in (("fp32", "bf16"), ("bf16", "fp32")):
        fast = curves[Training(precision, True, 0)]
        plain, precise, seed = (
            curves[Training(*x)] for x in ((precision, False, 0), (other, False, 0), (precision, False, 1))
        )
        distances = (distance(fast, plain), distance(plain, precise), distance(plain, seed))
        rows.append((precision, f"{fast[0]:.3f}", f"{fast[-1]:.3f}", *(f"{gap:.2g}" for gap in distances)))
    where = torch.cuda.get_device_name() if torch.cuda.is_available() and options.device != "cpu" else "CPU"
    title = f"{options.spec.stem}, {options.data} images, {options.steps} steps, {where}, torch {torch.__version__}"
    print(title)
    print_table(rows)
    if options.output is not None:
        draw(curves, title, options.output)


if __name__ == "__main__":
    main()
