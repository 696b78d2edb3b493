"""Windows, and the layers over maps without weights, as lines."""

from __future__ import annotations

import math

from netspec.importers.cuda_convnet.lines import Lines, number
from netspec.importers.cuda_convnet.model import Image, Layer


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


def add(layer: Layer, lines: Lines, *, largest: bool) -> str:
    """The line of a layer over maps. ``largest``: random pooling is said to take the maximum."""
    read = lines.read(layer, 0, layer.reads[0])
    values, image = layer.values, layer.image or layer.reads[0]
    match layer.type:
        case "pool":
            return _pool(layer, lines, read, largest)
        case "nailbed":
            return lines.add(layer, "nailbed", {"stride": str(values["stride"])}, [read], image)
        case "blur":
            keys = {"size": str(values["size"]), "stdev": number(values["stdev"])}
            return lines.add(layer, "blur", keys, [read], image)
        case "href":
            return lines.add(layer, "mirror", {}, [read], image)
    raise layer.options.refuse("cfg-not-expressible", f"a spec has no layer that does what {layer.type} does", "type")


def _pool(layer: Layer, lines: Lines, read: str, largest: bool) -> str:
    values, image = layer.values, layer.reads[0]
    assert image is not None
    size, stride, start, places = values["size"], values["stride"], values["start"], values["places"]
    kind = values["pool"]
    if kind == "rand" and not largest:
        layer.options.warn(
            "cfg-substitute", "the rule of pool=rand was not published; maximum pooling stands in for it", "pool"
        )
    if kind == "maxabs" or values["sum"]:
        what = "pool=maxabs" if kind == "maxabs" else "sum=true"
        raise layer.options.refuse("cfg-not-expressible", f"a spec has no pooling for {what}", "pool")
    word = "avgpool" if kind == "avg" else "maxpool"
    keys = {"kernel": str(size), "stride": str(stride)}
    behind = stride * (places - 1) + size - image.side + start
    automatic = 1 - (-(image.side - start - size) // stride)
    if start > 0 or (places < automatic and behind < 0 and -behind >= stride):
        raise layer.options.refuse("cfg-not-expressible", "pooling that leaves pixels out cannot be said", "start")
    if places == automatic and start == 0:
        pass
    elif behind >= 0:
        keys["pad"] = f"{-start},{behind},{-start},{behind}"
    else:
        keys |= {"pad": f"{-start},0,{-start},0", "rounding": "down"}
    return lines.add(layer, word, keys, [read], Image(image.channels, places))
