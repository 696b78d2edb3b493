"""Networks that together cover everything whose placement on several devices can differ."""

from __future__ import annotations

import re

from places import SPECS

BRANCHING = """\
net branching
gpus 2
default conv neuron=relu
[image] input 4x8x8
[a] conv filters=8 kernel=3 pad=1 max_norm=1.25
[norm1] lrn size=5 k=2 alpha=0.1 beta=0.75 reads=all
[b] conv filters=8 kernel=3 pad=1 reads=all
[c] conv filters=8 kernel=3 pad=1 reads=all weights=b
[both] sum inputs=b,c
[bn] batchnorm
[two] conv filters=8 kernel=1,3 pad=0,1 inputs=bn,norm1 reads=all min_std=0.5,none max_norm=none,1
[half] slice channels=4 first=2
[rest] slice channels=4 inputs=two
[again] concat inputs=half,rest
[mixed] shuffle groups=2
[pool] maxpool kernel=2 stride=2
[left] conv filters=4 kernel=3 pad=1 inputs=pool gpu=0 table=0+3,1+2,0+7,4+5+6
[right] conv filters=4 kernel=3 pad=1 inputs=pool gpu=1
[joined] concat inputs=left,right
[lifted] affine init=gaussian(0.5) bias=0.1
[bent] prelu
[own] local filters=8 kernel=3 init=he max_norm=1.5
[drop1] dropout rate=0.4
[fc1] fc outputs=16 neuron=relu reads=all fixed_norm=1.5
[drop2] dropout scaling=test
[fc2] fc outputs=16
[bent2] prelu shared=yes init=constant(0.5) decay=1e-3
[scores] fc outputs=6 gpu=1
[cost] crossentropy
[aux] fc outputs=6 inputs=own reads=all
[auxcost] crossentropy loss_weight=0.3
train batch=8 optimizer=sgd(lr=0.01, momentum=0.9, weight_decay=5e-4)
"""
"""Normalisation across groups, shared weights, several inputs, layers placed on one GPU, batch normalisation, locally
connected filters, a connection table, per-channel coefficients and slopes, a slope for all channels, bounds on weights,
both kinds of dropout, two losses; channels that are taken from the groups' shares and rearranged within them.
"""

IN_PARTS = BRANCHING.replace("train batch=8", "train batch=8 accumulate=2").replace(
    "[fc1] fc", "[fc1] fc update_every=1"
)
"""``BRANCHING`` with batches accumulated in two parts; one layer is updated after each part."""

TOWERS = """\
net towers
gpus 4
[image] input 3x8x8
[a] conv filters=4 kernel=3 gpu=0 inputs=image
[b] conv filters=4 kernel=3 gpu=1 inputs=image
[c] conv filters=4 kernel=3 gpu=2 inputs=b
[d] conv filters=4 kernel=3 gpu=3 inputs=b
[c2] conv filters=4 kernel=1 gpu=1 inputs=c
[wide] conv filters=8 kernel=1 gpu=all inputs=c2
[upper] slice channels=4 first=4 gpu=all inputs=wide
[some] slice channels=2 first=1 inputs=d
[turned] shuffle groups=2 inputs=c2 gpu=all
[ab] concat inputs=c,d
[own] conv filters=8 kernel=3 gpu=all neuron=nrelu
[across] lrn size=5 k=2 alpha=1e-2 beta=0.75 reads=all
[f] fc outputs=8 inputs=across,upper,a,some,turned
[drop] dropout
[last] fc outputs=4 gpu=2
[prob] softmax
train batch=8 optimizer=sgd(lr=0.01, momentum=0.9)
"""
"""Four groups, of which a device may hold four, two or one; values sent from one device to another or to all; noise."""

PLAIN = """\
net plain
[image] input 3x10x10
[scaled] randomscale size=8 max_scale=1.25
[conv] conv filters=8 kernel=3 bias=none
[norm] batchnorm neuron=relu
[drop] dropout
[bent] prelu
[fc] fc outputs=8 neuron=nrelu(0.5)
[bent2] prelu weights=bent
[drop2] dropout scaling=test
[taken] slice channels=6 first=1
[mixed] shuffle groups=3
[scores] fc outputs=4
[prob] softmax
train batch=8 optimizer=sgd(lr=0.01, momentum=0.9)
"""
"""No groups, so that it can only be split by batch and by feature; dropout and noise; images of a random
size; slopes that layers of both kinds share; features that are taken and rearranged."""

SMALL_ALEXNET = (
    re.sub(" -> .*", "", (SPECS / "alexnet-tiny.net").read_text("utf-8"))
    .replace("3x224x224", "3x64x64")
    .replace("crop=224 from=256", "crop=64 from=72")
)
"""AlexNet's topology at an eighth of its width, on images a twelfth of its size; their last windows overhang too."""

MODERN = """\
net modern
gpus 2
default conv  init=gaussian(0.3)
default fc    init=gaussian(0.3)
[image] input 3x12x12
[stem] conv filters=8 kernel=4 stride=4
[norm] layernorm eps=1e-6
[deep] conv filters=8 kernel=3 pad=1 groups=4
[norm1] layernorm eps=1e-6 groups=2
[wide] conv filters=16 kernel=1 neuron=gelu
[thin] conv filters=8 kernel=1 reads=all
[scale] affine bias=none init=constant(0.5)
[path] dropout over=images rate=0.4
[sum1] sum inputs=norm,path
[conv2] conv filters=12 kernel=3 pad=1
[gn2] groupnorm groups=3 affine=no neuron=relu
[drop2] dropout over=channels rate=0.3 scaling=test
[pool] avgpool kernel=global
[norm3] layernorm
[fc3] fc outputs=8 reads=all
[gn3] groupnorm groups=2
[fc4] fc outputs=5 gpu=0
[norm4] layernorm
[prob] softmax
"""
"""Layer and group normalisation, and dropout of channels and images, in two groups and in one."""


ENLARGING = """\
net enlarging
gpus 2
default conv    init=gaussian(0.3)
default deconv  init=gaussian(0.3)  bias=0.1
[image] input 3x6x6
[down] conv filters=8 kernel=4 stride=2 pad=1 neuron=relu
[first] deconv filters=8 kernel=3 stride=2 pad=1,0,1,0
[mixed] deconv filters=12 kernel=2 reads=all neuron=relu
[deep] deconv filters=12 kernel=3 pad=1 groups=3
[wide] deconv filters=8 kernel=4 stride=2 pad=1 inputs=image
[two] deconv filters=8 kernel=2,3 stride=2,1 inputs=deep,wide
[again] deconv filters=8 kernel=3 stride=2 pad=0,1,0,1 inputs=first weights=first
[own] deconv filters=4 kernel=2 pad=-1,-1,0,0 gpu=1
[scores] fc outputs=5 inputs=two,own gpu=0
[prob] softmax
train batch=8 optimizer=sgd(lr=0.01, momentum=0.9, weight_decay=5e-4)
"""
"""Transposed convolutions that read all channels or those of their group, in groups, of several inputs, with shared
weights, on one GPU; their weights are divided along the first or the second axis."""


def convnext(depths: tuple[int, ...], widths: tuple[int, ...], image: int, classes: int, drop: float = 0.1) -> str:
    """Return a ConvNeXt (Liu et al., 2022) as a spec.

    ``depths`` are the numbers of blocks in its stages, ``widths`` their channels. The rate of stochastic depth grows
    linearly, from 0 in the first block to ``drop`` in the last one.
    """
    lines = ["net convnext", "default layernorm eps=1e-6", f"[image] input 3x{image}x{image}"]
    lines += [f"[stem] conv filters={widths[0]} kernel=4 stride=4", "[s0] layernorm"]
    above, block = "s0", 0
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True), 1):
        if stage > 1:
            lines += [f"[norm{stage}] layernorm", f"[down{stage}] conv filters={width} kernel=2 stride=2"]
            above = f"down{stage}"
        for _ in range(depth):
            rate, block = drop * block / (sum(depths) - 1), block + 1
            lines += [
                f"[d{block}] conv filters={width} kernel=7 pad=3 groups={width}",
                f"[n{block}] layernorm",
                f"[w{block}] conv filters={4 * width} kernel=1 neuron=gelu",
                f"[p{block}] conv filters={width} kernel=1",
                f"[g{block}] affine bias=none init=constant(1e-6)",
                f"[x{block}] dropout over=images rate={rate:.6g}",
                f"[s{block}] sum inputs={above},x{block}",
            ]
            above = f"s{block}"
    lines += ["[pool] avgpool kernel=global", "[norm] layernorm", f"[fc] fc outputs={classes}", "[prob] softmax", ""]
    return "\n".join(lines)
