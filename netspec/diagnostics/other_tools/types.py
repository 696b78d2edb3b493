"""Layers that other tools have and specs do not, with a note on each."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.diagnostics.other_tools.augmentations import AUGMENTATIONS

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
"""The notes, by the words as ``plain_word`` returns them. No similar spelling is suggested for these words."""
