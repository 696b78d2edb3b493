"""Compare the memory that `netspec plan` predicts for a training step with what a GPU's allocator reports.

A step is forward, loss, backward and update on random images, as in `netspec train` with every optimising pass off
(`--without all`): the plan counts each operation by itself. The copy of the images that a recorded step (`cuda-graph`)
adds is in neither number. The reported number is the peak memory of tensors (`torch.cuda.max_memory_allocated`) in the
third of three steps, less what was allocated before the network was built: cuBLAS's workspaces, which are never freed.
It includes cuDNN's temporary workspaces, which the prediction does not. Goal: within 10 %.
"""

from __future__ import annotations

import argparse
import gc
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from timing import print_table

import netspec
from netspec.formatting import format_bytes, format_number
from netspec.ir.graph import Graph
from netspec.ir.settings import Precision
from netspec.plan import plan
from netspec.train.learning.ema import Average
from netspec.train.learning.objective import build
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.task import made_up_labels

SPEC = Path(__file__).parent.parent / "specs" / "alexnet.net"
STEPS = 3


def reported(graph: Graph, batch: int) -> int:
    """Return the peak memory, in bytes, of the tensors of a training step on the GPU."""
    gc.collect()
    torch.cuda.empty_cache()
    square = torch.ones(64, 64, device="cuda", requires_grad=True)
    # This makes cuBLAS allocate its workspaces, one for each thread.
    F.linear(square, square, square[0]).sum().backward()  # type: ignore[no-untyped-call]
    before = torch.cuda.memory_allocated()
    objective = build(graph, 0, "cuda")
    objective.module.train()
    optimiser = optimiser_of(graph, objective.module)
    average = Average(objective.module, graph.train.ema) if graph.train.ema else None
    images = torch.rand(batch, *graph.input.output, device="cuda")
    labels = made_up_labels(graph, batch).to("cuda")
    for step in range(STEPS):
        torch.cuda.reset_peak_memory_stats()
        optimiser.zero_grad()
        objective.gradients(images, labels, 0, step)
        optimiser.step()
        if average is not None:
            average.update()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def main() -> None:
    """Print the predicted and the reported memory for both precisions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, default=SPEC)
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    graph = netspec.load(options.spec).graph
    gpu = torch.cuda.is_available()
    name = torch.cuda.get_device_name() if gpu else "no GPU here: predictions alone"
    print(f"torch {torch.__version__}, {graph.name}, batch {options.batch}, {name}")
    rows = [("", "predicted", "reported", "reported = 1")]
    widths: tuple[Precision, ...] = ("fp32", "bf16")
    for precision in widths:
        trained = replace(graph, train=replace(graph.train, precision=precision))
        predicted = plan(trained, 1, batch=options.batch, precision=precision).peak
        measured = reported(trained, options.batch) if gpu else None
        ratio = format_number(round(predicted / measured, 3)) if measured else "-"
        rows.append((precision, format_bytes(predicted), format_bytes(measured) if measured else "-", ratio))
    print_table(rows)


if __name__ == "__main__":
    main()
