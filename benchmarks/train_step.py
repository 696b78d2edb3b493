"""Compare a training step of the compiled AlexNet with the hand-written one (`netspec.timing.handwritten`).

A step is forward, loss, backward and update, in float32 on the CPU, on random images in memory. AlexNet is compiled
twice: to the module that `netspec train` trains, and to the program that `netspec compile` writes. Each uses its own
optimiser, and the hand-written one `torch.optim.SGD`. Goal: the compiled ones are no slower.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from timing import print_table, take_turns
from torch import Tensor

import netspec
from netspec import backend
from netspec.timing.handwritten import AlexNet
from netspec.timing.handwritten import optimiser as optimiser_by_hand
from netspec.train.learning.optimiser import optimiser_for

SPEC = Path(__file__).parent.parent / "specs" / "alexnet.net"
MODULE, PROGRAM, BY_HAND = "module", "generated program", "written by hand"


def module(images: Tensor, labels: Tensor) -> Callable[[], object]:
    """Return a training step of netspec's module."""
    pytorch = backend.load("pytorch")
    net = netspec.load(SPEC)
    model = netspec.torch_module(net).train()
    optimiser = optimiser_for(net.graph.parameters, dict(model.named_parameters()))

    def step() -> None:
        optimiser.zero_grad()
        pytorch.training_loss(model, images, labels).backward()
        optimiser.step()

    return step


def program(images: Tensor, labels: Tensor) -> Callable[[], object]:
    """Return a training step of the generated program."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "generated_alexnet.py")
        file.write_text(netspec.compile(netspec.load(SPEC)), "utf-8")
        generated = SimpleNamespace(**run_path(str(file)))
    model = generated.AlexNet().train()
    generated.initialise(model, seed=0)
    optimiser = generated.SGD(model)

    def step() -> None:
        model.zero_grad()
        generated.loss_of(model, images, labels).backward()
        optimiser.step(1.0)

    return step


def by_hand(images: Tensor, labels: Tensor) -> Callable[[], object]:
    """Return a training step of the hand-written network."""
    model = AlexNet().train()
    optimiser = optimiser_by_hand(model, netspec.load(SPEC).graph.train.rule, "cpu")

    def step() -> None:
        optimiser.zero_grad()
        F.cross_entropy(model(images), labels).backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    images, labels = torch.randn(options.batch, 3, 224, 224), torch.randint(1000, (options.batch,))
    competitors = {MODULE: module, PROGRAM: program, BY_HAND: by_hand}
    steps = {name: make(images, labels) for name, make in competitors.items()}
    seconds = take_turns(steps, options.rounds, warm_up=2)
    print(f"torch {torch.__version__}, float32, batch {options.batch}, {options.threads} CPU threads")
    rows = [("", "a step", "images/s", "by hand = 1")]
    for name, time in seconds.items():
        rows.append((name, f"{1000 * time:.0f} ms", f"{options.batch / time:.1f}", f"{time / seconds[BY_HAND]:.2f}"))
    print_table(rows)


if __name__ == "__main__":
    main()
