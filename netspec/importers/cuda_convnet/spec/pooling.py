"""Write pooling, over pixels or across maps, as lines.

The original's windows can lie completely outside the image, because of a large ``outputsX`` (``outputs``) or a
``start`` far before the image, which is an error in a spec. For such empty windows, the original programs computed 0
for the sum and for the largest magnitude, -2e38 for the maximum, and for the average 0 divided by a count of pixels
that is 0 or a product of negative lengths (``cudaconv3/include/conv_util.cuh`` of version 2). Here, only the windows
with pixels are pooled, and the result is padded with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

from netspec.formatting import plural
from netspec.importers.cuda_convnet.layers.model import Image, Layer
from netspec.importers.cuda_convnet.spec.lines import OUTPUT, Lines
from netspec.importers.spec.keys import crop_keys
from netspec.keys.texts import pad

_WORDS = {"max": "maxpool", "rand": "maxpool", "maxabs": "maxabspool", "avg": "avgpool"}
_EMPTY_WINDOWS = {
    "max": ("maximum", "the original's programs gave -2e38 for the maximum of nothing"),
    "rand": ("maximum", "what the original's program gave for nothing was not published"),
    "avg": ("average", "the original's programs gave 0 / 0 for the average of nothing, and 0 farther out"),
}
_CLAMP_AT_0 = ("relu", "nrelu", "brelu")
"""Functions that map -2e38 to 0, like 0."""


@dataclass(frozen=True, slots=True)
class Run:
    """The windows along an axis of ``length`` pixels. Window i covers ``size`` pixels from ``start + stride * i``."""

    length: int
    size: int
    stride: int
    start: int
    places: int

    @property
    def before(self) -> int:
        """The number of windows that end before the first pixel."""
        return min(self.places, max(0, (-self.size - self.start) // self.stride + 1))

    @property
    def after(self) -> int:
        """The number of windows that start after the last pixel."""
        return min(self.places, max(0, self.places - (self.length - 1 - self.start) // self.stride - 1))

    @property
    def empty(self) -> int:
        return self.before + self.after

    @property
    def inside(self) -> Run:
        """The windows that contain pixels."""
        return Run(
            self.length, self.size, self.stride, self.start + self.stride * self.before, self.places - self.empty
        )


def add(layer: Layer, lines: Lines, read: str, *, take_max: bool) -> str:
    """Add the lines of ``pool``. ``take_max``: the parameter file makes random pooling take the maximum."""
    values, image, output = layer.values, layer.reads[0], layer.image
    assert image is not None
    assert output is not None
    kind = values["pool"]
    if kind == "rand" and not take_max:
        layer.options.warn(
            "cfg-substitute", "the rule of pool=rand was not published; max pooling is used instead", "pool"
        )
    word = "sumpool" if values["sum"] else _WORDS[kind]
    run = Run(image.side, values["size"], values["stride"], values["start"], values["places"])
    single = run.size == 1 == run.stride  # pooling does nothing
    if not run.empty and (not single or run.places == run.length):
        return _pooled(layer, lines, read, word, run)
    if not run.empty:
        return lines.add(layer, "crop", crop_keys(run.start, run.start, run.places, run.places), [read], output)
    _warn_of_empty_windows(layer, run, "sum" if values["sum"] else kind, "outputsX")
    inside = run.inside
    if not inside.places:
        pixel = lines.add(layer, "crop", crop_keys(0, 0, 1, 1), [read], Image(image.channels, 1), "-pixel")
        inner = lines.add(layer, "linear", {"a": "0"}, [pixel], Image(image.channels, 1), "-nothing")
        return _padded(layer, lines, inner, 0, run.places - 1, output)
    if single:
        inner = _covered(layer, lines, read, image, inside.start, inside.places)
    else:
        inner = _pooled(layer, lines, read, word, inside, "-pooled")
    return _padded(layer, lines, inner, run.before, run.after, output)


def _pooled(layer: Layer, lines: Lines, read: str, word: str, run: Run, suffix: str = OUTPUT) -> str:
    """Add the pooling of windows that all contain pixels."""
    image = layer.reads[0]
    assert image is not None
    output = Image(image.channels, run.places)
    keys = {"kernel": str(run.size), "stride": str(run.stride)}
    first, last = run.start, run.start + run.stride * (run.places - 1) + run.size
    if first <= 0 and 0 < image.side - last < run.stride:
        keys |= {"pad": sides(-first, 0), "rounding": "down"} if first else {"rounding": "down"}
        return lines.add(layer, word, keys, [read], output, suffix)
    covered = min(last, image.side) - max(first, 0)
    read = _covered(layer, lines, read, image, max(first, 0), covered)
    automatic = 1 - (-(covered - run.size) // run.stride)
    if run.places != automatic or first < 0 or covered < run.size:
        keys["pad"] = sides(max(-first, 0), max(last - image.side, 0))
    return lines.add(layer, word, keys, [read], output, suffix)


def _covered(layer: Layer, lines: Lines, read: str, image: Image, first: int, pixels: int) -> str:
    """Return the input, cropped to the pixels that the windows cover."""
    if pixels == image.side:
        return read
    return lines.add(layer, "crop", crop_keys(first, first, pixels, pixels), [read], None, "-covered")


def _padded(layer: Layer, lines: Lines, inner: str, before: int, after: int, output: Image) -> str:
    """Add zeros for the windows without pixels."""
    return lines.add(layer, "zeropad", {"pad": sides(before, after)}, [inner], output)


def add_across(layer: Layer, lines: Lines, read: str) -> str:
    """Add the lines of ``cmpool``, as the pooling of an image whose rows are the maps."""
    values, image, output = layer.values, layer.reads[0], layer.image
    assert image is not None
    assert output is not None
    pixels = image.side**2
    whole = Run(image.channels, values["size"], values["stride"], values["start"], output.channels)
    run = whole.inside
    before, after = -run.start, run.stride * (run.places - 1) + run.size - image.channels + run.start
    keys = {"kernel": f"{run.size}x1", "stride": f"{run.stride}x1", "pad": f"0,0,{before},{after}"}
    if not before and not after:
        del keys["pad"]
    maps = lines.add(layer, "reshape", {"size": f"1x{image.channels}x{pixels}"}, [read], None, "-maps")
    pooled = lines.add(layer, "maxpool", keys, [maps], None, "-largest")
    if whole.empty:
        _warn_of_empty_windows(layer, whole, "max", "outputs")
        pooled = lines.add(layer, "zeropad", {"pad": f"0,0,{whole.before},{whole.after}"}, [pooled], None, "-padded")
    return lines.add(layer, "reshape", {"size": f"{output.channels}x{output.side}x{output.side}"}, [pooled], output)


def _warn_of_empty_windows(layer: Layer, run: Run, kind: str, key: str) -> None:
    """Warn about windows without a pixel or channel, if the original did not compute 0 for them."""
    if kind not in _EMPTY_WINDOWS or (kind == "max" and layer.neuron is not None and layer.neuron.word in _CLAMP_AT_0):
        return
    quantity, note = _EMPTY_WINDOWS[kind]
    thing, axes = ("channel", "") if layer.type == "cmpool" else ("pixel", " per axis")
    ends = ((0, run.before - 1), (run.places - run.after, run.places - 1))
    empty = " and ".join(f"{first} to {last}" if first < last else f"{first}" for first, last in ends if first <= last)
    windows = f"window i (0 to {run.places - 1}) covers {run.start} + {run.stride} i to {run.start + run.size - 1}"
    layer.options.warn(
        "cfg-substitute",
        f"{run.empty} of its {plural(run.places, 'window')}{axes} {'has' if run.empty == 1 else 'have'} no {thing}; "
        f"zeros are used for their {quantity}",
        key if run.after else "start",
        notes=(f"{windows} + {run.stride} i, of {thing}s 0 to {run.length - 1}; {empty} cover none", note),
    )


def sides(before: int, after: int) -> str:
    """Return the value of ``pad=`` for the same padding in both directions."""
    return pad((before, after, before, after))
