"""Compare a training with all kernels with the plain training on the CPU.

The kernels run on a simulated CUDA device under ``TRITON_INTERPRET=1``, or on a real one with the argument ``cuda``.
Prints a JSON object: the notes of the training, the kernels launched on the simulated device, and the largest relative
difference of the weights.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from rich.console import Console
from simulated_cuda import simulate_cuda
from simulated_cuda_kernels import interpreted, launched

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


class NotesReporter(Reporter):
    """Collects the notes of a training, and prints nothing."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True))
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def run(precision: str, device: str, out: Path, without: tuple[str, ...]) -> list[str]:
    """Train for three steps, validate, and return the notes."""
    spec, reporter = SPEC.replace("PRECISION", precision), NotesReporter()
    request = Request("synthetic", steps=3, threads=1, out=out, device=device, without=without)
    train(loads(spec), "small", request, reporter)
    return reporter.notes


def compare(precision: str) -> dict[str, Any]:
    """Train with and without kernels."""
    with TemporaryDirectory() as folder:
        cpu, cuda = Path(folder, "cpu"), Path(folder, "cuda")
        run(precision, "cpu", cpu, ("all",))
        launches: list[str] = []
        if sys.argv[1:] == ["cuda"]:
            notes = run(precision, "cuda", cuda, ())
        else:
            with simulate_cuda() as device, launched(device, interpreted(device)):
                notes = run(precision, "cuda", cuda, ("grouped-conv",))
            launches = sorted({name for name, _ in device.launches})
        saved = (checkpoint.list_checkpoints(run / "checkpoints")[-1] for run in (cpu, cuda))
        ours, theirs = (checkpoint.load(file)["weights"] for file in saved)
    error = max(float((x - theirs[name]).norm() / x.norm()) for name, x in ours.items() if name.endswith("weight"))
    return {"notes": notes, "launches": launches, "error": error}


synthetic.MIN_TRAIN, synthetic.VALIDATION = 16, 4
print(json.dumps({precision: compare(precision) for precision in ("fp32", "bf16")}))
