"""A training with all kernels beside the plain one on the CPU: under ``TRITON_INTERPRET=1`` on a CUDA device that is
not there, or with the argument ``cuda`` on one that is. Prints a JSON object: what was said, the kernels that were
launched on the device that is not there, and how far the weights are apart.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from pretended import pretended
from pretended_kernels import interpreted, launched
from rich.console import Console

import netspec.train.data.sources.synthetic as synthetic
from netspec.net import loads
from netspec.train.config import Request
from netspec.train.reporting.console import Reporter
from netspec.train.run import train
from netspec.train.runs import checkpoint

SPEC = """\
net small rounding=up
gpus 2
[image] input 3x15x15 mean=image
[c] conv filters=8 kernel=5 stride=2 neuron=relu
[n] lrn size=5 k=2 alpha=0.1 beta=0.75
[p] maxpool kernel=3 stride=2
[d] conv filters=6 kernel=3 pad=1 neuron=relu bias=0.1 reads=all
[o] dropout rate=0.25
[f] fc outputs=4 reads=all
train batch=4 precision=PRECISION optimizer=sgd(lr=0.001)
augment from=18 flip=horizontal colour=pca(0.1)
"""


class Told(Reporter):
    """Keeps what a training notes."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True))
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def run(precision: str, device: str, out: Path, without: tuple[str, ...]) -> list[str]:
    """Three steps and a validation; what was told."""
    spec, told = SPEC.replace("PRECISION", precision), Told()
    request = Request("synthetic", steps=3, threads=1, out=out, device=device, without=without)
    train(loads(spec).graph, spec, "small", request, told)
    return told.lines


def beside(precision: str) -> dict[str, Any]:
    """A training in both ways."""
    with TemporaryDirectory() as folder:
        cpu, cuda = Path(folder, "cpu"), Path(folder, "cuda")
        run(precision, "cpu", cpu, ("all",))
        launches: list[str] = []
        if sys.argv[1:] == ["cuda"]:
            told = run(precision, "cuda", cuda, ())
        else:
            with pretended() as device, launched(device, interpreted(device)):
                told = run(precision, "cuda", cuda, ("grouped-conv",))
            launches = sorted({name for name, _ in device.launches})
        saved = (checkpoint.saved(run / "checkpoints")[-1] for run in (cpu, cuda))
        ours, theirs = (checkpoint.load(file)["weights"] for file in saved)
    far = max(float((x - theirs[name]).norm() / x.norm()) for name, x in ours.items() if name.endswith("weight"))
    return {"told": told, "launches": launches, "far": far}


synthetic.MIN_TRAIN, synthetic.VALIDATION = 16, 4
print(json.dumps({precision: beside(precision) for precision in ("fp32", "bf16")}))
