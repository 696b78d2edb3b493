"""Specs of small networks with several layers, for comparing backends with each other."""

from __future__ import annotations

from networks import ENLARGING, MODERN

SPECS = {
    "alexnet-like": """
        net little  rounding=up
        gpus 2
        default conv  init=gaussian(0.3)  neuron=relu
        default fc    init=gaussian(0.3)  neuron=relu  reads=all
        [image] input 3x17x17
        [conv1] conv filters=8 kernel=5 stride=2 bias=0.1
        [norm1] lrn size=3 k=2 alpha=0.1 beta=0.75
        [pool1] maxpool kernel=3 stride=2
        [conv2] conv filters=8 kernel=3 pad=1 bias=0.2
        [conv3] conv filters=12 kernel=3 pad=1 reads=all
        [fc6] fc outputs=10
        [drop6] dropout rate=0.5 scaling=test
        [fc7] fc outputs=8
        [drop7] dropout rate=0.3
        [fc8] fc outputs=5 neuron=linear gpu=0
        [prob] softmax
    """,
    "several-inputs-and-shared-weights": """
        net joined
        default conv  init=gaussian(0.3)  kernel=3  pad=1
        [image] input 2x7x7
        [left] conv filters=4 neuron=tanh
        [right] conv filters=4 inputs=image neuron=logistic bias=none
        [both] conv filters=6 inputs=left,right neuron=relu bias=0.1
        [again] conv filters=6 inputs=right,left weights=both neuron=relu bias=0.3
        [twice] conv filters=4 inputs=image weights=left
        [back] deconv filters=2 kernel=3 pad=1 weights=left neuron=tanh
        [all] concat inputs=both,again,twice,back
        [scores] fc outputs=4 init=gaussian(0.2)
        [fc2] fc outputs=3 inputs=scores,all init=gaussian(0.2)
    """,
    "two-losses": """
        net twofold
        [image] input 3x8x8
        [conv1] conv filters=6 kernel=3 init=gaussian(0.3) bias=none
        [bn1] batchnorm
        [relu1] relu
        [side] fc outputs=5 init=gaussian(0.2)
        [drop] dropout inputs=relu1 rate=0.4
        [main] fc outputs=5 init=gaussian(0.2)
        [loss1] crossentropy inputs=side loss_weight=0.3
        [loss2] squarederror inputs=main
        [loss3] binarycrossentropy inputs=main loss_weight=0.25
    """,
    "squeezed-and-excited": """
        net excited
        gpus 2
        default conv  init=gaussian(0.3)
        default fc    init=gaussian(0.3)
        [image] input 3x6x6
        [conv1] conv filters=8 kernel=3 neuron=silu
        [squeeze] avgpool kernel=global
        [fc1] fc outputs=4 neuron=gelu reads=all
        [fc2] fc outputs=8 neuron=logistic
        [excited] product inputs=conv1,fc2 neuron=hardswish
        [gates] conv filters=8 kernel=1 inputs=squeeze neuron=tanh
        [all] product inputs=gates,fc2,excited
        [fc3] fc outputs=6 reads=all
        [prob] softmax
    """,
    "modern-blocks-with-dropout": MODERN,
    "enlarging": ENLARGING,
    "gated-and-of-sets": """
        net several
        [image] input 3x6x6
        [conv1] conv filters=4 kernel=3 init=gaussian(0.3) bias=0.1 neuron=relu
        [gate] fc outputs=1 init=gaussian(0.3) neuron=logistic
        [small] gatedsumsquares inputs=gate,conv1 loss_weight=0.1
        [numbered] sumsquares gate=class inputs=gate loss_weight=0.3
        [near] topographic size=3 inputs=conv1 loss_weight=-0.2
        [fc2] fc outputs=11 init=gaussian(0.3) inputs=conv1
        [top] setcrossentropy size=4
        [likely] softmax inputs=fc2
        [each] binarycrossentropy of=probabilities inputs=likely
    """,
    "losses-of-pixels": """
        net dense
        default conv  init=gaussian(0.3)
        [image] input 3x9x9
        [in] conv filters=6 kernel=3 neuron=relu
        [down] conv filters=6 kernel=3 stride=2 neuron=tanh
        [side] conv filters=7 kernel=1
        [aux] crossentropy loss_weight=0.4
        [small] sumsquares inputs=down loss_weight=0.1
        [up] deconv filters=6 kernel=3 stride=2 inputs=down init=gaussian(0.3)
        [both] sum inputs=up,in
        [scores] conv filters=5 kernel=1
        [loss] crossentropy
    """,
    "one-loss": """
        net single
        [image] input 9
        [class] fc outputs=7 init=gaussian(0.4) neuron=softrelu
        [train] fc outputs=4 init=uniform(0.4) bias=none
        [forward] crossentropy
    """,
    "spread-and-in-parts": """
        net sparse  rounding=up
        default conv   init=gaussian(0.3)  bias=0.1
        default local  init=gaussian(0.3)  bias=0.2
        [image] input 4x6x7
        [once] conv filters=8 kernel=3 spread=2 groups=4 bias_per=unit neuron=tanh
        [two] conv filters=8 kernel=3 pad=1 inputs=once,once spread=2,1 groups=4,2 bias_per=unit
        [norm] lrn size=3 groups=4 k=2 alpha=0.2 beta=0.75
        [apart] local filters=4 kernel=2 stride=2 spread=3 groups=2 neuron=relu
        [again] local filters=4 kernel=2 stride=2 spread=3 groups=2 weights=apart inputs=norm
        [both] concat inputs=apart,again
        [runs] fc outputs=12 parts=4 init=gaussian(0.3)
        [more] fc outputs=6 inputs=runs,both parts=3,1 init=gaussian(0.3),gaussian(0.1)
    """,
    "spread-over-two-groups": """
        net pair
        gpus 2
        default conv  init=gaussian(0.3)  neuron=relu
        [image] input 4x6x6
        [first] conv filters=8 kernel=3 pad=1
        [wide] conv filters=8 kernel=3 spread=2 groups=4 bias_per=unit bias=0.1
        [norm] lrn size=3 groups=2 k=2 alpha=0.2 beta=0.75
        [alone] local filters=4 kernel=2 stride=2 groups=2 init=gaussian(0.3)
        [runs] fc outputs=8 parts=2 init=gaussian(0.3)
        [last] fc outputs=3 gpu=0 init=gaussian(0.3)
    """,
    "by-table": """
        net tabled
        default conv  init=gaussian(0.3)  table=0+2,1,0+1+2,1+2
        [image] input 3x8x8
        [c1] conv filters=4 kernel=3 neuron=tanh
        [c2] conv filters=4 kernel=3 pad=1 bias_per=unit bias=0.1 neuron=relu
        [c3] conv filters=4 kernel=3 inputs=image weights=c1 bias=none
        [c4] conv filters=4 kernel=4 stride=2 pad=1 inputs=image max_norm=0.5 neuron=relu
        [idle] conv filters=4 kernel=1 inputs=image
        [all] concat inputs=c2,c3
        [fc] fc outputs=6 init=gaussian(0.3) inputs=all,c4
    """,
    "of-each-channel": """
        net scaled
        gpus 2
        [image] input 3x6x6
        [c1] conv filters=4 kernel=3 init=gaussian(0.3)
        [s1] affine init=gaussian(0.5) bias=gaussian(0.2) neuron=tanh
        [s2] sumpool kernel=2
        [s3] affine bias=none neuron=relu
        [up] deconv filters=4 kernel=4x3 stride=2 groups=2 init=bilinear bias=none
        [fc] fc outputs=6 init=gaussian(0.3) gpu=0
        [s4] affine init=uniform(1) bias=0.1
    """,
    "of-learnt-slopes": """
        net bent
        gpus 2
        default conv  init=gaussian(0.3)
        [image] input 3x6x6
        [c1] conv filters=4 kernel=3
        [r1] prelu
        [c2] conv filters=4 kernel=3 reads=all
        [r2] prelu shared=yes init=uniform(0.5)
        [r3] prelu weights=r1
        [fc] fc outputs=6 init=gaussian(0.3) gpu=0
        [r4] prelu init=gaussian(0.3)
    """,
    "split-and-shuffled": """
        net mixed
        gpus 2
        default conv  init=gaussian(0.3)
        [image] input 3x6x6
        [c1] conv filters=12 kernel=3
        [kept] slice channels=4
        [read] slice channels=8 first=4 inputs=c1
        [c2] conv filters=8 kernel=1 groups=2 neuron=relu
        [both] concat inputs=kept,c2
        [mixed] shuffle groups=3 neuron=tanh
        [c3] conv filters=12 kernel=1 groups=3
        [whole] fc outputs=6 init=gaussian(0.3) gpu=0 inputs=c3
        [odd] slice channels=3 first=1
        [even] shuffle groups=2 inputs=whole
        [last] concat inputs=odd,even
    """,
    "spatial-attention": """
        net attentive
        gpus 2
        default conv  init=gaussian(0.3)
        [image] input 3x8x8
        [squares] pixelunshuffle factor=2
        [c1] conv filters=12 kernel=1 neuron=silu
        [best] channelmax groups=2 inputs=c1
        [mean] channelmean groups=2 inputs=c1
        [both] concat inputs=best,mean
        [c2] conv filters=8 kernel=3 pad=1
        [large] pixelshuffle factor=2
        [whole] conv filters=4 kernel=1 gpu=0
        [m1] channelmax
        [m2] channelmean inputs=whole
        [m] concat inputs=m1,m2
        [gate] conv filters=1 kernel=3 pad=1 neuron=logistic
        [units] fc outputs=4 neuron=logistic inputs=whole
        [gated] product inputs=gate,whole,units
        [number] fc outputs=1 neuron=logistic inputs=whole
        [last] product inputs=gated,gate,number
        [vector] fc outputs=6
        [scaled] product inputs=number,vector
    """,
    "noisy": """
        net noisy
        [image] input 3x8x8
        [scaled] randomscale size=6 max_scale=1.5
        [conv1] conv filters=4 kernel=3 init=gaussian(0.3) neuron=nrelu
        [pool1] maxpool kernel=2 stride=2
        [act1] nrelu std=0.25
        [drop1] dropout rate=0.5
        [fc2] fc outputs=5 init=gaussian(0.3)
    """,
    "unread-layers": """
        net idle
        [image] input 3x6x6
        [used] conv filters=4 kernel=3 init=gaussian(0.3)
        [idle] conv filters=4 kernel=3 inputs=image init=gaussian(0.3)
        [idle-drop] dropout rate=0.5
        [out] fc inputs=used outputs=3
    """,
}
