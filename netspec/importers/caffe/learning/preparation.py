"""How images are prepared: a data layer's message TransformationParameter as keys of the input and augment lines.

Caffe takes pixels from 0 to 255, subtracts a mean and multiplies the difference by ``scale``
(src/caffe/data_transformer.cpp).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netspec.diagnostics import Diagnostic
from netspec.importers.caffe.learning.numbers import checked, finite
from netspec.importers.caffe.learning.substitutes import substitute
from netspec.importers.caffe.schema.record import Record
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.shape import Shape
from netspec.keys.texts import number

BATCHES = {
    "Data": "data_param", "HDF5Data": "hdf5_data_param", "ImageData": "image_data_param",
    "MemoryData": "memory_data_param", "WindowData": "window_data_param",
}  # fmt: skip
"""The messages with ``batch_size``, by the type of the layer."""

PREPARED = ("Data", "ImageData", "MemoryData", "WindowData")
"""The types of layers that prepare images."""

BGR = ("Data", "ImageData", "WindowData")
"""The layers that read images as OpenCV does: blue, green, red. For Data, this is how convert_imageset stores them."""

IMAGENET = (192, 256)
"""The sides of crops for which images of 256 x 256 are assumed, which Caffe's scripts for ImageNet make."""

CIFAR = 32
"""The side of CIFAR's images."""

_WHITE = 255


@dataclass(frozen=True, slots=True)
class Preparation:
    """Keys of the input line and of the augment line, and what is assumed."""

    input_keys: Mapping[str, str] = field(default_factory=dict)
    augment: Mapping[str, str] = field(default_factory=dict)
    assumed: tuple[Diagnostic, ...] = ()


def batch_size(layer: Record) -> int | None:
    """Return how many images a data layer reads at once, ``None`` if it does not say."""
    type_ = layer.text("type")
    if type_ in BATCHES:
        return layer.message(BATCHES[type_]).integer("batch_size") or None
    if type_ == "DummyData":
        shapes, old = layer.message("dummy_data_param").messages("shape"), layer.message("dummy_data_param")
        sizes = shapes[0].integers("dim") if shapes else old.integers("num")
        return sizes[0] if sizes else None
    return None


def preparation(train: Record, test: Record | None, shape: Shape) -> Preparation:
    """Return how the data layer of the training, and that of the tests if there is another, prepare images of a shape.

    Raises ``Inexpressible`` and ``Rejected``.
    """
    transform = train.message("transform_param")
    other_mean = () if test is None else _compared(transform, test.message("transform_param"))
    keys = _values(transform, shape.channels)
    if shape.channels == 3 and train.text("type") in BGR and not _is_cifar(train):
        keys["order"] = "bgr"
    augment, assumed = _augment(train, transform, shape)
    return Preparation(keys, augment, (*other_mean, *assumed))


def _is_cifar(layer: Record) -> bool:
    """Whether a layer reads CIFAR's images, which Caffe's convert_cifar_data stores as they are: red, green, blue."""
    return layer.text("type") == "Data" and "cifar" in layer.message("data_param").text("source").lower()


def _compared(train: Record, test: Record) -> tuple[Diagnostic, ...]:
    """Return the warning that the tests have a mean of their own, if they have one. Raises ``Inexpressible`` if their
    images are prepared in another way than those of the training."""
    for name in ("scale", "mean_file", "mean_value", "crop_size"):
        if [entry.value for entry in train.entries.get(name, ())] == [e.value for e in test.entries.get(name, ())]:
            continue
        if name == "mean_file" and train.has(name) and test.has(name):
            message = "the tests have a mean_file of their own; a spec subtracts the mean image of the training in both"
            return (substitute(message, test.place(name), "nothing need be done if both files have the same mean"),)
        message = f"the images of the training and of the tests differ in {name}; a spec prepares both alike"
        raise Inexpressible(f"{message}: give both layers the same", test.place(name))
    return ()


def _values(transform: Record, channels: int) -> dict[str, str]:
    """Return the keys ``range``, ``mean`` and ``std``."""
    scale = finite(transform, "scale")
    places = transform.places("mean_value")
    means = [checked("mean_value", m, place) for m, place in zip(transform.reals("mean_value"), places, strict=True)]
    if not scale > 0:
        raise Inexpressible("scale must be above 0", transform.place("scale"))
    if means and transform.has("mean_file"):
        raise Rejected("mean_file and mean_value are both given", transform.place("mean_value"))
    if len(means) not in (0, 1, channels):
        raise Rejected(f"it has {len(means)} mean_value for {channels} channels", transform.place("mean_value"))
    in_range = abs(scale * _WHITE - 1) < 1e-4
    keys = {} if in_range else {"range": str(_WHITE)}
    if transform.has("mean_file"):
        keys["mean"] = "image"
    elif any(means):
        keys["mean"] = ",".join(number(mean / _WHITE if in_range else mean) for mean in means)
    if scale != 1 and not in_range:
        keys["std"] = number(1 / scale)
    return keys


def _augment(layer: Record, transform: Record, shape: Shape) -> tuple[dict[str, str], tuple[Diagnostic, ...]]:
    """Return the keys of the augment line, and what is assumed."""
    keys: dict[str, str] = {}
    assumed: tuple[Diagnostic, ...] = ()
    crop = transform.integer("crop_size")
    if crop and shape[1:] == (crop, crop):
        keys["crop"] = str(crop)
        side = _side(layer)
        if side is not None and side < crop:
            raise Rejected(f"a crop of {crop} pixels cannot be cut from {side}", transform.place("crop_size"))
        if side is None:
            side, assumed = _likely_side(crop, layer, transform)
        keys |= {"from": str(side)} if side != crop else {}
    if transform.flag("mirror"):
        keys["flip"] = "horizontal"
    return keys, assumed


def _likely_side(crop: int, layer: Record, transform: Record) -> tuple[int, tuple[Diagnostic, ...]]:
    """Return the side of the images that crops are cut from, which a file with a database does not state."""
    if _is_cifar(layer) and crop <= CIFAR:
        side, origin = CIFAR, "those of CIFAR"
    elif IMAGENET[0] <= crop <= IMAGENET[1]:
        side, origin = IMAGENET[1], "which Caffe's scripts for ImageNet make"
    else:
        side, origin = crop, "so that the whole image is used"
    message = f"it is assumed that crops are cut from images of {side}x{side}, {origin}"
    note = f"augment from= of the spec states their side: --set augment.from={side}"
    return side, (substitute(message, transform.place("crop_size"), note),)


def _side(layer: Record) -> int | None:
    """Return the side to which an ImageData layer scales images, ``None`` if the file does not say.

    Raises ``Inexpressible`` if they are not square.
    """
    if layer.text("type") != "ImageData":
        return None
    images = layer.message("image_data_param")
    height, width = images.integer("new_height"), images.integer("new_width")
    if height != width:
        raise Inexpressible(f"it scales images to {height}x{width}; a spec cuts squares", images.place("new_height"))
    return height or None
