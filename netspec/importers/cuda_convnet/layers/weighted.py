"""Layers with weights: fc, sfc, treefc, conv and local."""

from __future__ import annotations

import re
from dataclasses import replace

from netspec.formatting import plural
from netspec.importers.cuda_convnet.layers.kinds import ANY, ONE, ONLY_2012, ONLY_V2, Context, Kind, by_word
from netspec.importers.cuda_convnet.layers.model import ConvInput, Dialect, Image, Layer, Shared
from netspec.importers.cuda_convnet.options import MAX_NUMBER, shortened

_INITIAL_VALUES = ("initW", "initB", "initWFunc", "initBFunc", "weightSource")
_WINDOW = ("channels", "filterSize", "filters", "padding", "stride", "groups")
_SPARSE = ("randSparse", "filterChannels", "initCFunc")
_VERSION_KEYS: dict[Dialect, tuple[str, ...]] = {"2012": _SPARSE, "v2": ("modulesX",)}
_SUBSTITUTES = {
    "initWFunc": "initW is",
    "initBFunc": "initB is",
    "initCFunc": "the channels in order are",
}
_FUNCTION = re.compile(r"[^.]+\.[^()]+(?:\([^,]+(?:,[^,]+)*\))?")
_SOURCE = re.compile(r"([^\[\]]+)(?:\[([0-9]{1,6})\])?")


def _initial_values(context: Context, drawn: bool | None = None) -> dict[str, object]:
    """Read the initial values. Warns about initialisation functions, which are not in the file.

    ``drawn`` says whether the layer draws random connections; it is ``None`` for types that cannot.
    """
    options = context.options
    values: dict[str, object] = {
        "initW": options.reals("initW", len(context.inputs), None, context.repeat),
        "initB": options.real("initB", 0.0),
    }
    sources = options.words("weightSource") if options.get("weightSource") else [""]
    for key, substitute in _SUBSTITUTES.items():
        function = options.text(key, "").strip()
        if key == "initCFunc" and not drawn:
            if function and drawn is not None and context.dialect == "2012":
                options.warn("cfg-ignored-key", "initCFunc only applies with randSparse; it is ignored", key)
            continue
        if function and not _FUNCTION.fullmatch(function):
            note = "it is written module.function or module.function(parameter,parameter)"
            raise options.report_key_error(
                "bad-value", f"{key}={shortened(function)} is not a function", key, notes=(note,)
            )
        if key == "initWFunc" and all(sources):
            continue  # all matrices are shared, and the original discarded what the function returned
        if function:
            options.warn(
                "cfg-substitute", f"{key} calls a function that is not in the file; {substitute} used instead", key
            )
    return values


def _shared(context: Context, layer: Layer) -> Layer:
    """Return the layer with the owners of its weight matrices, read from ``weightSource``."""
    options = context.options
    if not options.text("weightSource", "").strip():
        return replace(layer, shared=(None,) * len(context.inputs))
    words = options.words("weightSource")
    if len(words) != len(context.inputs):
        message = f"weightSource lists {plural(len(words), 'source')} for {plural(len(context.inputs), 'input')}"
        raise options.report_key_error("bad-value", message, "weightSource")
    return replace(layer, shared=tuple(_source(context, layer, i, word) for i, word in enumerate(words)))


def _source(context: Context, layer: Layer, number: int, word: str) -> Shared | None:
    options = context.options
    if not word:
        return None
    match = _SOURCE.fullmatch(word)
    name, index = (match[1].strip(), int(match[2] or 0)) if match else (word, 0)
    is_own = name == layer.name
    source = layer if is_own else context.named(name)
    if source is None:
        raise options.report_error("unknown-layer", f"there is no layer '{shortened(name)}' above it", "weightSource")
    if source.type != layer.type:
        message = f"it is {layer.type} and cannot take the weights of {name}, which is {source.type}"
        raise options.report_error("weights-mismatch", message, "weightSource")
    if source.gpu != layer.gpu:
        raise options.report_error("weights-mismatch", f"{name} is on another GPU", "weightSource")
    if index >= (number if is_own else len(source.weights)):
        which = f"an earlier input of {name}" if is_own else f"an input of {name}"
        raise options.report_error("weights-mismatch", f"{index} is not the number of {which}", "weightSource")
    if source.weights[index] != layer.weights[number]:
        has, needs = ("x".join(map(str, w)) for w in (source.weights[index], layer.weights[number]))
        raise options.report_error("weights-mismatch", f"it needs {needs} weights, {name} has {has}", "weightSource")
    if not is_own and source.shared[index] is not None:
        return source.shared[index]
    if is_own and index < len(layer.shared) and layer.shared[index] is not None:
        return layer.shared[index]
    return Shared(name, index)


def _fc(context: Context) -> Layer:
    outputs = context.options.integer("outputs", low=1)
    weights = tuple((layer.outputs, outputs) for layer in context.inputs)
    return _shared(
        context, context.layer("fc", outputs, weights=weights, biases=outputs, values=_initial_values(context))
    )


def _sfc(context: Context) -> Layer:
    options = context.options
    parts, outputs = options.integer("parts", low=1), options.integer("outputs", low=1)
    for layer in context.inputs:
        if layer.outputs % parts:
            raise options.report_error(
                "groups-do-not-divide", f"{parts} parts do not divide the {layer.outputs:,} of {layer.name}", "parts"
            )
    weights = tuple((layer.outputs, outputs) for layer in context.inputs)
    total = outputs * parts
    return _shared(
        context,
        context.layer("sfc", total, weights=weights, biases=total, values={**_initial_values(context), "parts": parts}),
    )


def _treefc(context: Context) -> Layer:
    """Define a softmax over a tree of classes. The tree is in the data, so an fc over the classes replaces it."""
    options = context.options
    outputs = options.integer("outputs", 0, 0)
    if not outputs:
        name = re.search(r"([0-9]{1,6})", options.name)
        outputs = int(name[1]) if name and int(name[1]) else 1000
    options.warn(
        "cfg-substitute",
        f"the tree of its classes is in the data and not in the file; it is replaced by an fc with {outputs} outputs",
        "type",
    )
    weights = ((context.inputs[0].outputs, outputs),)
    return replace(
        context.layer("treefc", outputs, weights=weights, biases=outputs, values=_initial_values(context)),
        shared=(None,),
    )


def _convolution(context: Context, word: str) -> Layer:
    """Define a ``conv``, or a ``local``, which has separate weights at every place."""
    options, n, repeat = context.options, len(context.inputs), context.repeat
    images = context.channels()
    kernels = options.integers("filterSize", n, None, repeat, 1)
    strides = options.integers("stride", n, 1, repeat, 1)
    paddings = options.integers("padding", n, 0, repeat, 0)
    groups = options.integers("groups", n, 1, repeat, 1)
    filters = _filters(context, groups)
    sparse = options.flags("randSparse", n) if context.dialect == "2012" else (False,) * n
    filter_channels = options.integers("filterChannels", n, 0, False, 0) if context.dialect == "2012" else (0,) * n
    shared = word == "conv" and options.flag("sharedBiases", True)
    initial = _initial_values(context, any(sparse))
    reads, sides = [], []
    for i, image in enumerate(images):
        if groups[i] > 1:
            options.require_divisible("channels", image.channels, 4 * groups[i], "")
        depth = _depth(context, image.channels, groups[i], sparse[i], filter_channels[i])
        reads.append(ConvInput(image, kernels[i], strides[i], paddings[i], groups[i], depth))
        sides.append(_places(context, reads[i]))
    total, side = _output(context, filters, groups, sides)
    modules = side**2
    if word == "conv":
        _check_partial_sums(context, modules)
    copies = modules if word == "local" else 1
    weights = tuple((copies * read.depth * read.kernel**2, total) for read in reads)
    if max(rows * total for rows, _ in weights) > MAX_NUMBER:
        raise options.report_error("too-large", "it would have more than 2^31 weights", "filters", "filterSize")
    values = {**initial, "reads": tuple(reads), "filters": total, "side": side, "shared_biases": shared}
    biases = total if shared else total * modules
    layer = context.layer(
        word, total * modules, image=Image(total, side), reads=images, weights=weights, biases=biases, values=values
    )
    return _shared(context, layer)


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
    filters = options.integers("filters", len(groups), None, context.repeat, 1)
    of_all = not options.has("filters")
    for number, parts in zip(filters, groups, strict=True):
        where = f"in {parts} groups" if of_all else "in each group"
        options.require_divisible("filters", number, 16 * (parts if of_all else 1), where if parts > 1 else "")
    return tuple(number // parts for number, parts in zip(filters, groups, strict=True)) if of_all else filters


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
    Kind("fc", _fc, ANY, ("outputs", *_INITIAL_VALUES)),
    Kind("sfc", _sfc, ANY, ("outputs", "parts", *_INITIAL_VALUES), ONLY_V2),
    Kind("treefc", _treefc, ONE, ("outputs", *_INITIAL_VALUES), ONLY_2012),
    Kind(
        "conv",
        lambda context: _convolution(context, "conv"),
        ANY,
        (*_WINDOW, *_INITIAL_VALUES, "sharedBiases"),
        version_keys=_VERSION_KEYS,
    ),
    Kind(
        "local",
        lambda context: _convolution(context, "local"),
        ANY,
        (*_WINDOW, *_INITIAL_VALUES),
        version_keys=_VERSION_KEYS,
    ),
)
