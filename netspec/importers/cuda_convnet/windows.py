"""Windows, and the layers over maps without weights, as lines."""

from __future__ import annotations

import math

from netspec.importers.cuda_convnet.lines import OUTPUT, Lines, number
from netspec.importers.cuda_convnet.model import Image, Layer

LONGEST_ROW = 2**16
"""Pixels of a row, which a spec may cut out of."""


def pad_of(layer: Layer, index: int) -> tuple[int, int]:
    """The padding before and behind the image of one input of a convolution. The original's last window overhangs as
    ``rounding=up`` has it, unless ``modulesX`` asks for more windows."""
    image, values = layer.reads[index], layer.values
    assert image is not None
    before, stride, kernel = values["paddings"][index], values["strides"][index], values["kernels"][index]
    spare = 2 * before + image.side - kernel
    if spare >= 0 and math.ceil(spare / stride) + 1 == values["side"]:
        return before, before
    return before, stride * (values["side"] - 1) + kernel - image.side - before


def sides(before: int, behind: int) -> str:
    """``pad=`` of an image that is padded alike in both directions."""
    return str(before) if before == behind else f"{before},{behind},{before},{behind}"


def spreads(layer: Layer) -> tuple[int, ...]:
    """How often each input's channels are laid side by side for the groups of a random sparse layer."""
    values = layer.values
    return tuple(
        groups * depth // image.channels
        for image, groups, depth in zip(layer.reads, values["groups"], values["depths"], strict=True)
        if image is not None
    )


def over_zeros(layer: Layer) -> bool:
    """Whether a convolution has windows that lie wholly outside one of its images."""
    values = layer.values
    return any(
        before >= kernel or stride * (values["side"] - 1) - before >= image.side
        for image, kernel, stride, before in zip(
            layer.reads, values["kernels"], values["strides"], values["paddings"], strict=True
        )
        if image is not None
    )


def sided(layer: Layer) -> bool:
    """Whether the paddings of a convolution's inputs are too many numbers for one key: those of several sides, for
    each of several inputs."""
    pads = [pad_of(layer, i) for i in range(len(layer.inputs))]
    several = len(pads) > 1 and (len(set(pads)) > 1 or len(pads) == 4)
    return several and any(before != behind for before, behind in pads)


def add(layer: Layer, lines: Lines, *, largest: bool) -> str:
    """The line of a layer over maps. ``largest``: random pooling is said to take the maximum."""
    read = lines.read(layer, 0, layer.reads[0])
    values, image = layer.values, layer.image or layer.reads[0]
    assert image is not None
    match layer.type:
        case "pool":
            return _pool(layer, lines, read, largest)
        case "cmpool":
            return _across(layer, lines, read)
        case "nailbed":
            return lines.add(layer, "nailbed", {"stride": str(values["stride"])}, [read], image)
        case "blur":
            keys = {"size": str(values["size"]), "stdev": number(values["stdev"])}
            return lines.add(layer, "blur", keys, [read], image)
        case "href":
            return lines.add(layer, "mirror", {}, [read], image)
        case "resize":
            return lines.add(layer, "resize", {"step": number(values["scale"])}, [read], image)
        case "crop":
            return lines.add(layer, "crop", cropped(values["top"], values["left"], image.side), [read], image)
        case "rscale":
            keys = {"size": str(image.side), "max_scale": number(values["scale"])}
            return lines.add(layer, "randomscale", keys, [read], image)
        case "rgb2yuv":
            return lines.add(layer, "colourspace", {"to": "yuv"}, [read], image)
        case "rgb2lab":
            centred = {"centred": "yes"} if values["center"] else {}
            return lines.add(layer, "colourspace", {"to": "lab", **centred}, [read], image)
    raise layer.options.refuse("cfg-not-expressible", f"a spec has no layer that does what {layer.type} does", "type")


def cropped(top: int, left: int, side: int) -> dict[str, str]:
    """The keys of a square out of maps."""
    places = {"top": str(top), "left": str(left)}
    return {"size": str(side), **{key: place for key, place in places.items() if place != "0"}}


def _across(layer: Layer, lines: Lines, read: str) -> str:
    """Pooling across maps: of one image whose rows are the maps."""
    values, image, made = layer.values, layer.reads[0], layer.image
    assert image is not None
    assert made is not None
    pixels, size, stride = image.side**2, values["size"], values["stride"]
    before = -values["start"]
    behind = stride * (made.channels - 1) + size - image.channels - before
    keys = {"kernel": f"{size}x1", "stride": f"{stride}x1", "pad": f"0,0,{before},{behind}"}
    if not before and not behind:
        del keys["pad"]
    maps = lines.add(layer, "reshape", {"size": f"1x{image.channels}x{pixels}"}, [read], None, "-maps")
    pooled = lines.add(layer, "maxpool", keys, [maps], None, "-largest")
    return lines.add(layer, "reshape", {"size": f"{made.channels}x{made.side}x{made.side}"}, [pooled], made)


def _pool(layer: Layer, lines: Lines, read: str, largest: bool) -> str:
    values, image = layer.values, layer.reads[0]
    assert image is not None
    size, stride, start, places = values["size"], values["stride"], values["start"], values["places"]
    kind = values["pool"]
    if kind == "rand" and not largest:
        layer.options.warn(
            "cfg-substitute", "the rule of pool=rand was not published; maximum pooling stands in for it", "pool"
        )
    words = {"avg": "sumpool" if values["sum"] else "avgpool", "maxabs": "maxabspool"}
    keys = {"kernel": str(size), "stride": str(stride)}
    first, last = start, start + stride * (places - 1) + size
    if first <= 0 and 0 < image.side - last < stride:
        keys |= {"pad": sides(-first, 0), "rounding": "down"} if first else {"rounding": "down"}
        return lines.add(layer, words.get(kind, "maxpool"), keys, [read], Image(image.channels, places))
    covered = min(last, image.side) - max(first, 0)
    if first > 0 or last < image.side:  # pixels that no window covers
        read = lines.add(layer, "crop", cropped(max(first, 0), max(first, 0), covered), [read], None, "-covered")
    automatic = 1 - (-(covered - size) // stride)
    if places != automatic or start < 0:
        keys["pad"] = sides(max(-first, 0), max(last - image.side, 0))
    return lines.add(layer, words.get(kind, "maxpool"), keys, [read], Image(image.channels, places))


def run_of_maps(
    layer: Layer, lines: Lines, read: str, image: Image, first: int, maps: int, suffix: str = OUTPUT
) -> str:
    """Some of an image's maps, from the first of them: rows of one map whose rows are the maps."""
    pixels = image.side**2
    rows = lines.add(layer, "reshape", {"size": f"1x{image.channels}x{pixels}"}, [read], None, suffix + "-rows")
    keys = {"size": f"{maps}x{pixels}", **({"top": str(first)} if first else {})}
    kept = lines.add(layer, "crop", keys, [rows], None, suffix + "-kept")
    made = Image(maps, image.side)
    return lines.add(layer, "reshape", {"size": f"{maps}x{image.side}x{image.side}"}, [kept], made, suffix)


def part_of_data(layer: Layer, lines: Lines, read: str, image: Image | None) -> str:
    """Some of the data's numbers: whole maps where it is these, else a vector. ``image``: what the data are."""
    start, numbers, units = layer.values["start"], layer.outputs, image.units if image else 0
    pixels = image.side**2 if image else 0
    if image is not None and start % pixels == numbers % pixels == 0:
        return run_of_maps(layer, lines, read, image, start // pixels, numbers // pixels)
    if not units or units > LONGEST_ROW:
        message = f"numbers {start} to {start + numbers} of its data are no whole maps, and a spec cannot cut them out"
        raise layer.options.refuse("cfg-not-expressible", message, "start", "end")
    row = lines.add(layer, "reshape", {"size": f"1x1x{units}"}, [read], None, "-row")
    keys = {"size": f"1x{numbers}", **({"left": str(start)} if start else {})}
    kept = lines.add(layer, "crop", keys, [row], None, "-kept")
    return lines.add(layer, "flatten", {}, [kept], None)
