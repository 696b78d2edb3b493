"""The whole text of cuda-convnet's files for a net on two GPUs."""

from __future__ import annotations

from round_trip import BACKEND, reimported

from netspec.diff import compare
from netspec.net import loads

TWO = """\
net two rounding=up
gpus 2
default conv init=gaussian(0.01) neuron=relu
[image] input 3x16x16 range=255 mean=image
[conv1] conv filters=32 kernel=5 stride=2 bias=1
[norm1] lrn size=5 k=2 scale=1e-4 beta=0.75
[conv2] conv filters=64 kernel=3 pad=1 reads=all lr=0 bias_lr=0.002
[pool2] maxpool kernel=3 stride=2
[drop2] dropout rate=0.4 scaling=test
[fc3] fc outputs=10 init=gaussian(0.1) gpu=1
[prob] softmax
train epochs=5 batch=64 optimizer=sgd(lr=0.01, momentum=0.9, weight_decay=5e-4) schedule=dexp(factor=0.004, levels=4)
"""

LAYERS = """\
# Written by netspec. Another `netspec compile` overwrites this file as long as this line stands first.
# The net two, for cuda-convnet of 2012.
# The shape of its data, for netspec import: --input 3x16x16

[image]
type=data
dataIdx=0

[labels]
type=data
dataIdx=1

[conv1a]
type=conv
inputs=image
channels=3
filters=16
padding=0
stride=2
filterSize=5
initW=0.01
initB=1
partialSum=0
neuron=relu
gpu=0

[conv1b]
type=conv
inputs=image
channels=3
filters=16
padding=0
stride=2
filterSize=5
initW=0.01
initB=1
partialSum=0
neuron=relu
gpu=1

[norm1a]
type=cmrnorm
inputs=conv1a
channels=16
size=5

[norm1b]
type=cmrnorm
inputs=conv1b
channels=16
size=5

[conv2a]
type=conv
inputs=norm1a,norm1b
channels=16,16
filters=32,32
padding=1,1
stride=1,1
filterSize=3,3
initW=0.01,0.01
partialSum=0
neuron=relu

[conv2b]
type=conv
inputs=norm1a,norm1b
channels=16,16
filters=32,32
padding=1,1
stride=1,1
filterSize=3,3
initW=0.01,0.01
partialSum=0
neuron=relu
gpu=1

[pool2a]
type=pool
inputs=conv2a
pool=max
channels=32
sizeX=3
stride=2

[pool2b]
type=pool
inputs=conv2b
pool=max
channels=32
sizeX=3
stride=2

[drop2a]
type=hs
inputs=pool2a
keep=0.6

[drop2b]
type=hs
inputs=pool2b
keep=0.6

[fc3]
type=fc
inputs=drop2a,drop2b
outputs=10
initW=0.1,0.1
gpu=1

[prob]
type=softmax
inputs=fc3

[logprob]
type=cost.logreg
inputs=labels,prob
gpu=1
"""

SCHEDULES = "schedW=dexp[tgtFactor=250,noiseStdev=0,numSteps=4]\nschedB=dexp[tgtFactor=250,noiseStdev=0,numSteps=4]\n"
CONV1 = f"epsW=0.01\nepsB=0.01\nmomW=0.9\nmomB=0.9\nwc=0.0005\n{SCHEDULES}"
CONV2 = f"epsW=0,0\nepsB=0.002\nmomW=0.9,0.9\nmomB=0.9\nwc=0.0005,0.0005\n{SCHEDULES}"
FC3 = f"epsW=0.01,0.01\nepsB=0.01\nmomW=0.9,0.9\nmomB=0.9\nwc=0.0005,0.0005\n{SCHEDULES}"
PARAMS = f"""\
# Written by netspec. Another `netspec compile` overwrites this file as long as this line stands first.
# The net two, for cuda-convnet of 2012.
# Options for the command line of convnet.py: --epochs=5 --mini=64

[conv1a]
{CONV1}
[conv1b]
{CONV1}
[norm1a]
scale=0.0001
pow=0.75
minDiv=2

[norm1b]
scale=0.0001
pow=0.75
minDiv=2

[conv2a]
{CONV2}
[conv2b]
{CONV2}
[drop2a]
enable=true

[drop2b]
enable=true

[fc3]
{FC3}
[logprob]
coeff=1
topk=5
"""


def test_files_of_2012_for_two_gpus() -> None:
    files = BACKEND.emit(loads(TWO))
    assert (files.layers, files.params, files.warnings) == (LAYERS, PARAMS, ())


def test_files_of_version_2_for_two_gpus() -> None:
    files = BACKEND.emit(loads(TWO), "v2")
    layers = LAYERS.replace("for cuda-convnet of 2012", "for cuda-convnet version 2")
    layers = layers.replace("partialSum=0", "sumWidth=4").replace("type=hs", "type=dropout2").replace("keep=0.6\n", "")
    assert files.layers == layers
    schedule = "dexp[base=0.01;tgtFactor=250;numSteps=4]"
    assert f"epsW={schedule}\nepsB={schedule}" in files.params
    assert "enable=true\nkeep=0.6" in files.params and "sched" not in files.params


def test_default_version_is_the_oldest_that_can_express_the_spec() -> None:
    assert BACKEND.emit(loads(TWO)).dialect == "2012"
    assert BACKEND.emit(loads(TWO.replace(" scaling=test", ""))).dialect == "v2"


def test_generated_names_do_not_collide_with_layer_names() -> None:
    text = TWO.replace("[norm1]", "[conv1a]")
    net = loads(text)
    again = reimported(BACKEND.emit(net), net.graph)
    assert compare(net, again).function == "same"
