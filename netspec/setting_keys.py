"""The settings of a spec (``net``, ``train``, ``augment`` and ``test``) and their keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from netspec.ir.rules import Clip
from netspec.ir.schedules import Fixed, Warmup
from netspec.ir.window import ROUNDINGS
from netspec.keys import YES_NO, Argument, BadValue, Choice, Key, Mirrors, OneOf, OrNone, Real, Whole
from netspec.keys.augmentations import Colours, Erase, Policy, Range, Sides
from netspec.keys.calls import Form, known_call
from netspec.keys.kind import shown
from netspec.keys.numbers import ClassWeights
from netspec.keys.optimizers import Optimizer
from netspec.keys.schedules import OwnScheduleWord, ScheduleWord, WarmupLength
from netspec.language.syntax import FileName, Value


@dataclass(frozen=True, slots=True)
class SpecFile:
    """The kind of ``from=``: a file of the same folder, which is merged in before keys are read."""

    words: tuple[str, ...] = ()
    doc: str = "a spec of the same folder, alexnet.net"

    def read(self, value: Value) -> str:
        if not isinstance(value, FileName):
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span)
        return value.text


_LIMIT = (Argument("max", Real(above=0), required=True),)
CLIPS: Mapping[str, Form] = {
    "norm": Form(
        "if the norm of all gradients together is above `max`, they are multiplied by max / norm: Pascanu et al. "
        "(2013), algorithm 1; max_norm of torch's clip_grad_norm_, global_clipnorm of Keras, clip_gradients of Caffe",
        _LIMIT,
        partial(Clip, "norm"),
    ),
    "value": Form(
        "each number of a gradient that is below -max or above `max` is replaced by this limit: clip_value of torch's "
        "clip_grad_value_, clipvalue of Keras",
        _LIMIT,
        partial(Clip, "value"),
    ),
    "none": Form("no limit", make=lambda: None),
}


@dataclass(frozen=True, slots=True)
class ClipWord:
    """The kind of ``clip_gradients=``. It is read as a ``Clip``, or as ``None``."""

    forms: ClassVar = CLIPS
    words: tuple[str, ...] = tuple(CLIPS)
    doc: str = "norm(max), value(max) or none"

    def read(self, value: Value) -> Clip | None:
        call = known_call(value, self.words, self.doc, lambda number: f"norm({shown(number)})")
        clip: Clip | None = CLIPS[call.name.text].read(call)
        return clip


NET = (
    Key("from", SpecFile(), "the base spec, of which this spec is a variant", default=None, default_text="none"),
    Key(
        "rounding",
        Choice(ROUNDINGS),
        "the rounding rule of all layers that do not set their own",
        default="exact",
    ),
)
TRAIN = (
    Key("epochs", Whole(), "number of passes over the training images", default=10),
    Key(
        "steps",
        Whole(),
        "number of steps of the training, in place of `epochs`",
        default=None,
        default_text="those of the epochs",
        unit="steps",
    ),
    Key("batch", Whole(), "number of images per step, over all devices", default=128, unit="images"),
    Key(
        "optimizer",
        Optimizer(),
        "the update rule, with its learning rate and weight decay",
        default={},
        default_text="sgd(lr=0.01, momentum=0.9, weight_decay=0)",
    ),
    Key(
        "schedule",
        ScheduleWord(),
        "schedule of the learning rates of all layers that do not set their own",
        default=Fixed(),
        default_text="constant",
    ),
    Key(
        "bias_schedule",
        OwnScheduleWord(),
        "schedule of the learning rates of biases, in all layers that do not set their own",
        default=None,
        default_text="that of the weights of the layer",
    ),
    Key(
        "warmup",
        WarmupLength(),
        "length of the warm-up, in which the learning rate rises linearly with each step. Schedules that depend on the "
        "progress of the run begin after it; those that count epochs count from the start of the run",
        default=Warmup(),
        default_text="none",
        unit="epochs",
    ),
    Key(
        "accumulate",
        Whole(),
        "number of equal parts in which a batch is processed, one after the other, to save memory. Their gradients are "
        "added up. Batch normalisation uses the statistics of each part",
        default=1,
        unit="parts",
    ),
    Key(
        "precision",
        Choice(("fp32", "bf16")),
        "precision of the layers. bf16 is autocast to bfloat16; weights, updates, response, layer and group "
        "normalisations, pixels that upsample or resize size= interpolates, and losses stay in float32",
        default="fp32",
    ),
    Key(
        "channels_last",
        YES_NO,
        "whether images and kernels are stored with channels last in memory. Results are the same up to rounding",
        default=False,
        default_text="no",
    ),
    Key(
        "ema",
        Real(low=0, below=1),
        "decay d of an exponential moving average of the weights, a <- d a + (1 - d) w after each step. Validation "
        "uses the average instead of the weights. After t steps, d is at most (1 + t) / (10 + t). 0: no average",
        default=0.0,
        unit="per step",
    ),
    Key(
        "label_smoothing",
        Real(low=0, below=1),
        "share of each training target that is distributed evenly over all classes, in all losses, but not in "
        "validation",
        default=0.0,
    ),
    Key(
        "class_weights",
        ClassWeights(),
        "how much an image, or a pixel of a mask, of each class counts in the cross-entropy, in the order of the "
        "scores: the loss is the weighted mean, as that of torch's CrossEntropyLoss(weight=...), but not in "
        "validation. balanced: n / (k c) for a class that c of the n training images, or of their labelled pixels, "
        "have, if k classes occur; netspec train counts them, and writes the numbers into the run's spec",
        default=None,
        default_text="none: all classes count equally",
    ),
    Key(
        "clip_gradients",
        ClipWord(),
        "limit of the gradients of all parameters that are updated at the same time, before the weight decay is added. "
        "Parameters whose rate is 0 do not count",
        default=None,
        default_text="none",
    ),
)
AUGMENT = (
    Key(
        "crop",
        Whole(),
        "side of the random crop, which must equal that of the input",
        default=None,
        default_text="that of the input",
        unit="pixels",
    ),
    Key(
        "from",
        Sides(),
        "side of the square from which crops are cut; the shorter side of each image is scaled to it. Two numbers: a "
        "side from the least to the greatest is drawn for each image, and the crop is cut from all of it (Simonyan & "
        "Zisserman 2015, section 3.1); validation and tests use their mean. The least may be smaller than the crop if "
        "`fill` is given: smaller images are then padded on the right and below, as in DeepLab and torchvision's "
        "references for segmentation",
        default=None,
        default_text="that of the crop",
        unit="pixels",
    ),
    Key(
        "area",
        OrNone(Range("0.08,1", high=1)),
        "the crop has a share of the image's area that is drawn from this range, and is resized to the input: "
        "RandomResizedCrop of torchvision, after Szegedy et al. (2015), section 6. `from` is then the side in "
        "validation and tests",
        default=None,
        default_text="none",
    ),
    Key(
        "aspect",
        Range("0.75,1.3333"),
        "range of the ratio of width to height of a crop with `area`; its logarithm is drawn",
        default=None,
        default_text="3/4 to 4/3",
    ),
    Key(
        "pad",
        Whole(0),
        "number of pixels that are put on each side of the square before the crop; not in validation and tests",
        default=0,
        unit="pixels",
    ),
    Key(
        "fill",
        Choice(("black", "mean", "reflect")),
        "colour of the padding of `pad`, and of images smaller than the crop. black: 0 in the image, from which the "
        "mean is still subtracted, as in torchvision's recipes; beyond the edges of a mean image, its outermost pixels "
        "count. mean: 0 after the mean is subtracted, "
        "as in Torch's fb.resnet.torch; around smaller images, the mean rounded to a whole grey level. reflect: with "
        "`pad`, the image, mirrored at its outermost pixels (Zagoruyko & Komodakis 2016, section 3)",
        default="black",
    ),
    Key(
        "flip",
        Mirrors(),
        "mirror images with a probability of one half",
        default="none",
    ),
    Key(
        "policy",
        Policy(),
        "random operations on each training image, by Pillow. What they move in from outside is black",
        default=None,
        default_text="none",
    ),
    Key(
        "colour",
        Colours(),
        "random changes of the colours: `jitter`, of brightness, contrast, saturation and hue, and then `pca`, a shift "
        "along their principal components",
        default={},
        default_text="none",
    ),
    Key(
        "erase",
        Erase(),
        "what is erased of each image: it becomes 0 for the network, or random numbers, after the mean is subtracted",
        default=None,
        default_text="none",
    ),
    Key(
        "mixup",
        Real(low=0),
        "mix each image x with another one of its batch y, m x + (1 - m) y, and their classes in the same way, with m "
        "drawn from Beta(mixup, mixup) for each batch (Zhang et al. 2018). With `cutmix` too, each batch takes one of "
        "the two, with equal probability. 0: none",
        default=0.0,
    ),
    Key(
        "cutmix",
        Real(low=0),
        "replace a box in each image by the same box of another image of its batch, and mix their classes by its area, "
        "which is drawn from Beta(cutmix, cutmix) for each batch (Yun et al. 2019). 0: none",
        default=0.0,
    ),
)
TEST = (
    Key(
        "views",
        OneOf((1, 10), ("whole",)),
        "what a test sees of each image, that of netspec eval and that at the end of a training. 1: the centre crop, "
        "as in validation. 10: the mean over the corner and centre crops and their mirror images. whole: all of it, in "
        "overlapping crops, for networks whose scores are maps",
        default=1,
    ),
    Key(
        "from",
        Whole(),
        "side of the square from which the crops of validation and tests are cut",
        default=None,
        default_text="that of augment",
        unit="pixels",
    ),
)


@dataclass(frozen=True, slots=True)
class SettingType:
    """A setting's doc, an example line of a spec, and its keys. ``gpus`` takes a number instead, and ``default`` a
    layer type and its keys."""

    doc: str
    example: str
    keys: tuple[Key, ...] = ()


SETTINGS: Mapping[str, SettingType] = {
    "net": SettingType(
        "The name of the network, and values for all layers that do not set their own. After `->`, it may claim counts "
        "of the whole network: `parameters`, `weights`, `connections`, `units` and `depth`.",
        "net alexnet rounding=up -> parameters=61.0M",
        NET,
    ),
    "gpus": SettingType(
        "The number of GPU groups. Layers with weights are split over them: each group computes its share of the "
        "filters or outputs from its own share of the input. The groups are part of the network's function, also on a "
        "single device.",
        "gpus 2",
    ),
    "default": SettingType(
        "Values for all layers of a type that do not set their own. The position of the line does not matter.",
        "default conv init=gaussian(0.01) neuron=relu",
    ),
    "train": SettingType(
        "Settings of the training.",
        "train epochs=90 batch=128 optimizer=sgd(lr=0.01, momentum=0.9, weight_decay=5e-4) "
        "schedule=plateau(factor=0.1, times=3)",
        TRAIN,
    ),
    "augment": SettingType(
        "Augmentation of the training images.",
        "augment crop=224 from=256 flip=horizontal colour=pca(0.1)",
        AUGMENT,
    ),
    "test": SettingType("Settings of the test.", "test views=10", TEST),
}
"""The words with which a line of a spec may begin, except for ``drop``."""


def keys_of_setting(word: str) -> tuple[Key, ...]:
    """Return the keys of a setting; empty for another word."""
    return SETTINGS[word].keys if word in SETTINGS else ()
