"""Compare single layers as PyTorch computes them with the forms that optimising passes give them.

Measured is processor time, with one thread, float32 and random inputs, of forward and backward, and of forward alone as
in inference. The figures are medians over turns in one process, which keeps freed memory as a training does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from timing import print_table
from torch import Tensor, nn

import netspec
from netspec import backend
from netspec.passes.fast import forms_of
from netspec.train.learning.heap import keep_memory

LAYERS = {
    "max-pool": {
        "cifar-quick": ("32x32x32", "maxpool kernel=3 stride=2 rounding=up"),
        "AlexNet, pool1": ("96x55x55", "maxpool kernel=3 stride=2"),
        "AlexNet, pool2": ("256x27x27", "maxpool kernel=3 stride=2"),
        "AlexNet, pool5": ("256x13x13", "maxpool kernel=3 stride=2"),
        "VGG, pool2": ("128x112x112", "maxpool kernel=2 stride=2"),
        "VGG, pool3": ("256x56x56", "maxpool kernel=2 stride=2"),
        "VGG, pool4": ("512x28x28", "maxpool kernel=2 stride=2"),
        "GoogLeNet, 3a": ("192x28x28", "maxpool kernel=3 stride=1 pad=1"),
        "GoogLeNet, 5a": ("832x7x7", "maxpool kernel=3 stride=1 pad=1"),
    },
    "avg-pool": {
        "cifar-quick, pool2": ("32x16x16", "avgpool kernel=3 stride=2 rounding=up"),
        "cifar-quick, pool3": ("64x8x8", "avgpool kernel=3 stride=2 rounding=up"),
        "LeNet, s2": ("6x28x28", "avgpool kernel=2 stride=2"),
        "LeNet, s4": ("16x10x10", "avgpool kernel=2 stride=2"),
        "LeNet-5, S2's sums": ("6x28x28", "sumpool kernel=2 stride=2"),
        "LeNet-5, S4's sums": ("16x10x10", "sumpool kernel=2 stride=2"),
        "AlexNet, as averages": ("96x55x55", "avgpool kernel=3 stride=2"),
        "Inception, 3x3": ("192x28x28", "avgpool kernel=3 stride=1 pad=1"),
        "DenseNet, 2x2": ("256x28x28", "avgpool kernel=2 stride=2"),
        "padded on one side": ("64x28x28", "avgpool kernel=3 stride=2 pad=1,0,1,0 rounding=down"),
    },
    "im2col": {
        "digits": ("1x8x8", "conv filters=16 kernel=3 pad=1"),
        "LeNet": ("1x32x32", "conv filters=6 kernel=5"),
        "Caffe's LeNet": ("1x28x28", "conv filters=20 kernel=5"),
        "32 of 3x3": ("1x28x28", "conv filters=32 kernel=3 pad=1"),
        "ResNet's first, grey": ("1x224x224", "conv filters=64 kernel=7 stride=2 pad=3 rounding=down"),
    },
}
"""For each pass, by title: the input shape and the layer."""


def layer(maps: str, text: str, *passes: str) -> nn.Module:
    """Return the module of a layer that reads the shape ``maps``, in the form that these passes give it."""
    graph = netspec.loads(f"[image] input {maps}\n[layer] {text}\n").graph
    module: nn.Module = backend.load("pytorch").module(graph, 0, forms_of(graph, passes))
    return module


def both_ways(module: nn.Module, x: Tensor, of_maps: bool) -> Callable[[], object]:
    """Return a function that runs the layer forward and backward; ``of_maps``: with the gradient of its input too."""
    x = x.clone().requires_grad_(of_maps)
    variables = [x, *module.parameters()] if of_maps else [*module.parameters()]
    dy = torch.randn_like(module(x))
    return lambda: torch.autograd.grad(module(x), variables, dy)


def forward(module: nn.Module, x: Tensor) -> Callable[[], object]:
    """Return a function that runs the layer forward, without gradients."""

    def run() -> None:
        with torch.no_grad():
            module(x)

    return run


def in_turns(competitors: list[Callable[[], object]], rounds: int) -> list[float]:
    """Return the median processor seconds of each competitor, after two turns that do not count."""
    seconds: list[list[float]] = [[] for _ in competitors]
    for _ in range(rounds + 2):
        for run, times in zip(competitors, seconds, strict=True):
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
    return [median(times[2:]) for times in seconds]


def main() -> None:
    """Print a table for each pass, with a row for each layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=LAYERS, help="the layers of this pass")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory(True)
    print(f"torch {torch.__version__}, float32, batch {options.batch}, one thread, milliseconds of the processor")
    for name, layers in LAYERS.items():
        if options.only not in (None, name):
            continue
        rows = [(name, "maps", "training", "with it", "ratio", "inference", "with it", "ratio")]
        for title, (maps, text) in layers.items():
            x = torch.randn(options.batch, *map(int, maps.split("x")))
            modules = layer(maps, text), layer(maps, text, name)
            torch.testing.assert_close(modules[1](x), modules[0](x))
            a, b = in_turns([both_ways(module, x, name != "im2col") for module in modules], options.rounds)
            c, d = in_turns([forward(module, x) for module in modules], options.rounds)
            figures = (f"{1000 * a:.3g}", f"{1000 * b:.3g}", f"{b / a:.2f}", f"{1000 * c:.3g}", f"{1000 * d:.3g}")
            rows.append((title, maps, *figures, f"{d / c:.2f}"))
        print()
        print_table(rows)


if __name__ == "__main__":
    main()
