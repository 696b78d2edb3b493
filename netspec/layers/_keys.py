"""Keys that several layer types have, other than those of windows."""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.ops.scaling import MAX_FACTOR
from netspec.keys import HE, IDENTITY, ZERO, BiasInit, Choice, GpuPlace, Init, Key, LayerNames, NeuronWord, Whole
from netspec.keys.learning import BOUNDS, LEARNING, SUPER_EPS

INPUTS = Key("inputs", LayerNames(), "the layers to read", default=None, default_text="the layer above")
GPU = Key(
    "gpu",
    GpuPlace(),
    "the GPU group on which the whole layer is placed. 0,1,2: a whole replica on each of these groups, which share the "
    "images of a batch. all: split over the groups",
    default=None,
    default_text="as the first input",
)
NEURON = Key(
    "neuron",
    NeuronWord(),
    "the activation function applied to the output",
    default=IDENTITY,
    default_text="linear",
    affects_shape=False,
)
READS = Key(
    "reads",
    Choice(("own", "all")),
    "what a group reads of an input that is split over the GPU groups: its own share, or all of it",
    default="own",
)
FACTOR = Key("factor", Whole(high=MAX_FACTOR), "the side of a square", unit="pixels")
PLACED = (INPUTS, GPU)
USUAL = (INPUTS, NEURON, GPU)

INIT = Key(
    "init",
    Init(),
    "the distribution of the initial weights",
    default=HE,
    default_text="he",
    per_input=True,
    affects_shape=False,
)
INIT_OF_KERNELS = replace(INIT, kind=Init(of_kernels=True))
BIAS = Key(
    "bias",
    BiasInit(),
    "the initial biases: a number or a distribution. none: the layer has no biases",
    default=ZERO,
    default_text="0",
    affects_shape=False,
)
WEIGHTS_OF = Key(
    "weights", LayerNames(), "an earlier layer whose weights are used", default=None, default_text="own weights"
)
_LEARNT = (BIAS, WEIGHTS_OF, *LEARNING, SUPER_EPS)
WEIGHTED = (INIT, *_LEARNT, *BOUNDS, READS)
LEARNT_KERNELS = (INIT_OF_KERNELS, *_LEARNT)
WEIGHTED_KERNELS = (*LEARNT_KERNELS, *BOUNDS, READS)
