"""What a spec calls what other tools call otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping

UNAMBIGUOUS = {
    # layer types
    "avgpool": "adaptiveavgpool averagepool averagepooling gap globalaveragepool globalaveragepooling globalavgpool "
    "subsample subsampling",
    "batchnorm": "bn",
    "binarycrossentropy": "bce bceloss bcewithlogitsloss sigmoidcrossentropyloss",
    "concat": "cat merge",
    "contrast": "cnorm",
    "crossentropy": "costlogreg logreg loss nllloss softmaxcrossentropy softmaxloss softmaxwithloss",
    "deconv": "convolutiontranspose convtranspose deconvolution fractionallystridedconv transposeconv "
    "transposedconv transposedconvolution upconv upconvolution",
    "dropout": "hs",
    "edgepad": "edgepadding replicatepad replicationpad replicationpadding",
    "fc": "dense fullyconnected innerproduct linear",
    "groupnorm": "gn",
    "hardsigmoid": "hsigmoid",
    "hardswish": "hswish",
    "input": "data",
    "layernorm": "ln",
    "linear": "identity none",
    "logistic": "sigmoid",
    "lrn": "cmrnorm localresponsenorm localresponsenormalization norm",
    "max": "eltmax maxout",
    "maxpool": "adaptivemaxpool globalmaxpooling pooling",
    "mirror": "href",
    "pixelshuffle": "depthtospace subpixel",
    "pixelunshuffle": "spacetodepth",
    "prelu": "parametricrelu",
    "product": "mul multiply scalechannels times",
    "reflectpad": "mirrorpad mirrorpadding reflectionpad reflectionpadding",
    "shuffle": "channelshuffle shufflechannel",
    "silu": "swish",
    "slice": "narrow split",
    "softrelu": "softplus",
    "squarederror": "euclideanloss mse mseloss",
    "sum": "add addition elementwise elementwisesum eltsum shortcut skip",
    "upsample": "upsampling",
    "zeropad": "pad",
    # keys
    "class_weights": "classweight",
    "beta": "pow",
    "bias": "biasfiller biasinitializer biasterm initb",
    "bias_lr": "epsb",
    "bias_momentum": "momb",
    "bias_schedule": "schedb",
    "colour": "coloraugment",
    "cutmix": "cutmixalpha",
    "decay": "kernelregularizer l2 wc",
    "epochs": "maxepoch maxepochs",
    "eps": "delta",
    "factor": "gamma",
    "filters": "channels featuremaps nfilters numkernels outchannels outplanes outputchannels planes",
    "first": "begin start",
    "flip": "mirror",
    "from": "resize",
    "groups": "cardinality",
    "init": "initw kernelinitializer weightfiller weightinit",
    "inputs": "bottom bottoms inputlayer parent parents src",
    "k": "bias mindiv",
    "kernel": "filtershape filtersize ksize poolsize size sizex window windowsize",
    "lr": "baselr epsw learningrate",
    "max_norm": "wball",
    "mixup": "mixupalpha",
    "momentum": "momw",
    "neuron": "act activation nonlinearity",
    "optimizer": "lr momentum",
    "outputs": "classes features hidden nout numclasses numunits outfeatures outputdim units",
    "rate": "dropout dropoutratio dropprob p prob ratio",
    "schedule": "lrpolicy lrschedule lrscheduler scheduler schedw",
    "shared": "channelshared",
    "size": "localsize",
    "slope": "negativeslope",
    "std": "sigma",
    "steps": "iterations maxiter maxiters maxsteps multistep multisteplr numsteps",
    "table": "connectiontable conntable",
    "views": "crops",
    "weights": "weightsource",
    # values and arguments of keys, settings and claims
    "augment": "augmentation transform transforms",
    "class": "labels",
    "connections": "macs madd madds multadd multadds multiplyadd multiplyadds",
    "depth": "layers learnedlayers nlayers numlayers weightlayers",
    "parameters": "learnableparameters nparams numparams param params totalparams trainableparameters trainableparams",
    "cosine": "cosineannealing cosineannealinglr",
    "down": "floor",
    "every": "firstdecaysteps stepsize t0",
    "gaussian": "normal randomnormal",
    "he": "henormal kaiming kaimingnormal msra",
    "horizontal": "yes",
    "images": "row samples",
    "mult": "tmul tmult",
    "none": "no",
    "onecycle": "onecyclelr",
    "pca": "lighting",
    "peak": "pctstart",
    "restarts": "cosineannealingwarmrestarts cosinedecayrestarts sgdr",
    "rho": "beta2 rmsdecay",
    "start": "initialaccumulatorvalue",
    "train": "optim solver trainer training",
    "trust": "eeta trustcoeff trustcoefficient",
    "uniform": "randomuniform",
    "up": "ceil",
    "weight_decay": "decay wd",
    "xavier": "glorot glorotuniform xavieruniform",
}
"""Words of other tools that mean one thing, by the word of a spec for it."""

AMBIGUOUS = {
    "alpha": ("slope", "rho"),
    "colorjitter": ("jitter", "colour"),
    "drop": ("dropout", "rate"),
    "eltwise": ("sum", "product", "max"),
    "epsilon": ("eps_in_root", "eps"),
    "false": ("no", "none"),
    "hflip": ("horizontal", "flip"),
    "interpolate": ("upsample", "resize"),
    "maps": ("filters", "channels"),
    "n": ("size", "outputs"),
    "neurons": ("outputs", "units"),
    "numoutput": ("filters", "outputs"),
    "padding": ("pad", "zeropad"),
    "pool": ("maxpool", "kernel"),
    "scale": ("affine", "from"),
    "shape": ("kernel", "size"),
    "true": ("yes", "horizontal"),
    "weightdecay": ("decay", "optimizer"),
}
"""Words of other tools that mean one thing or another, with those of a spec, the likelier first."""

WORDS: Mapping[str, tuple[str, ...]] = {
    **{other: (own,) for own, others in UNAMBIGUOUS.items() for other in others.split()},
    **AMBIGUOUS,
}
"""Words of other tools, as ``plain_word`` returns them, and the words of a spec for the same things."""


def plain_word(word: str) -> str:
    """Return a word without what tools write differently: ``convtranspose`` for ``Conv2DTranspose`` and
    ``conv_transpose``."""
    return re.sub(r"[_-]|[123]d", "", word.lower())
