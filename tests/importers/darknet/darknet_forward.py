"""Darknet's forward pass of one image, restated in numpy from its C source (src/*_layer.c), which reads its own files.

A network is a list of sections: the word in brackets, and a dict of its options. Weights are a sequence of numbers, as
behind the header of a ``.weights`` file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Section = tuple[str, Mapping[str, object]]

ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "loggy": lambda x: 2 / (1 + np.exp(-x)) - 1,
    "relu": lambda x: x * (x > 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "elu": lambda x: (x >= 0) * x + (x < 0) * (np.exp(x) - 1),
    "selu": lambda x: (x >= 0) * 1.0507 * x + (x < 0) * 1.0507 * 1.6732 * (np.exp(x) - 1),
    "relie": lambda x: np.where(x > 0, x, 0.01 * x),
    "ramp": lambda x: x * (x > 0) + 0.1 * x,
    "leaky": lambda x: np.where(x > 0, x, 0.1 * x),
    "tanh": lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1),
    "hardtan": lambda x: np.clip(x, -1, 1),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
}


def written(*sections: Section) -> str:
    """Return sections as a ``.cfg`` file."""
    return "\n".join(f"[{word}]\n" + "".join(f"{k}={v}\n" for k, v in options.items()) for word, options in sections)


@dataclass
class Forward:
    """The outputs of the layers so far, as arrays of three axes, and the numbers that are not read yet."""

    numbers: Array
    biased_norms: bool = True
    outputs: list[Array] = field(default_factory=list)
    read: int = 0

    def take(self, *shape: int) -> Array:
        count = int(np.prod(shape))
        self.read += count
        return self.numbers[self.read - count : self.read].reshape(shape)

    def run(self, sections: Sequence[Section], image: Array) -> Array:
        """Return the last layer's output. ``sections`` are without ``[net]``."""
        x = image
        for word, options in sections:
            x = getattr(self, word)(x, {k: v if k in TEXTS else float(str(v)) for k, v in options.items()})
            self.outputs.append(x)
        assert self.read == len(self.numbers)
        return x

    def other(self, number: int) -> Array:
        return self.outputs[number if number >= 0 else len(self.outputs) + number]

    def convolutional(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        n, size, groups = int(o.get("filters", 1)), int(o.get("size", 1)), int(o.get("groups", 1))
        sx = int(o.get("stride_x", o.get("stride", 1)))
        sy, dilation = int(o.get("stride_y", o.get("stride", 1))), int(o.get("dilation", 1))
        pad = size // 2 if o.get("pad") else int(o.get("padding", 0))
        c, h, w = x.shape
        biases = self.take(n)
        norm = [self.take(n) for _ in range(3)] if o.get("batch_normalize") else None
        weights = self.take(groups, n // groups, c // groups, size, size)
        padded = np.pad(x, ((0, 0), (pad * dilation,) * 2, (pad * dilation,) * 2))
        padded = padded.reshape(groups, c // groups, *padded.shape[1:])
        y = np.zeros((groups, n // groups, (h + 2 * pad - size) // sy + 1, (w + 2 * pad - size) // sx + 1))
        for i in range(y.shape[2]):
            for j in range(y.shape[3]):
                top, left = i * sy, j * sx
                window = padded[:, :, top : top + size * dilation : dilation, left : left + size * dilation : dilation]
                y[:, :, i, j] = np.einsum("gcij,gncij->gn", window[:, :, :size, :size], weights)
        return activated(normalised(y.reshape(n, *y.shape[2:]), biases, norm), o)

    def deconvolutional(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        """The product with the transposed weights, and ``col2im_cpu``, which adds the columns up."""
        n, size, stride = int(o.get("filters", 1)), int(o.get("size", 1)), int(o.get("stride", 1))
        pad = size // 2 if o.get("pad") else int(o.get("padding", 0))
        c, h, w = x.shape
        biases = self.take(n)
        norm = [self.take(n) for _ in range(3)] if o.get("batch_normalize") else None
        columns = self.take(c, n * size * size).T @ x.reshape(c, h * w)
        y = np.zeros((n, (h - 1) * stride + size - 2 * pad, (w - 1) * stride + size - 2 * pad))
        for k, values in enumerate(columns.reshape(-1, h, w)):
            for i in range(h):
                for j in range(w):
                    row, column = k // size % size + i * stride - pad, k % size + j * stride - pad
                    if 0 <= row < y.shape[1] and 0 <= column < y.shape[2]:
                        y[k // size // size, row, column] += values[i, j]
        return activated(normalised(y, biases, norm), o)

    def connected(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        outputs = int(o.get("output", 1))
        biases, weights = self.take(outputs), self.take(outputs, x.size)
        norm = [self.take(outputs) for _ in range(3)] if o.get("batch_normalize") else None
        return activated(normalised((weights @ x.reshape(-1)).reshape(outputs, 1, 1), biases, norm), o)

    def local(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        n, size, stride, pad = (int(o.get(k, d)) for k, d in (("filters", 1), ("size", 1), ("stride", 1), ("pad", 0)))
        c, h, w = x.shape
        rows, columns = ((side - (1 if pad else size)) // stride + 1 for side in (h, w))
        biases, weights = self.take(n, rows, columns), self.take(rows * columns, n, c * size * size)
        padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        y = np.zeros((n, rows, columns))
        for i in range(rows):
            for j in range(columns):
                window = padded[:, i * stride : i * stride + size, j * stride : j * stride + size]
                y[:, i, j] = weights[i * columns + j] @ window.reshape(-1)
        return activated(y + biases, o)

    def batchnorm(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        biases = self.take(len(x)) if self.biased_norms else np.zeros(len(x))
        return normalised(x, biases, [self.take(len(x)) for _ in range(3)])

    def maxpool(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        return pooled(x, o, lambda values: values.max(1))

    def local_avgpool(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        return pooled(x, o, lambda values: values.mean(1))

    def avgpool(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        return x.mean((1, 2), keepdims=True)

    def upsample(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        stride = int(o.get("stride", 2))
        return x.repeat(stride, 1).repeat(stride, 2) * o.get("scale", 1)

    def reorg(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        """The loops of ``reorg_cpu``: ``forward`` is the option reverse."""
        s, reverse = int(o.get("stride", 1)), bool(o.get("reverse", 0))
        c, h, w = x.shape
        flat, out, out_c = x.reshape(-1), np.zeros(x.size), c // (s * s)
        for k in range(c):
            for j in range(h):
                for i in range(w):
                    c2, offset = k % out_c, k // out_c
                    w2, h2 = i * s + offset % s, j * s + offset // s
                    inner, outer = i + w * (j + h * k), w2 + w * s * (h2 + h * s * c2)
                    if reverse:
                        out[outer] = flat[inner]
                    else:
                        out[inner] = flat[outer]
        return out.reshape((out_c, h * s, w * s) if reverse else (c * s * s, h // s, w // s))

    def route(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        groups, group = int(o.get("groups", 1)), int(o.get("group_id", 0))
        parts = [self.other(int(number)) for number in str(o["layers"]).split(",")]
        return np.concatenate([np.split(part, groups)[group] for part in parts])

    def shortcut(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        out = x.copy()
        for number in str(o["from"]).split(","):
            add = self.other(int(number))
            (c1, h1, w1), (c2, h2, w2) = add.shape, out.shape
            stride, common = max(w1 // w2, 1), min(c1, c2)
            for k in range(common):
                for j in range(min(h1, h2)):
                    for i in range(min(w1, w2)):
                        added = add[k, j * stride, i * stride]
                        out[k, j, i] = o.get("alpha", 1) * out[k, j, i] + o.get("beta", 1) * added
        return activated(out, o, "linear")

    def scale_channels(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        return activated(self.other(int(str(o["from"]))) * x.reshape(-1, 1, 1), o, "linear")

    def sam(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        return activated(self.other(int(str(o["from"]))) * x, o, "linear")

    def activation(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        return activated(x, o, "linear")

    def dropout(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        return x

    def softmax(self, x: Array, o: dict) -> Array:  # type: ignore[type-arg]
        axis = 0 if o.get("spatial") else None
        e = np.exp((x - x.max()) / o.get("temperature", 1))
        return e / e.sum(axis)


TEXTS = ("activation", "layers", "from")


def activated(x: Array, o: Mapping[str, object], default: str = "logistic") -> Array:
    return ACTIVATIONS[str(o.get("activation", default))](x)


def normalised(x: Array, biases: Array, norm: Sequence[Array] | None) -> Array:
    """``forward_batchnorm_layer`` outside training, and the biases. The epsilon is that of ``normalize_kernel``."""
    if norm is not None:
        scales, mean, variance = (values.reshape(-1, 1, 1) for values in norm)
        x = (x - mean) / np.sqrt(variance + 1e-5) * scales
    return x + biases.reshape(-1, 1, 1)


def pooled(x: Array, o: Mapping[str, float], value: Callable[[Array], Array]) -> Array:
    """``forward_maxpool_layer``: windows begin at -padding / 2, and positions outside do not count."""
    stride = int(o.get("stride", 1))
    sy, sx = int(o.get("stride_y", stride)), int(o.get("stride_x", stride))
    size = int(o.get("size", stride))
    pad = int(o.get("padding", size - 1))
    c, h, w = x.shape
    y = np.zeros((c, (h + pad - size) // sy + 1, (w + pad - size) // sx + 1))
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            top, left = i * sy - pad // 2, j * sx - pad // 2
            window = x[:, max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)]
            y[:, i, j] = value(window.reshape(c, -1))
    return y
