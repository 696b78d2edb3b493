"""The words of other tools: their names in a spec, and notes on those that specs do not have."""

from __future__ import annotations

import re
from collections.abc import Mapping

from netspec.diagnostics.other_augmentations import AUGMENTATIONS

_NAMED = {
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
    "outputs": "classes features hidden neurons nout numclasses numunits outfeatures outputdim units",
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
    "connections": "macs madds multadds",
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

_AMBIGUOUS = {
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
    **{other: (own,) for own, others in _NAMED.items() for other in others.split()},
    **_AMBIGUOUS,
}
"""Words of other tools, as ``plain_word`` returns them, and the words of a spec for the same things."""

_ACTIVATION = "netspec does not have this activation; netspec explain neuron lists those that it has"
_BLOCK = "a spec has no blocks: each layer is one line; branches start with inputs= and end in concat or sum"
DEPTHWISE = "a depthwise convolution is conv with groups= set to the number of input channels"
_FEED_FORWARD = "netspec has feed-forward networks for images only, and no layer of this kind"
_NORMALISATION = (
    "the normalisations are batchnorm, layernorm and groupnorm, and of squares alone lrn (across channels), rnorm and "
    "contrast (both across pixels)"
)
_REARRANGED = (
    "no layer turns axes into others; shuffle rearranges channels, pixelshuffle makes pixels of them, and "
    "pixelunshuffle channels of pixels"
)

ABSENT_TYPES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("celu", "crelu", "geglu", "glu", "hardtanh", "logsigmoid", "reglu", "rrelu", "selu", "softmin", "swiglu"),
            *("tanhshrink", "thresholdedrelu"),
        ),
        _ACTIVATION,
    ),
    **dict.fromkeys(
        (
            *("basicblock", "block", "bottleneck", "denseblock", "fire", "inception", "invertedresidual", "residual"),
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
    "infogainloss": "a spec has no loss with a matrix of the gains of classes; the numbers of a diagonal one are train "
    "class_weights=1,5,5, and the loss is then divided by the sum of the weights, not by the number of images",
    "permute": _REARRANGED,
    "chunk": "slice channels= takes the channels of one part, from channel first= on; each part is a layer",
    **dict.fromkeys(("maxunpool", "unpool", "unpooling"), "there is no unpooling; upsample and deconv enlarge maps"),
    **dict.fromkeys(
        ("alphadropout", "featurealphadropout", "gaussiandropout"), "what dropout drops is 0, and not another number"
    ),
    **dict.fromkeys(
        (
            *("dice", "diceloss", "focal", "focalloss", "generalizeddice", "generalizeddiceloss", "iouloss", "jaccard"),
            *("jaccardloss", "lovasz", "lovaszloss", "softdice", "softdiceloss", "tversky", "tverskyloss"),
        ),
        "the loss of masks is the cross-entropy of their pixels, which a network of maps has without a layer for it; "
        "there is none of overlaps, and none with a focus",
    ),
    **AUGMENTATIONS,
    "cropping": "crop size= is the side of what is left, top= and left= its place",
    "fractionalmaxpool": "the windows of a pooling are of one size, and so are the distances between them",
    **dict.fromkeys(
        ("channeldropout", "featuredropout", "spatialdropout"), "dropout of whole maps is dropout over=channels"
    ),
    **dict.fromkeys(("droppath", "stochasticdepth"), "stochastic depth is dropout over=images on a branch of a sum"),
    **dict.fromkeys(("dropblock", "dropconnect"), "dropout drops units, channels or whole images: over="),
    "layerscale": "a learnt coefficient for each channel is affine bias=none init=constant(1e-6)",
    **dict.fromkeys(("depthwise", "depthwiseconv", "depthwiseconvolution", "dwconv"), DEPTHWISE),
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
    "logsoftmax": "a softmax is [prob] softmax, and its logarithm is a part of the loss, crossentropy",
    "accuracy": "netspec train and netspec eval always measure top-1 and top-5",
}
"""Layers that other tools have and specs do not, with a note on each. No similar spelling is suggested for them."""


def plain_word(word: str) -> str:
    """Return a word without what tools write differently: ``convtranspose`` for ``Conv2DTranspose`` and
    ``conv_transpose``."""
    return re.sub(r"[_-]|[123]d", "", word.lower())
