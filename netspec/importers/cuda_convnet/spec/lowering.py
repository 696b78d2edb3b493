"""Translate a whole definition to lines of a spec, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.layers.model import ConvInput, Definition, Image, Layer
from netspec.importers.cuda_convnet.learning.model import Drop, Learning, Norm
from netspec.importers.cuda_convnet.spec import functions, losses, maps, pooling
from netspec.importers.cuda_convnet.spec.lines import OUTPUT, Lines
from netspec.importers.cuda_convnet.spec.sharing import Sharing, line_of, sharing
from netspec.ir.shape import Shape
from netspec.keys.texts import per_input


def lines_of(definition: Definition, learning: Learning, shape: Shape) -> Lines:
    """Return the lines of a definition whose data have this shape. Raises ``SectionError`` if no spec expresses it."""
    return _Writer(definition, learning, shape).lines()


class _Writer:
    """The state of a translation."""

    def __init__(self, definition: Definition, learning: Learning, shape: Shape) -> None:
        self.definition = definition
        self.learning = learning
        self.shape = shape
        windowed = (layer for layer in definition.layers.values() if layer.type in ("conv", "local"))
        self.sharing: Sharing = sharing(definition, {layer.name for layer in windowed if _has_uneven_padding(layer)})
        self.result = Lines()
        self.types: Mapping[str, Callable[[Layer], str]] = {
            "fc": self._fc,
            "sfc": self._fc,
            "treefc": self._fc,
            "conv": self._conv,
            "local": self._conv,
            "cmrnorm": self._cross_map,
            "rnorm": lambda layer: self._within_map(layer, "rnorm"),
            "cnorm": lambda layer: self._within_map(layer, "contrast"),
            "hs": self._dropout,
            "dropout": self._dropout,
            "dropout2": self._dropout,
            "neuron": lambda layer: functions.add_neuron_layer(layer, self.result),
            "softmax": self._softmax,
            "eltsum": self._sum,
            "eltmax": lambda layer: self._combined(
                layer, "max", self._same_shape(layer, self.result.input_lines(layer))
            ),
            "concat": lambda layer: self._combined(layer, "concat", self._same_size(layer)),
            "pass": lambda layer: self._combined(layer, "concat", self._same_size(layer)),
            "sum": self._sums_of_runs,
        }

    def lines(self) -> Lines:
        compared = losses.compared(self.definition, self.learning)
        for layer in self.definition.layers.values():
            if layer.type == "data":
                self._data(layer)
            elif layer.is_cost:
                losses.add(self.definition, layer, self.result, self.learning, compared)
            elif layer.name in compared.differences:
                continue
            else:
                write = self.types.get(layer.type)
                take_max = self.learning.of(layer).takes_max
                name = write(layer) if write else maps.add(layer, self.result, take_max=take_max)
                self._neuron(layer, name, separate=layer.name in compared.logistic)
        return self.result

    def _neuron(self, layer: Layer, name: str, *, separate: bool) -> None:
        """Add the neuron of a layer whose line is ``name``, and the dropout of its values before the neuron, if any.

        A dropout before a ``relu`` is the same as one after it, where papers have it.
        """
        rate = self.learning.of(layer).dropout or layer.values.get("dropout")
        after = layer.neuron is None or layer.neuron.word in ("ident", "relu")
        if rate and not after:
            name = self._own_dropout(layer, name, rate)
        functions.add_neuron(layer, self.result, name, separate=separate)
        if rate and after:
            self.result.values[layer.name] = self._own_dropout(layer, self.result.values[layer.name], rate)

    def _own_dropout(self, layer: Layer, name: str, rate: float) -> str:
        keys = {"rate": format_literal(rate), "scaling": "test"}
        return self.result.add(layer, "dropout", keys, [name], self.result.images[name], "-dropout")

    def _data(self, layer: Layer) -> None:
        if self.definition.is_labels(layer):
            return
        first = next((line.name for line in self.result.all if line.type == "input"), None)
        side = self.shape[1:]
        image = Image(self.shape[0], side[0]) if self.shape.is_image and side[0] == side[1] else None
        part = layer.outputs != self.shape.units
        if first is None:
            first = name = self.result.add(layer, "input", {}, [], image, "-whole" if part else OUTPUT)
        elif not part:
            name = self.result.add(layer, "linear", {}, [first], image)
        if part:
            name = maps.part_of_data(layer, self.result, first, image)
        self.result.values[layer.name] = self.result.before[layer.name] = name

    def _fc(self, layer: Layer) -> str:
        parts = layer.values.get("parts", 1)
        keys = {"outputs": str(layer.outputs)}
        if parts > 1:
            keys["parts"] = str(parts)
        reads = [self.result.read(layer, i, None, vector=parts > 1) for i in range(len(layer.inputs))]
        return self._weighted(layer, "fc", keys, {}, reads, None)

    def _conv(self, layer: Layer) -> str:
        values, conv_inputs = layer.values, layer.values["reads"]
        reads = [self.result.read(layer, i, image) for i, image in enumerate(layer.reads)]
        lists = {
            "kernel": [str(read.kernel) for read in conv_inputs],
            "stride": [str(read.stride) for read in conv_inputs],
            "pad": [pooling.sides(*pad) for pad in _pads_of(layer)],
            "groups": [str(read.groups) for read in conv_inputs],
            "spread": [str(_spread(read)) for read in conv_inputs],
        }
        neutral = {"stride": "1", "pad": "0", "groups": "1", "spread": "1"}
        lists = {key: texts for key, texts in lists.items() if set(texts) != {neutral.get(key)}}
        keys = {"filters": str(values["filters"])}
        if layer.type == "conv" and not values["shared_biases"]:
            keys["bias_per"] = "unit"
        if _over_zeros(layer):
            keys["outside"] = "bias"
        return self._weighted(layer, layer.type, keys, lists, reads, layer.image)

    def _weighted(
        self,
        layer: Layer,
        type_: str,
        keys: Mapping[str, str],
        lists: Mapping[str, Sequence[str]],
        reads: list[str],
        image: Image | None,
    ) -> str:
        """Add a layer with weights: one line, or a line per input and their sum if it is in ``Sharing.split``.

        ``lists`` are keys with a value per input. A line that shares weights has no keys for them.
        """
        init = [f"gaussian({format_literal(abs(w))})" for w in layer.values["initW"]]
        weights: Mapping[str, Sequence[str]] = {"init": init, **self.learning.weights.get(layer.name, {})}
        bias = {"bias": format_literal(layer.values["initB"])} if layer.values["initB"] else {}
        bias |= self.learning.biases.get(layer.name, {})
        updates = self.learning.updates.get(layer.name)
        update_keys = {"update_every": str(updates)} if updates else {}
        if layer.name not in self.sharing.split:
            owner = self.sharing.owners.get(layer.name)
            sharing_key = {"weights": owner} if owner is not None else {}
            stated = {key: per_input(texts) for key, texts in (lists if sharing_key else {**lists, **weights}).items()}
            return self.result.add(layer, type_, {**keys, **stated, **bias, **update_keys, **sharing_key}, reads, image)
        parts = []
        for i, (read, shared) in enumerate(zip(reads, layer.shared, strict=True)):
            sharing_key = {"weights": line_of(shared, self.sharing.split)} if shared is not None else {}
            stated = {key: texts[i] for key, texts in (lists if sharing_key else {**lists, **weights}).items()}
            first = {**bias, **update_keys} if i == 0 else {"bias": "none", **({} if sharing_key else update_keys)}
            line_keys = {**keys, **stated, **first, **sharing_key}
            parts.append(self.result.add(layer, type_, line_keys, [read], image, f".{i}"))
        return self.result.add(layer, "sum", {}, parts, image)

    def _norm_keys(self, layer: Layer) -> dict[str, str]:
        norm = self.learning.of(layer).norm or Norm()
        return {"k": format_literal(norm.k), "scale": format_literal(norm.scale), "beta": format_literal(norm.power)}

    def _cross_map(self, layer: Layer) -> str:
        size, keys = layer.values["size"], self._norm_keys(layer)
        read = self.result.read(layer, 0, layer.reads[0])
        image = layer.image
        assert image is not None
        if not layer.values["blocked"]:
            return self.result.add(layer, "lrn", {"size": str(size), **keys}, [read], image)
        norm = self.learning.of(layer).norm or Norm()
        keys["alpha"] = format_literal(norm.scale / size)
        del keys["scale"]
        blocks, rest = divmod(image.channels, size)
        if not rest:
            return self._block(layer, size, {**keys, "groups": str(blocks)}, read, image)
        whole = maps.run_of_maps(layer, self.result, read, image, 0, blocks * size, "-blocks")
        last = maps.run_of_maps(layer, self.result, read, image, blocks * size, rest, "-rest")
        parts = [
            self._block(layer, size, {**keys, "groups": str(blocks)}, whole, Image(blocks * size, image.side), ".0"),
            self._block(layer, rest, keys, last, Image(rest, image.side), ".1"),
        ]
        return self.result.add(layer, "concat", {}, parts, image)

    def _block(
        self, layer: Layer, size: int, keys: Mapping[str, str], read: str, image: Image, suffix: str = OUTPUT
    ) -> str:
        """Add a normalisation within blocks of channels: the window of every channel covers its whole block."""
        return self.result.add(layer, "lrn", {"size": str(2 * size - 1), **keys}, [read], image, suffix)

    def _within_map(self, layer: Layer, word: str) -> str:
        read = self.result.read(layer, 0, layer.reads[0])
        keys = {"size": str(layer.values["size"]), **self._norm_keys(layer)}
        return self.result.add(layer, word, keys, [read], layer.image)

    def _dropout(self, layer: Layer) -> str:
        """Add a dropout. ``hs`` and ``dropout2`` multiply by ``keep`` in tests, and always if they are not enabled."""
        keep = layer.values["keep"] if layer.type == "hs" else 0.5
        drop = self.learning.of(layer).drop or Drop(keep)
        read = self.result.input_lines(layer)[0]
        image = self.result.images[read]
        at_test = layer.type != "dropout"
        if not drop.enabled or drop.keep == 0:
            factor = drop.keep if at_test else 1.0
            return self.result.add(layer, "linear", {} if factor == 1 else {"a": format_literal(factor)}, [read], image)
        scaling = {"scaling": "test"} if at_test else {}
        rate = round(1 - drop.keep, 12)
        return self.result.add(layer, "dropout", {"rate": format_literal(rate), **scaling}, [read], image)

    def _softmax(self, layer: Layer) -> str:
        read = self.result.read(layer, 0, None, vector=True)
        return self.result.add(layer, "softmax", {}, [read], None)

    def _same_shape(self, layer: Layer, names: list[str]) -> list[str]:
        """Return inputs that must have the same shape: unchanged if they do, otherwise flattened."""
        if len({self.result.images[name] for name in names}) == 1:
            return names
        return [self.result.flat(layer, i, name) for i, name in enumerate(names)]

    def _same_size(self, layer: Layer) -> list[str]:
        """Return the inputs of a concatenation: unchanged if they are maps of the same size, otherwise flattened."""
        names = self.result.input_lines(layer)
        sizes = {image.side if (image := self.result.images[name]) else None for name in names}
        if len(sizes) == 1:
            return names
        return [self.result.flat(layer, i, name) for i, name in enumerate(names)]

    def _sums_of_runs(self, layer: Layer) -> str:
        """Add the sums of ``stride`` consecutive numbers each."""
        read, stride = self.result.input_lines(layer)[0], layer.values["stride"]
        layer.options.warn(
            "cfg-substitute",
            f"no program that computes type=sum was published; sums of {stride} consecutive numbers are used instead",
            "type",
        )
        rows = self.result.add(layer, "reshape", {"size": f"1x{layer.outputs}x{stride}"}, [read], None, "-rows")
        keys = {"kernel": f"1x{stride}"}
        summed = self.result.add(layer, "sumpool", keys, [rows], None, "-summed")
        return self.result.add(layer, "flatten", {}, [summed], None)

    def _combined(self, layer: Layer, word: str, names: list[str]) -> str:
        images = [self.result.images[name] for name in names]
        first = images[0]
        image = first
        if word == "concat" and first is not None:
            image = Image(sum(i.channels for i in images if i is not None), first.side)
        return self.result.add(layer, word, {}, names, image)

    def _sum(self, layer: Layer) -> str:
        result, factors = self.result, self.learning.of(layer).factors or layer.values["coeffs"]
        scaled = []
        for i, (name, a) in enumerate(zip(result.input_lines(layer), factors, strict=True)):
            times = {"a": format_literal(a)}
            image = result.images[name]
            scaled.append(name if a == 1 else result.add(layer, "linear", times, [name], image, f"-times{i}"))
        names = self._same_shape(layer, scaled)
        return result.add(layer, "sum" if len(names) > 1 else "linear", {}, names, result.images[names[0]])


def _pads_of(layer: Layer) -> list[tuple[int, int]]:
    """Return the padding before and after each input of a convolution."""
    return [_pad(read, layer.values["side"]) for read in layer.values["reads"]]


def _pad(read: ConvInput, places: int) -> tuple[int, int]:
    """Return the padding before and after an input with so many windows along an axis.

    The original's last window may overhang, as with ``rounding=up``, unless ``modulesX`` requests another number of
    windows.
    """
    before, side = read.padding, read.image.side
    spare = 2 * before + side - read.kernel
    if spare >= 0 and math.ceil(spare / read.stride) + 1 == places:
        return before, before
    return before, read.stride * (places - 1) + read.kernel - side - before


def _spread(read: ConvInput) -> int:
    """Return how often an input's channels are repeated for the groups of a random sparse layer."""
    return read.groups * read.depth // read.image.channels


def _over_zeros(layer: Layer) -> bool:
    """Whether a convolution has windows that lie completely outside one of its input images."""
    return any(
        read.padding >= read.kernel or read.stride * (layer.values["side"] - 1) - read.padding >= read.image.side
        for read in layer.values["reads"]
    )


def _has_uneven_padding(layer: Layer) -> bool:
    """Whether a convolution's paddings cannot be written as one key, since its inputs need different ones per side."""
    pads = _pads_of(layer)
    differ = len(pads) > 1 and (len(set(pads)) > 1 or len(pads) == 4)
    return differ and any(before != behind for before, behind in pads)
