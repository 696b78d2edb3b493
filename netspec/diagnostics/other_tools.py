"""The words of other tools: their names in a spec, and notes on those that specs do not have."""

from __future__ import annotations

import re
from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, ...]] = {
    "act": ("neuron",),
    "activation": ("neuron",),
    "adaptiveavgpool": ("avgpool",),
    "adaptivemaxpool": ("maxpool",),
    "add": ("sum",),
    "addition": ("sum",),
    "alpha": ("slope",),
    "augmentation": ("augment",),
    "averagepool": ("avgpool",),
    "averagepooling": ("avgpool",),
    "baselr": ("lr",),
    "bce": ("binarycrossentropy",),
    "bceloss": ("binarycrossentropy",),
    "bcewithlogitsloss": ("binarycrossentropy",),
    "bias": ("k",),
    "biasfiller": ("bias",),
    "biasinitializer": ("bias",),
    "biasterm": ("bias",),
    "bn": ("batchnorm",),
    "bottom": ("inputs",),
    "bottoms": ("inputs",),
    "cardinality": ("groups",),
    "cat": ("concat",),
    "ceil": ("up",),
    "channels": ("filters",),
    "classes": ("outputs",),
    "cmrnorm": ("lrn",),
    "cnorm": ("contrast",),
    "connectiontable": ("table",),
    "conntable": ("table",),
    "cosine": ("exponential",),
    "costlogreg": ("crossentropy",),
    "crops": ("views",),
    "data": ("input",),
    "decay": ("weight_decay",),
    "dense": ("fc",),
    "drop": ("dropout", "rate"),
    "dropout": ("rate",),
    "dropoutratio": ("rate",),
    "dropprob": ("rate",),
    "elementwise": ("sum",),
    "elementwisesum": ("sum",),
    "eltmax": ("max",),
    "eltsum": ("sum",),
    "eltwise": ("sum", "product", "max"),
    "epsb": ("bias_lr",),
    "epsw": ("lr",),
    "euclideanloss": ("squarederror",),
    "false": ("no", "none"),
    "featuremaps": ("filters",),
    "features": ("outputs",),
    "filtershape": ("kernel",),
    "filtersize": ("kernel",),
    "floor": ("down",),
    "fullyconnected": ("fc",),
    "gamma": ("factor",),
    "gap": ("avgpool",),
    "gn": ("groupnorm",),
    "globalaveragepool": ("avgpool",),
    "globalaveragepooling": ("avgpool",),
    "globalavgpool": ("avgpool",),
    "globalmaxpooling": ("maxpool",),
    "glorot": ("xavier",),
    "glorotuniform": ("xavier",),
    "henormal": ("he",),
    "hflip": ("horizontal", "flip"),
    "hidden": ("outputs",),
    "href": ("mirror",),
    "hs": ("dropout",),
    "hsigmoid": ("hardsigmoid",),
    "hswish": ("hardswish",),
    "identity": ("linear",),
    "initb": ("bias",),
    "initw": ("init",),
    "innerproduct": ("fc",),
    "inputlayer": ("inputs",),
    "interpolate": ("resize",),
    "kaiming": ("he",),
    "kaimingnormal": ("he",),
    "kernelinitializer": ("init",),
    "kernelregularizer": ("decay",),
    "ksize": ("kernel",),
    "l2": ("decay",),
    "labels": ("class",),
    "learningrate": ("lr",),
    "linear": ("fc",),
    "ln": ("layernorm",),
    "localresponsenorm": ("lrn",),
    "localresponsenormalization": ("lrn",),
    "localsize": ("size",),
    "logreg": ("crossentropy",),
    "loss": ("crossentropy",),
    "lr": ("optimizer",),
    "lrpolicy": ("schedule",),
    "lrschedule": ("schedule",),
    "lrscheduler": ("schedule",),
    "macs": ("connections",),
    "madds": ("connections",),
    "maps": ("filters", "channels"),
    "maxepoch": ("epochs",),
    "maxepochs": ("epochs",),
    "maxout": ("max",),
    "merge": ("concat",),
    "mindiv": ("k",),
    "mirror": ("flip",),
    "momb": ("bias_momentum",),
    "momentum": ("optimizer",),
    "momw": ("momentum",),
    "mse": ("squarederror",),
    "mseloss": ("squarederror",),
    "msra": ("he",),
    "mul": ("product",),
    "multadds": ("connections",),
    "multiply": ("product",),
    "multistep": ("steps",),
    "multisteplr": ("steps",),
    "n": ("size", "outputs"),
    "negativeslope": ("slope",),
    "neurons": ("outputs",),
    "nfilters": ("filters",),
    "nllloss": ("crossentropy",),
    "no": ("none",),
    "none": ("linear",),
    "nonlinearity": ("neuron",),
    "norm": ("lrn",),
    "normal": ("gaussian",),
    "nout": ("outputs",),
    "numclasses": ("outputs",),
    "numkernels": ("filters",),
    "numoutput": ("filters", "outputs"),
    "numunits": ("outputs",),
    "optim": ("train",),
    "outchannels": ("filters",),
    "outfeatures": ("outputs",),
    "outplanes": ("filters",),
    "outputchannels": ("filters",),
    "outputdim": ("outputs",),
    "p": ("rate",),
    "padding": ("pad", "zeropad"),
    "parent": ("inputs",),
    "parents": ("inputs",),
    "planes": ("filters",),
    "pool": ("maxpool", "kernel"),
    "pooling": ("maxpool",),
    "poolsize": ("kernel",),
    "pow": ("beta",),
    "prob": ("rate",),
    "randomnormal": ("gaussian",),
    "randomuniform": ("uniform",),
    "ratio": ("rate",),
    "resize": ("from",),
    "row": ("images",),
    "samples": ("images",),
    "scale": ("affine", "from"),
    "scalechannels": ("product",),
    "schedb": ("bias_schedule",),
    "scheduler": ("schedule",),
    "schedw": ("schedule",),
    "shape": ("kernel", "size"),
    "shortcut": ("sum",),
    "sigma": ("std",),
    "sigmoid": ("logistic",),
    "sigmoidcrossentropyloss": ("binarycrossentropy",),
    "size": ("kernel",),
    "sizex": ("kernel",),
    "skip": ("sum",),
    "softmaxcrossentropy": ("crossentropy",),
    "softmaxloss": ("crossentropy",),
    "softmaxwithloss": ("crossentropy",),
    "softplus": ("softrelu",),
    "solver": ("train",),
    "src": ("inputs",),
    "stepsize": ("every",),
    "subsample": ("avgpool",),
    "subsampling": ("avgpool",),
    "swish": ("silu",),
    "times": ("product",),
    "trainer": ("train",),
    "training": ("train",),
    "transform": ("augment",),
    "transforms": ("augment",),
    "true": ("yes", "horizontal"),
    "units": ("outputs",),
    "upsample": ("resize",),
    "upsampling": ("resize",),
    "wball": ("max_norm",),
    "wc": ("decay",),
    "wd": ("weight_decay",),
    "weightdecay": ("decay", "optimizer"),
    "weightfiller": ("init",),
    "weightinit": ("init",),
    "weightsource": ("weights",),
    "window": ("kernel",),
    "windowsize": ("kernel",),
    "xavieruniform": ("xavier",),
    "yes": ("horizontal",),
}
"""Words of other tools, as ``plain_word`` returns them, and the words of a spec for the same things."""

_ACTIVATION = "netspec does not have this activation; netspec explain neuron lists those that it has"
_BLOCK = "a spec has no blocks: each layer is one line; branches start with inputs= and end in concat or sum"
_DEPTHWISE = "a depthwise convolution is conv with groups= set to the number of input channels"
_FEED_FORWARD = "netspec has feed-forward networks for images only, and no layer of this kind"
_NORMALISATION = (
    "the normalisations are batchnorm, layernorm and groupnorm, and of squares alone lrn (across channels), rnorm and "
    "contrast (both across pixels)"
)
_REARRANGED = "no layer splits or rearranges channels; reshape keeps the order of the values"
_TRANSPOSED = "a spec has no transposed convolution; resize step=0.5 doubles the sides of a map by interpolation"

ABSENT_TYPES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "celu",
            "crelu",
            "geglu",
            "glu",
            "hardtanh",
            "logsigmoid",
            "logsoftmax",
            "mish",
            "prelu",
            "reglu",
            "selu",
            "swiglu",
            "tanhshrink",
        ),
        _ACTIVATION,
    ),
    **dict.fromkeys(
        (
            "basicblock",
            "block",
            "bottleneck",
            "denseblock",
            "fire",
            "inception",
            "invertedresidual",
            "residual",
            "residualblock",
        ),
        _BLOCK,
    ),
    **dict.fromkeys(
        ("attention", "embedding", "gru", "lstm", "multiheadattention", "rnn", "transformer"), _FEED_FORWARD
    ),
    **dict.fromkeys(("l2norm", "normalize", "rmsnorm", "rmsnormalization"), _NORMALISATION),
    **dict.fromkeys(
        ("instancenorm", "instancenormalization"),
        "instance normalisation is groupnorm with as many groups as it reads channels",
    ),
    **dict.fromkeys(
        ("fastgelu", "gelufast", "gelunew", "gelutanh", "quickgelu"),
        "gelu is the exact function, x (1 + erf(x / sqrt 2)) / 2, and not an approximation of it",
    ),
    **dict.fromkeys(
        ("se", "seblock", "selayer", "semodule", "squeezeandexcitation", "squeezeexcitation", "squeezeexcite"),
        "squeeze and excitation is avgpool kernel=global, two fc layers, the second with neuron=logistic, and the "
        "product of what they make and what the avgpool reads",
    ),
    **dict.fromkeys(("channelshuffle", "permute", "pixelshuffle", "shuffle", "slice", "split"), _REARRANGED),
    **dict.fromkeys(
        (
            "convtranspose",
            "convolutiontranspose",
            "deconv",
            "deconvolution",
            "transposedconv",
            "transposedconvolution",
            "upconv",
            "upconvolution",
        ),
        _TRANSPOSED,
    ),
    **dict.fromkeys(("maxunpool", "unpool", "unpooling"), "there is no unpooling; resize enlarges maps"),
    "alphadropout": "what dropout drops is 0, and not another number",
    **dict.fromkeys(
        ("channeldropout", "featuredropout", "spatialdropout"), "dropout of whole maps is dropout over=channels"
    ),
    **dict.fromkeys(("droppath", "stochasticdepth"), "stochastic depth is dropout over=images on a branch of a sum"),
    **dict.fromkeys(("dropblock", "dropconnect"), "dropout drops units, channels or whole images: over="),
    "layerscale": "a learnt coefficient for each channel is affine bias=none init=constant(1e-6)",
    **dict.fromkeys(("depthwise", "depthwiseconv", "depthwiseconvolution", "dwconv"), _DEPTHWISE),
    **dict.fromkeys(
        ("depthwiseseparable", "depthwiseseparableconv", "separable", "separableconv", "sepconv"),
        "write two layers: conv with groups= set to the number of input channels, then conv kernel=1",
    ),
    **dict.fromkeys(("pointwise", "pointwiseconv"), "a pointwise convolution is conv kernel=1"),
    **dict.fromkeys(("groupconv", "groupedconv"), "a grouped convolution is conv with groups="),
    **dict.fromkeys(
        ("unflatten", "view"),
        "flatten makes a vector of a map, and reshape size=3x32x32 a map of a vector; fc reads maps as they are",
    ),
    "activation": "an activation is neuron= of the layer before it, or a layer by its own name: relu, tanh",
    "accuracy": "netspec train and netspec eval always measure top-1 and top-5",
}
"""Layers that other tools have and specs do not, with a note on each. No similar spelling is suggested for them."""

_CHANNELS_READ = "the number of input channels or features is that of the layer that is read"
_NO_AXES = "axes cannot be chosen: images are channels x height x width, and channels are joined"
_ONE_SIZE = "height and width are one value: 3x5; padding of single sides is pad=left,right,top,bottom"
_OWN_LAYER = "it is a separate layer"

ABSENT_KEYS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "channelsin",
            "indim",
            "normalizedshape",
            "numchannels",
            "infeatures",
            "inchannels",
            "inplanes",
            "inputchannels",
            "inputdim",
            "inputshape",
            "inputsize",
            "numfeatures",
        ),
        _CHANNELS_READ,
    ),
    **dict.fromkeys(("axis", "dataformat", "dim", "startdim"), _NO_AXES),
    **dict.fromkeys(("kernelh", "kernelw", "padh", "padw", "strideh", "stridew"), _ONE_SIZE),
    **dict.fromkeys(("batchnorm", "bn", "norm", "usebn"), f"{_OWN_LAYER}: [bn1] batchnorm neuron=relu"),
    **dict.fromkeys(("drop", "dropout"), f"{_OWN_LAYER}: [drop1] dropout rate=0.5"),
    **dict.fromkeys(
        ("droppath", "droppathrate", "stochasticdepth"), f"{_OWN_LAYER}: [path1] dropout over=images rate=0.1"
    ),
    **dict.fromkeys(("pool", "pooling"), f"{_OWN_LAYER}: [pool1] maxpool kernel=2"),
    **dict.fromkeys(("depthmultiplier", "depthwise"), f"{_DEPTHWISE}, and filters= a multiple of it"),
    **dict.fromkeys(
        ("flatten", "reshape", "view"),
        f"{_OWN_LAYER}, [flat] flatten, which fc does not need: it reads maps as they are",
    ),
    "ceilmode": "ceil_mode=true is rounding=caffe here, ceil_mode=false is rounding=down",
    "countincludepad": "an average counts only real pixels; for zeros that count, put a zeropad layer before it",
    "depthradius": "size= is the whole window, in channels: 2 * depth_radius + 1",
    "keepprob": "rate= is the probability of dropping a unit: 1 - keep_prob",
    "labelsmoothing": "it is a key of the train line: train label_smoothing=0.1",
    "name": "the name of a layer is written before its type, in brackets: [conv1] conv ...",
    "noiseshape": "over= says what is dropped together: over=channels, over=images",
    "operation": "the operation is the layer's type: sum, product or max",
    "paddingmode": "padding is always zeros",
    "reduction": "a loss is always the mean over the batch",
    "scalefactor": "step= is the inverse: step=0.5 doubles the sides",
    "trainable": "lr=0 keeps a layer's weights as they are",
}
"""Keys that other tools have and specs do not, with a note on how a spec expresses each."""


ABSENT_SETTINGS: Mapping[str, str] = {
    **dict.fromkeys(
        ("gamma", "milestones", "stepsize"),
        "the numbers of a schedule are written in parentheses: schedule=step(every=30, factor=0.1)",
    ),
    **dict.fromkeys(
        ("iterations", "maxiter", "maxsteps", "numsteps", "steps"),
        "the length of a training is given in epochs, or in steps on the command line: netspec train --steps 1000",
    ),
    **dict.fromkeys(("amp", "fp16", "mixedprecision"), "precision=bf16 computes layers in bfloat16"),
    "loss": "a loss is a layer, [loss] crossentropy; without one it is the cross-entropy of the last softmax's scores",
    "name": "a net's name follows the word: net alexnet",
}
"""The same for keys of settings."""

PARAMETERS = ("params", "parameters", "numparams", "nparams")
ABSENT_COUNTS: Mapping[str, str] = {
    **dict.fromkeys(PARAMETERS, "parameters are weights and biases; a claim counts the weights: weights=150"),
    **dict.fromkeys(("bias", "biases"), "a claim does not count the biases"),
    "flops": "a claim counts connections, which are multiply-accumulates of two FLOPs each",
}
"""Counts that other tools have and claims do not, with a note on each."""


def absent_key(word: str, layer_type: str) -> str | None:
    """Return the note on a key of other tools that ``layer_type`` does not have, ``None`` for an unknown key.

    There is no note either if it would tell the user to write a layer of this very type.
    """
    note = ABSENT_KEYS.get(plain_word(word))
    return None if note is None or (note.startswith(_OWN_LAYER) and f"] {layer_type} " in note) else note


def plain_word(word: str) -> str:
    """Return a word without what tools write differently: ``convtranspose`` for ``Conv2DTranspose`` and
    ``conv_transpose``."""
    return re.sub(r"[_-]|[123]d", "", word.lower())
