"""Convolutions: conv, and local, which has separate weights at every place."""

from __future__ import annotations

from netspec.importers.cuda_convnet.layers.kinds import ANY, Context, Kind, by_word
from netspec.importers.cuda_convnet.layers.model import ConvInput, Dialect, Image, Layer
from netspec.importers.cuda_convnet.layers.weights import INITIAL_VALUES, initial_values, shared_weights
from netspec.importers.cuda_convnet.options import MAX_NUMBER

_WINDOW = ("channels", "filterSize", "filters", "padding", "stride", "groups")
_SPARSE = ("randSparse", "filterChannels", "initCFunc")
_VERSION_KEYS: dict[Dialect, tuple[str, ...]] = {"2012": _SPARSE, "v2": ("modulesX",)}


def _convolution(context: Context) -> Layer:
    """Define a ``conv`` or a ``local``."""
    options, n, repeat = context.options, len(context.inputs), context.repeat
    images = context.channels()
    kernels = options.integers("filterSize", n, repeat=repeat, low=1)
    strides = options.integers("stride", n, default=1, repeat=repeat, low=1)
    paddings = options.integers("padding", n, default=0, repeat=repeat, low=0)
    groups = options.integers("groups", n, default=1, repeat=repeat, low=1)
    filters = _filters(context, groups)
    sparse = options.flags("randSparse", n) if context.dialect == "2012" else (False,) * n
    filter_channels = _filter_channels(context, any(sparse))
    shared = context.word == "conv" and options.flag("sharedBiases", True)
    initial = initial_values(context, any(sparse))
    reads, sides = [], []
    for i, image in enumerate(images):
        if groups[i] > 1 and not sparse[i]:
            options.require_divisible("channels", image.channels, 4 * groups[i], "")
        depth = _depth(context, image.channels, groups[i], sparse[i], filter_channels[i])
        reads.append(ConvInput(image, kernels[i], strides[i], paddings[i], groups[i], depth))
        sides.append(_places(context, reads[i]))
    total, side = _output(context, filters, groups, sides)
    modules = side**2
    if context.word == "conv":
        _check_partial_sums(context, modules)
    copies = modules if context.word == "local" else 1
    weights = tuple((copies * read.depth * read.kernel**2, total) for read in reads)
    if max(rows * total for rows, _ in weights) > MAX_NUMBER:
        raise options.report_error("too-large", "it would have more than 2^31 weights", "filters", "filterSize")
    values = {**initial, "reads": tuple(reads), "filters": total, "side": side, "shared_biases": shared}
    biases = total if shared else total * modules
    layer = context.layer(
        total * modules, image=Image(total, side), reads=images, weights=weights, biases=biases, values=values
    )
    return shared_weights(context, layer)


def _output(context: Context, filters: tuple[int, ...], groups: tuple[int, ...], sides: list[int]) -> tuple[int, int]:
    """Return the channels and the side of the output, which must be the same for all inputs."""
    totals = [number * parts for number, parts in zip(filters, groups, strict=True)]
    if len(set(totals)) > 1 or len(set(sides)) > 1:
        sizes = ", ".join(f"{total}x{side}x{side}" for total, side in zip(totals, sides, strict=True))
        message = f"the outputs for its inputs have different shapes: {sizes}"
        raise context.options.report_error("shapes-differ", message, "filters")
    return totals[0], sides[0]


def _filters(context: Context, groups: tuple[int, ...]) -> tuple[int, ...]:
    """Return the filters per group. ``filters`` is their number; the old ``numFilters`` was that of all groups."""
    options = context.options
    filters = options.integers("filters", len(groups), repeat=context.repeat, low=1)
    of_all = not options.has("filters")
    for number, parts in zip(filters, groups, strict=True):
        where = f"in {parts} groups" if of_all else "in each group"
        options.require_divisible("filters", number, 16 * (parts if of_all else 1), where if parts > 1 else "")
    return tuple(number // parts for number, parts in zip(filters, groups, strict=True)) if of_all else filters


def _filter_channels(context: Context, sparse: bool) -> tuple[int, ...]:
    """Return ``filterChannels`` of every input, or 0 where it is not given. It is read only with ``randSparse``."""
    options, n = context.options, len(context.inputs)
    if sparse:
        return options.integers("filterChannels", n, default=0, low=0)
    if context.dialect == "2012" and options.has("filterChannels"):
        options.warn("cfg-ignored-key", "filterChannels only applies with randSparse; it is ignored", "filterChannels")
    return (0,) * n


def _depth(context: Context, channels: int, groups: int, sparse: bool, filter_channels: int) -> int:
    """Return how many channels a filter reads."""
    options, depth = context.options, filter_channels or channels // groups
    if not sparse:
        if filter_channels and filter_channels != channels // groups:
            raise options.report_error("bad-value", "filterChannels differs from channels / groups", "filterChannels")
        return channels // groups
    if groups < 2:
        raise options.report_error("bad-value", "randSparse needs more than one group", "groups", "randSparse")
    if channels % depth or depth % 4 or (groups * depth) % channels:
        raise options.report_error(
            "bad-value",
            f"filters of {depth} channels do not cover {channels} channels in {groups} groups evenly",
            "filterChannels",
            notes=("filterChannels divides channels, 4 divides it, and channels divide groups * filterChannels",),
        )
    options.warn(
        "cfg-substitute",
        "the connections that randSparse drew are not in the file; the channels in order are used instead",
        "randSparse",
    )
    return depth


def _places(context: Context, read: ConvInput) -> int:
    """Return the windows along an axis: 1 + ceil((2 padding + side - filterSize) / stride), or ``modulesX``."""
    options, side, kernel, stride, padding = context.options, read.image.side, read.kernel, read.stride, read.padding
    spare = 2 * padding + side - kernel
    if spare < 0 and (context.dialect == "2012" or 1 - (-spare // stride) < 1):
        raise options.report_error(
            "kernel-too-large",
            f"its filter of {kernel} is larger than its padded image of {side + 2 * padding}",
            "filterSize",
        )
    automatic = 1 - (-spare // stride)
    if context.dialect == "2012":
        return automatic
    places = options.integer("modulesX", 0, 0, 2**15) or automatic
    if -padding + stride * (places - 1) + kernel < side:
        raise options.report_error(
            "bad-value",
            f"modulesX={places} leaves pixels unread",
            "modulesX",
            notes=(f"-{padding} + {stride} * ({places} - 1) + {kernel} is less than {side}",),
        )
    return places


def _check_partial_sums(context: Context, modules: int) -> None:
    """Check ``partialSum`` (2012) or ``sumWidth`` (version 2), which controlled how weight gradients were summed.

    They have no effect on the result, but a ``partialSum`` that does not fit reveals a wrong data shape.
    """
    options = context.options
    key = "partialSum" if context.dialect == "2012" else "sumWidth"
    if not options.has(key):
        note = f"this file is read as {context.dialect}, which needs it; --dialect says which version it is for"
        raise options.report_key_error("missing-key", f"it needs {key}=", notes=(note,))
    part = options.integer(key, low=0)
    if context.dialect == "2012" and part and modules % part:
        raise options.report_error(
            "bad-value",
            f"partialSum={part} does not divide its {modules} positions",
            "partialSum",
            notes=("it does not affect the result; perhaps the data have another size: --input",),
        )


KINDS = by_word(
    Kind("conv", _convolution, ANY, (*_WINDOW, *INITIAL_VALUES, "sharedBiases"), version_keys=_VERSION_KEYS),
    Kind("local", _convolution, ANY, (*_WINDOW, *INITIAL_VALUES), version_keys=_VERSION_KEYS),
)
