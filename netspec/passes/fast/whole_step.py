"""Passes that change how a whole step runs, and no single operation of it.

``channels-last``
    Shapes stay N,C,H,W, but in memory the channels of a pixel lie side by side: of 96x55x55, the 96 numbers of a pixel,
    not the 55 x 55 of a channel. Matrix units multiply such runs as they are; cuDNN rearranges other maps first. No
    number changes except by the order in which the library adds up products.
``fused-update``
    torch has kernels for the rules SGD and Adam. It has none for RMSProp, AdaDelta, LARS and LAMB, and none for AdaGrad
    with a constant in the root.
``kept-memory``
    By default, large blocks are returned to the system as soon as a step frees them. When the next step allocates the
    same amount again, the system provides and clears the memory page by page. Every operation fills what it allocates,
    whatever the block contains.
``cudnn-benchmark``
    cuDNN has several algorithms for a convolution and each of its gradients. By default it chooses by a heuristic. With
    benchmarking it tries the algorithms the first time it encounters a shape, and keeps the fastest.
``cuda-graph``
    A step of AlexNet launches hundreds of kernels, each prepared by Python, PyTorch and the driver. If the kernels are
    short, above all with small batches, the GPU waits for this work of the CPU. A graph holds the same kernels with the
    same addresses, so a replay computes what the step computed. What differs from step to step, images, labels and the
    keys of random numbers, is copied to these addresses before each replay.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph
from netspec.ir.ops import Conv, Deconv, RandomScale
from netspec.ir.rules import Adam, Sgd
from netspec.passes.fast.model import Forms, Pass


def _put_channels_last(graph: Graph, forms: Forms) -> Forms:
    return replace(forms, channels_last=True) if graph.input.output.is_image else forms


def _fuse_update(graph: Graph, forms: Forms) -> Forms:
    return replace(forms, fused_update=True) if isinstance(graph.train.rule, Sgd | Adam) else forms


def _keep_memory(graph: Graph, forms: Forms) -> Forms:
    return replace(forms, kept_memory=True)


def _benchmark(graph: Graph, forms: Forms) -> Forms:
    convolutions = any(isinstance(node.op, Conv | Deconv) for node in graph.nodes.values())
    return replace(forms, benchmarked=True) if convolutions else forms


def _record(graph: Graph, forms: Forms) -> Forms:
    """Record steps, unless sizes are drawn anew in each step, or weights are updated before the end of a batch: what is
    recorded is the computation of a whole batch's gradients."""
    random_sizes = any(isinstance(node.op, RandomScale) for node in graph.nodes.values())
    early_updates = graph.train.accumulate > 1 and any(p.update_every for p in graph.parameters.values())
    return forms if random_sizes or early_updates else replace(forms, recorded=True)


CHANNELS_LAST = Pass(
    "channels-last",
    "channels lie side by side in memory",
    "the same products, summed in another order",
    lambda where: where.device == "cuda" and where.precision == "bf16",
    {
        "cpu": "off: pooling and normalisation gain what convolutions lose",
        "cuda": "on in bf16, where matrix units read channels side by side",
    },
    _put_channels_last,
)

FUSED_UPDATE = Pass(
    "fused-update",
    "weights and what the optimiser remembers are updated in one pass over memory, with one launch for all of the "
    "same rates",
    "the same rule, rounded in another order",
    lambda where: True,
    {
        "cpu": "on: the update of AlexNet's weights takes half the time or less",
        "cuda": "on: one launch instead of four or more for each set of rates",
    },
    _fuse_update,
)

KEPT_MEMORY = Pass(
    "kept-memory",
    "memory that a step frees is kept for the next one",
    "the same bits",
    lambda where: where.device == "cpu",
    {
        "cpu": "on: a step of AlexNet spent an eighth of its time getting its memory again (GNU C library only)",
        "cuda": "off: PyTorch keeps a GPU's memory by itself",
    },
    _keep_memory,
    runs_on=("cpu",),
)

CUDNN_BENCHMARK = Pass(
    "cudnn-benchmark",
    "cuDNN tries its algorithms for each convolution in the first step, and keeps the fastest",
    "the same products, summed in another order",
    lambda where: where.device == "cuda",
    {
        "cpu": "off: cuDNN is for GPUs only",
        "cuda": "on: as careful scripts have it (torch.backends.cudnn.benchmark); not measured",
    },
    _benchmark,
    runs_on=("cuda",),
)

CUDA_GRAPH = Pass(
    "cuda-graph",
    "a step's forward and backward pass are recorded once, and launched at once from then on",
    "the same operations in the same order",
    lambda where: where.device == "cuda",
    {
        "cpu": "off: there is nothing to record there",
        "cuda": "on: hand-written AlexNet, compiled, took 22,139 images/s with CUDA graphs and max-autotune and 19,270 "
        "without, batch 128 (one H200)",
    },
    _record,
    runs_on=("cuda",),
)
