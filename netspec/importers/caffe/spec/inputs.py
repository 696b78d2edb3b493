"""Which values of the layers that read data are images and which labels, and the shape of the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netspec.formatting import plural
from netspec.importers.caffe.net.layers import LOSSES, SINKS, Layer, Network, Top
from netspec.importers.caffe.net.types import OF_FORKS, TYPES
from netspec.importers.caffe.schema.record import Record
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.shape import Shape

_PARAMETERS = {"Data": "data_param", "ImageData": "image_data_param", "WindowData": "window_data_param",
               "HDF5Data": "hdf5_data_param"}  # fmt: skip
_COLOURS = 3

_KNOWN = {"mnist": Shape(1, 28, 28), "cifar": Shape(3, 32, 32)}
"""The images of data sets, by a word in the names of their files."""


@dataclass(frozen=True, slots=True)
class Images:
    """The images of a network: the value that they are, their shape, and what was assumed about it, if anything.

    ``shape`` is ``None`` if the file says too little.
    """

    top: Top
    shape: Shape | None
    assumed: str = ""


def readers_of(network: Network) -> Mapping[Top, Sequence[Layer]]:
    """Return the layers that read each value, without those that only report it."""
    readers: dict[Top, list[Layer]] = {}
    for layer in network.layers:
        for top in layer.bottoms if layer.type not in SINKS else ():
            readers.setdefault(top, []).append(layer)
    return readers


def labels_of(network: Network) -> frozenset[Top]:
    """Return the values of data that only losses and reports read, as labels, or nothing reads.

    A layer of a type that is not known may be a loss.
    """
    known = TYPES.union(OF_FORKS) - {*LOSSES}
    tops = {
        Top(number, place)
        for number, layer in enumerate(network.layers)
        if layer.is_source
        for place in range(len(layer.tops))
    }
    read = {
        top
        for layer in network.layers
        for place, top in enumerate(layer.bottoms)
        if layer.type not in SINKS and not (layer.type not in known and place > 0)
    }
    return frozenset(tops - read)


def images_of(network: Network, labels: frozenset[Top], given: Shape | None) -> Images:
    """Return the images. ``given`` is their shape, if it is to be another than the file's.

    Raises ``Inexpressible`` for several inputs, and ``Rejected`` if there are no images.
    """
    sources = [(number, layer) for number, layer in enumerate(network.layers) if layer.is_source]
    tops = [(Top(n, place), layer) for n, layer in sources for place in range(len(layer.tops))]
    images = [(top, layer) for top, layer in tops if top not in labels]
    if not images:
        raise Rejected("no layer reads images", network.layers[0].span)
    (top, layer), *others = images
    if others:
        names = ", ".join(layer.tops[top.place] for top, layer in images)
        raise Inexpressible(f"the network reads {names}; a spec has one input", others[0][1].span)
    if given is not None:
        return Images(top, given)
    return _stated(top, layer)


def _stated(top: Top, layer: Layer) -> Images:
    """Return the images as a layer states them."""
    if layer.type in ("Input", "DummyData"):
        return Images(top, _blob_shape(layer, top.place))
    record = layer.record
    if layer.type == "MemoryData":
        memory = record.message("memory_data_param")
        return Images(top, Shape(*(memory.integer(name) for name in ("channels", "height", "width"))))
    if layer.type not in _PARAMETERS:
        return Images(top, None)
    data, transform = record.message(_PARAMETERS[layer.type]), record.message("transform_param")
    known = next((shape for word, shape in _KNOWN.items() if word in data.text("source").lower()), None)
    crop = transform.integer("crop_size")
    sides = (crop, crop) if crop else _resized(layer, data)
    channels = _channels(layer, data, transform)
    if sides == (0, 0):
        if known is None:
            return Images(top, None)
        return Images(top, known, f"the images are {known}, as those of the data set in {data.text('source')!r} are")
    if channels:
        return Images(top, Shape(channels, *sides))
    channels = known.channels if known else _COLOURS
    return Images(top, Shape(channels, *sides), f"the images have {plural(channels, 'channel')}")


def _resized(layer: Layer, data: Record) -> tuple[int, int]:
    return (data.integer("new_height"), data.integer("new_width")) if layer.type == "ImageData" else (0, 0)


def _channels(layer: Layer, data: Record, transform: Record) -> int:
    """Return the number of channels that a layer states, 0 if it does not."""
    means = len(transform.reals("mean_value"))
    if layer.type == "ImageData":
        return _COLOURS if data.flag("is_color") else 1
    if layer.type == "WindowData":
        return _COLOURS
    if transform.flag("force_gray"):
        return 1
    return means if means > 1 else _COLOURS if transform.flag("force_color") else 0


def _blob_shape(layer: Layer, place: int) -> Shape | None:
    """Return the shape that a layer states for a top, without the number of images. ``None`` if it states none.

    Raises ``Inexpressible`` if it is neither an image nor a vector.
    """
    parameter = layer.record.message("input_param" if layer.type == "Input" else "dummy_data_param")
    shapes = parameter.messages("shape")
    if shapes:
        sizes = shapes[place if len(shapes) > 1 else 0].integers("dim")[1:]
    elif layer.type == "DummyData":
        numbers = [parameter.integers(name) for name in ("channels", "height", "width")]
        sizes = [values[place if len(values) > 1 else 0] for values in numbers if values]
    else:
        return None
    if len(sizes) not in (1, 3) or min(sizes) < 1:
        axes = " x ".join(["N", *map(str, sizes)])
        raise Inexpressible(f"its values are {axes}; a spec has images and vectors", parameter.place("shape"))
    return Shape(*sizes)
