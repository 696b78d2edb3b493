"""Keys of layers, settings and claims that other tools have and specs do not, with a note on each."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.diagnostics.nearest import nearest
from netspec.diagnostics.other_tools.augmentations import AUGMENTATIONS, MIRRORED, TURNED
from netspec.diagnostics.other_tools.types import ABSENT_TYPES, DEPTHWISE
from netspec.diagnostics.other_tools.words import plain_word

_CHANNELS_NOTE = "the number of input channels or features is that of the layer that is read"
_NO_AXES = "axes cannot be chosen: images are channels x height x width, and channels are joined"
_ONE_SIZE = "height and width are one value: 3x5; padding of single sides is pad=left,right,top,bottom"
_OWN_LAYER = "it is a separate layer"

CHANNELS_READ = (
    *("channelsin", "indim", "infeatures", "inchannels", "inplanes", "inputchannels", "inputdim", "inputshape"),
    *("inputsize", "normalizedshape", "numchannels", "numfeatures", "numparameters"),
)
GROUP_SIZES = ("channelspergroup", "groupsize", "groupwidth", "numchannelspergroup")
_WEIGHTED = "it is a key of the train line, with a number for each class: train class_weights=1,5,5"
ABSENT_KEYS: Mapping[str, str] = {
    **dict.fromkeys(CHANNELS_READ, _CHANNELS_NOTE),
    **dict.fromkeys(GROUP_SIZES, "groups= is the number of groups: the channels that are read / those of a group"),
    **dict.fromkeys(("axis", "dataformat", "dim", "startdim"), _NO_AXES),
    **dict.fromkeys(("kernelh", "kernelw", "padh", "padw", "strideh", "stridew"), _ONE_SIZE),
    **dict.fromkeys(("batchnorm", "bn", "norm", "usebn"), f"{_OWN_LAYER}: [norm1] batchnorm neuron=relu"),
    **dict.fromkeys(("layernorm", "ln"), f"{_OWN_LAYER}: [norm1] layernorm neuron=relu"),
    **dict.fromkeys(("groupnorm", "gn"), f"{_OWN_LAYER}: [norm1] groupnorm neuron=relu"),
    **dict.fromkeys(("drop", "dropout"), f"{_OWN_LAYER}: [drop1] dropout rate=0.5"),
    **dict.fromkeys(
        ("droppath", "droppathrate", "stochasticdepth"), f"{_OWN_LAYER}: [path1] dropout over=images rate=0.1"
    ),
    **dict.fromkeys(("pool", "pooling"), f"{_OWN_LAYER}: [pool1] maxpool kernel=2"),
    **dict.fromkeys(("depthmultiplier", "depthwise"), f"{DEPTHWISE}, and filters= a multiple of it"),
    **dict.fromkeys(
        ("flatten", "reshape", "view"),
        f"{_OWN_LAYER}, [flat] flatten, which fc does not need: it reads maps as they are",
    ),
    **dict.fromkeys(("classweight", "classweights"), _WEIGHTED),
    "ceilmode": "ceil_mode=true is rounding=caffe here, ceil_mode=false is rounding=down",
    "countincludepad": "an average counts only real pixels; for zeros that count, put a zeropad layer before it",
    "depthradius": "size= is the whole window, in channels: 2 * depth_radius + 1",
    **dict.fromkeys(
        ("interpolation", "mode"),
        "upsample and resize size= have method=nearest, bilinear, and corners for align_corners",
    ),
    "keepprob": "rate= is the probability of dropping a unit: 1 - keep_prob",
    "labelsmoothing": "it is a key of the train line: train label_smoothing=0.1",
    "maxvalue": "relu6 is bounded by 6; no neuron is bounded by another number",
    "name": "the name of a layer is written before its type, in brackets: [conv1] conv ...",
    "noiseshape": "over= says what is dropped together: over=channels, over=images",
    "operation": "the operation is the layer's type: sum, product or max",
    "outputpadding": "output_padding is how many pixels fewer are cut off the right and the bottom: pad=1,0,1,0 for "
    "padding=1, output_padding=1",
    "paddingmode": "pad= is always of zeros; other borders are layers of their own: reflectpad pad=1, edgepad pad=1",
    "reduction": "a loss is always the mean over the batch",
    "aligncorners": "method=corners is bilinear with align_corners=True, method=bilinear without",
    "scalefactor": "upsample factor=2 doubles the sides; resize step=0.5 does so around the centre",
    "trainable": "lr=0 keeps a layer's weights as they are",
}
"""Keys that other tools have and specs do not, with a note on how a spec expresses each."""

STANDS_FOR: Mapping[str, str] = {
    **dict.fromkeys(GROUP_SIZES, "groups"),
    "ceilmode": "rounding",
    "depthmultiplier": "filters",
    "depthradius": "size",
    **dict.fromkeys(("factor", "scale", "scalefactor"), "step"),
    "keepprob": "rate",
    "noiseshape": "over",
}
"""Those of them that say in another way what a key of a spec says."""

CLIPPED_NORMS = (
    *("clip", "clipgrad", "clipgradient", "clipgradnorm", "clipgradnorms", "clipnorm", "globalclipnorm", "gradclip"),
    *("gradclipnorm", "gradientclip", "gradientclipnorm", "gradientclipval", "gradientclipping", "gradientnorm"),
    *("gradnorm", "gradnormclip", "maxgradnorm"),
)
CLIPPED_VALUES = ("clipgradvalue", "clipvalue", "gradclipvalue", "gradientclipvalue", "maxgradvalue")
"""Words for limits of gradients: of the norm, and of single numbers."""
WARM_UP_EPOCHS = ("warmupepoch", "warmupepochs", "warmuplength")
WARM_UP_STEPS = ("numwarmupsteps", "warmupiters", "warmupiterations", "warmupstep", "warmupsteps")
"""Words for the length of a warm-up."""
_CLIPPED = (
    "gradients are limited by train clip_gradients=: norm(2) is a limit of the norm of all together, value(0.5) one of "
    "each of their numbers"
)
_PER_PARAMETER = "Keras's clipnorm limits the gradient of each parameter by itself, and a spec, as global_clipnorm, all"

ABSENT_SETTINGS: Mapping[str, str] = {
    **dict.fromkeys((*CLIPPED_NORMS, *CLIPPED_VALUES), _CLIPPED),
    **dict.fromkeys(
        ("connections", "depth", "flops", "macs", "numlayers", "numparams", "parameters", "params"),
        "the net line claims what a paper prints of the whole network: net alexnet -> parameters=61.0M depth=8",
    ),
    **dict.fromkeys((*WARM_UP_EPOCHS, *WARM_UP_STEPS), "a warm-up takes epochs, warmup=5, or steps, warmup=steps(500)"),
    "classweight": "class_weights=1,5,5 divides the weighted sum of the losses by the sum of the weights, as torch's "
    "weight= does; Keras's class_weight divides it by the number of images: the same if their mean weight is 1",
    "clipnorm": f"{_CLIPPED}. {_PER_PARAMETER} together",
    **dict.fromkeys(
        ("gamma", "milestones", "stepsize"),
        "the numbers of a schedule are written in parentheses: schedule=step(every=30, factor=0.1)",
    ),
    **dict.fromkeys(
        ("endlr", "etamin", "finallr", "lrmin", "minlr"),
        "the last rate is an argument of the schedule, divided by the highest: schedule=cosine(factor=0.01)",
    ),
    **dict.fromkeys(("amp", "fp16", "mixedprecision"), "precision=bf16 computes layers in bfloat16"),
    **dict.fromkeys(
        ("brightness", "contrast", "hue", "jitter", "saturation"),
        "colours are changed by augment colour=jitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)",
    ),
    **dict.fromkeys(MIRRORED, AUGMENTATIONS["horizontalflip"]),
    **dict.fromkeys(("aa", "autoaugment", "autoaugmentpolicy"), AUGMENTATIONS["autoaugment"]),
    **dict.fromkeys(TURNED, AUGMENTATIONS["verticalflip"]),
    **dict.fromkeys(
        ("mixupprob", "mixupmode", "mixupswitchprob", "cutmixminmax", "mixupoffepoch"),
        "mixup= and cutmix= of the augment line are the alphas; each batch is mixed as a whole, by one of them, with "
        "equal probability",
    ),
    "loss": "a loss is a layer, [loss] crossentropy; without one it is the cross-entropy of the last softmax's scores",
    "name": "a net's name follows the word: net alexnet",
}
"""The same for keys of settings."""

ABSENT_COUNTS: Mapping[str, str] = {
    **dict.fromkeys(
        ("bias", "biases"),
        "a claim counts biases only with the weights: parameters=156, of which weights=150",
    ),
    **dict.fromkeys(
        ("flop", "flops"),
        "a claim counts connections, multiply-accumulates of two FLOPs each; many papers call these FLOPs too",
    ),
    **dict.fromkeys(
        ("acc", "accuracy", "error", "loss", "top1", "top5"),
        "a claim is of what follows from the spec; netspec eval measures a trained network",
    ),
    **dict.fromkeys(
        ("bytes", "memory", "modelsize", "size"),
        "a claim counts numbers, not bytes, of which a parameter has four in float32",
    ),
}
"""Counts that other tools have and claims do not, with a note on each."""


def absent_key(word: str, layer_type: str, value: str = "") -> str | None:
    """Return the note on a key of other tools that ``layer_type`` does not have, ``None`` for an unknown key.

    The ``value`` may say which layer is meant: ``norm=layer``. There is no note if it would tell the user to write a
    layer of this very type.
    """
    plain = plain_word(word)
    note = ABSENT_KEYS.get(plain)
    if plain == "norm" and plain_word(value).startswith("instance"):
        note = ABSENT_TYPES["instancenorm"]
    elif layer_type == "resize" and plain in ("factor", "scale"):
        note = ABSENT_KEYS["scalefactor"]
    elif plain == "weight" and layer_type == "crossentropy":
        note = _WEIGHTED
    elif plain == "norm" and (meant := nearest(value, ("batchnorm", "layernorm", "groupnorm", "lrn"))):
        note = f"{_OWN_LAYER}: [norm1] {meant} neuron=relu"
    return None if note is None or (note.startswith(_OWN_LAYER) and f"] {layer_type} " in note) else note
