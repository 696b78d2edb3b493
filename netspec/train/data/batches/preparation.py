"""Preparing batches of stored pixels for the network: scaling, mean subtraction, crop, mirroring and colour shift.

All random choices are drawn beforehand (see ``augment``). Given the same choices, all devices compute the same pixels.
"""

from __future__ import annotations

import copy
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.settings import Augment, Preprocessing
from netspec.ir.shape import Shape
from netspec.passes.crops import centre_crop, drawn_crops
from netspec.train.data.batches.augment import Choices, choose
from netspec.train.data.batches.buffers import Buffers
from netspec.train.data.batches.erasing import erase_boxes, fill_boxes
from netspec.train.data.batches.jitter import jitter_image, jitter_images
from netspec.train.data.batches.layout import Layout
from netspec.train.data.batches.prefetch import CHUNK
from netspec.train.data.batches.transfer import to_device
from netspec.train.data.moments import Statistics
from netspec.train.data.splits import Frame, Pixels

Real = NDArray[np.float32]

AHEAD = 8
"""The maximum number of batches being copied to a device. It bounds the pinned memory held while a device lags
behind."""

MIN_DEVIATION = 1e-3
"""A channel whose standard deviation is below this fraction of a grey level is considered constant."""


class Preparation:
    """The preprocessing that a spec's input line describes, combined with the statistics of the training images.

    Parameters
    ----------
    preprocessing:
        Range, mean, channel order and standard deviation.
    statistics:
        Statistics of the training images; ``None`` if neither ``preprocessing.measured`` nor a colour shift needs them.
    frame, size:
        The size of the stored images, and of the network's input.
    peak:
        The pixel value of full brightness in stored images.
    """

    def __init__(
        self,
        preprocessing: Preprocessing,
        statistics: Statistics | None,
        frame: Frame,
        size: Shape,
        peak: int,
        device: torch.device,
    ) -> None:
        self.frame = frame
        """The size of what the input is cropped from: that of the stored images with their padding."""
        self.pad = 0
        """The number of pixels that are put on each side of a stored image."""
        self._reflects = False  # whether they are the image's, else black
        self.size = size
        self.peak = peak
        self.range = preprocessing.range
        self.device = device
        self._buffers = Buffers(np.float32)
        self._pool = ThreadPoolExecutor(torch.get_num_threads(), thread_name_prefix="netspec-prepare")
        self._layout: Layout | None = None
        self._copies: deque[tuple[torch.cuda.Event, Tensor]] = deque()
        self._scale = preprocessing.range / peak
        self._bytes = np.round(np.arange(256) * (255 / peak)).clip(0, 255).astype(np.uint8)
        self._noise = 1.0 if preprocessing.std != "none" else preprocessing.range / 4
        self._reverse = preprocessing.order == "bgr" and frame.channels == 3
        mean = self._as_channels(preprocessing.mean, 0.0)
        std = self._as_channels(preprocessing.std, 1.0)
        axes = np.zeros((frame.channels, frame.channels))
        if statistics is not None:
            axes = statistics.axes * self._scale
            if preprocessing.mean == "image":
                mean = statistics.mean * self._scale
            elif preprocessing.mean == "channel":
                mean = statistics.channel_mean[:, None, None] * self._scale
            if preprocessing.std == "channel":
                std = _divisors(statistics.channel_std)[:, None, None] * self._scale
        self.mean = torch.tensor(mean, dtype=torch.float32, device=device)
        """The mean to subtract, in the network's range: (channels, 1, 1) or the size of ``frame``; RGB order."""
        self.axes = torch.tensor(axes, dtype=torch.float64)
        """The colours' principal components times their standard deviations, in the network's range; RGB order."""
        self.std = torch.tensor(std, dtype=torch.float32, device=device)
        """The divisors, in the network's range: (channels, 1, 1); RGB order."""
        self.restore(self.mean, self.axes, self.std)

    @classmethod
    def for_graph(
        cls, graph: Graph, statistics: Statistics | None, frame: Frame, peak: int, device: str
    ) -> Preparation:
        """Return the preparation of a graph's input for stored images of this size and peak."""
        return cls(graph.preprocessing, statistics, frame, graph.input.output, peak, torch.device(device))

    def _as_channels(self, values: str | tuple[float, ...], otherwise: float) -> NDArray[np.float64]:
        """Return the values that the spec gives as numbers, or ``otherwise``: (channels, 1, 1), RGB order."""
        if isinstance(values, str):
            per_channel: tuple[float, ...] = (otherwise,)
        else:
            per_channel = values[::-1] if self._reverse else values
        return np.broadcast_to(np.array(per_channel, np.float64), self.frame.channels).reshape(-1, 1, 1).copy()

    def restore(self, mean: Tensor, axes: Tensor, std: Tensor) -> None:
        """Replace mean, axes and divisors with those of a checkpoint."""
        self.mean, self.axes = mean.to(self.device, torch.float32), axes.to("cpu", torch.float64)
        self.std = std.to(self.device, torch.float32)
        self._divides = bool((self.std != 1).any())
        self._whole_frame = self.mean.shape[1:] != (1, 1)
        self._mean_images: tuple[Real, Real] | None = None
        if self._whole_frame and self.device.type == "cpu":
            self._mean_images = (self.mean.numpy(), self.mean.flip(2).contiguous().numpy())

    def for_training(self, graph: Graph) -> Preparation:
        """Return the preparation of training images, which shares its memory with this one: itself, unless they are
        padded or arrive as crops of drawn sizes.

        Black padding has the mean of the nearest pixel, or, so that it is 0 after the subtraction, 0. From crops of
        drawn sizes, which have no fixed place in the mean image, its centre is subtracted.
        """
        augment, frame, mean = graph.augment, self.frame, self.mean
        if drawn_crops(graph) is not None:
            return self.for_crops()
        if not augment.pad:
            return self
        sides = (augment.pad,) * 4
        if augment.fill == "mean" and mean.any():
            mean = F.pad(mean.expand(-1, frame.height, frame.width), sides)
        elif self._whole_frame:
            mean = F.pad(mean, sides, mode="reflect" if augment.fill == "reflect" else "replicate")
        padded = Frame(frame.channels, frame.height + 2 * augment.pad, frame.width + 2 * augment.pad)
        other = self._cropping_from(padded, mean)
        other.pad, other._reflects = augment.pad, augment.fill == "reflect"
        return other

    def for_crops(self) -> Preparation:
        """Return the preparation of images of the input's size that have no fixed place in the stored image, so that
        the centre of a mean image is subtracted from them. It shares its memory with this one."""
        frame, mean = Frame(self.frame.channels, self.size.height, self.size.width), self.mean
        if self._whole_frame:
            top, left = centre_crop(self.frame.height - frame.height, self.frame.width - frame.width)
            mean = mean[:, top : top + frame.height, left : left + frame.width].contiguous()
        return self._cropping_from(frame, mean)

    def padding(self, augment: Augment) -> Pixels | None:
        """Return the padding around crops of drawn sizes, stored pixels of a shape to which (channels, height, width)
        of a crop can be broadcast: the mean, rounded. ``None`` if it is black."""
        if augment.fill != "mean":
            return None
        mean = (self.mean.double() * (self.peak / self.range)).round().clamp(0, self.peak)
        pixels: Pixels = mean.to("cpu", torch.uint8).numpy()
        return pixels

    def _cropping_from(self, frame: Frame, mean: Tensor) -> Preparation:
        """Return the preparation of images of another size, which shares its memory with this one."""
        other = copy.copy(self)
        other.frame = frame
        other.restore(mean, self.axes, self.std)
        return other

    def lay_out(self, layout: Layout | None) -> tuple[str, ...]:
        """Prepare images in this layout from now on; ``None`` for the plain one. Return a note if the device cannot.

        On a GPU a kernel writes the layout. It is used only if it is correct on a few random images.
        """
        self._layout = layout
        if layout is None or self.device.type == "cpu":
            return ()
        why = backend.load("pytorch").no_kernels(self.device) or self._kernel_problem(layout)
        if why is None:
            return ()
        self._layout = None
        return (f"images are prepared without a kernel, and laid out as blocks in another copy: {why}",)

    def _kernel_problem(self, layout: Layout) -> str | None:
        """Compare the kernel with ``on_device``. Return a description of the difference, or ``None`` if they agree."""
        pytorch, frame, indices = backend.load("pytorch"), self.frame, np.arange(4)
        shape = (len(indices), frame.channels, frame.height, frame.width)
        values = np.random.default_rng(0).integers(self.peak + 1, size=shape, dtype=np.uint8)
        pixels = torch.from_numpy(values).to(self.device)
        augment = Augment(flip="horizontal", colour=1.0 if self.axes.any() else 0.0)
        choices = choose(0, 0, indices, frame, self.size, augment)
        problem: str | None = pytorch.compare_kernels(
            lambda: {"pixels": self._by_kernel(pixels, choices, layout)},
            lambda: {"pixels": pytorch.blocks(self.on_device(pixels, choices), layout.blocks)},
            1e-2 if layout.dtype == torch.bfloat16 else 1e-6,
        )
        return problem

    def _by_kernel(self, pixels: Tensor, choices: Choices, layout: Layout) -> Tensor:
        """Turn stored images on a GPU into the blocks that the network reads, with a single kernel."""
        blocks: Tensor = backend.load("pytorch").image_blocks(
            pixels,
            (self.size.height, self.size.width),
            layout.blocks,
            corners=(self._to_device(choices.top.astype(np.int32)), self._to_device(choices.left.astype(np.int32))),
            mirrored=self._to_device(choices.mirror.view(np.uint8)),
            shift=self._shifts(choices) if choices.shift.any() else None,
            mean=self.mean,
            std=self.std if self._divides else None,
            scale=self._scale,
            reverse=self._reverse,
            channels_last=layout.channels_last,
            dtype=layout.dtype,
        )
        return blocks

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint stores, from which ``restore`` recreates the preparation. ``peak`` and ``range``,
        which follow from the data and the spec, are for programs that read a checkpoint without netspec."""
        tensors = {"mean": self.mean.cpu(), "axes": self.axes.cpu(), "std": self.std.cpu()}
        return {"peak": self.peak, "range": self.range, **tensors}

    def __call__(self, pixels: Pixels, choices: Choices) -> Tensor:
        """Return stored images as the network reads them: float32, (N, channels, height, width) of its input, or the
        blocks requested with ``lay_out``.

        The mean image is cropped like the image, so that each pixel is reduced by the mean at its position in the
        stored frame. ``choices`` are those for a ``frame``, which has the padding, and ``pixels`` are without it.
        Masks, planes of ``pixels`` after those of the image, are left out.
        """
        pixels = pixels[:, : self.frame.channels]
        if self.device.type != "cpu":
            padded = self._padded(pixels)
            moved = self._copy_async(padded if choices.operations is None else self.operated(padded, choices))
            return self._by_kernel(moved, choices, self._layout) if self._layout else self.on_device(moved, choices)
        if self._layout is not None:
            out = self._layout.buffer(self._buffers, len(pixels), self.size)
        else:
            out = self._buffers((len(pixels), *self.size))
        # With as many threads as torch, while torch is idle. Preparing images during a step would take a core from one
        # of the step's threads, and the others would wait for it.
        pieces = [slice(start, start + CHUNK) for start in range(0, len(pixels), CHUNK)]
        for _ in self._pool.map(lambda piece: self._write(pixels[piece], choices[piece], out[piece]), pieces):
            pass
        return torch.from_numpy(out)

    def _write(self, pixels: Pixels, choices: Choices, out: Real) -> None:
        """Prepare images on the CPU, one at a time, so that each stays in the CPU's cache until it is done.

        The operations and their order are those of ``on_device``, with bit-identical results. The GIL is released
        during the computations.
        """
        height, width = self.size.height, self.size.width
        pixels = self._padded(pixels)
        canvas, image = self._layout.canvas(self.size) if self._layout is not None else (None, None)
        shifts = (choices.shift @ self.axes.numpy().T).astype(np.float32)
        scale = self._scale_of(choices)
        for slot, (stored, shift) in enumerate(zip(pixels, shifts, strict=True)):
            target = image if image is not None else out[slot]
            target = target[::-1] if self._reverse else target
            top, left = int(choices.top[slot]), int(choices.left[slot])
            mirrored = bool(choices.mirror[slot])
            crop = stored[:, top : top + height, left : left + width]
            if choices.operations is not None:
                crop = choices.operations.apply(self._bytes[crop], slot)
            np.copyto(target, crop[:, :, ::-1] if mirrored else crop)
            if scale != 1:
                np.multiply(target, np.float32(scale), out=target)
            if choices.jitters is not None:
                jitter_image(target, choices.jitters, slot, self.range)
            if self._mean_images is not None:
                # The mirrored mean image is stored too, because reading an image backwards takes twice the time.
                start = self.frame.width - width - left if mirrored else left
                mean = self._mean_images[mirrored][:, top : top + height, start : start + width]
                np.subtract(target, mean, out=target)
            else:
                np.subtract(target, self.mean.numpy(), out=target)
            if shift.any():
                np.add(target, shift[:, None, None], out=target)
            if self._divides:
                np.divide(target, self.std.numpy(), out=target)
            if choices.erased is not None:
                first_row, first_column, last_row, last_column = choices.erased[slot].tolist()
                box = target[:, first_row:last_row, first_column:last_column]
                box[:] = 0 if choices.filler is None else choices.filler.numbers(slot, *box.shape).numpy() * self._noise
            if self._layout is not None and canvas is not None:
                self._layout.write(canvas, out[slot])

    def _scale_of(self, choices: Choices) -> float:
        """Return the factor from pixels to the network's range: from bytes after the operations of a policy."""
        return self._scale if choices.operations is None else self.range / 255

    def _padded(self, pixels: Pixels) -> Pixels:
        if not self.pad:
            return pixels
        sides = ((0, 0), (0, 0), (self.pad, self.pad), (self.pad, self.pad))
        return np.pad(pixels, sides, "reflect" if self._reflects else "constant")

    def operated(self, pixels: Pixels, choices: Choices) -> Pixels:
        """Return the crops of images after the operations of a policy, as bytes."""
        operations, crops = choices.operations, np.empty((len(pixels), *self.size), np.uint8)
        assert operations is not None

        def change(slot: int) -> None:
            rows = slice(top := int(choices.top[slot]), top + self.size.height)
            columns = slice(left := int(choices.left[slot]), left + self.size.width)
            crops[slot] = operations.apply(self._bytes[pixels[slot, :, rows, columns]], slot)

        for _ in self._pool.map(change, range(len(pixels))):
            pass
        return crops

    def on_device(self, x: Tensor, choices: Choices) -> Tensor:
        """Prepare uint8 images of the size of ``frame``, (N, channels, height, width), on their device, all at
        once; or crops after the operations of a policy."""
        x = self._crop(x, choices).float().mul_(self._scale_of(choices))
        if choices.jitters is not None:
            jitter_images(x, choices.jitters, self.range)
        x -= self._crop(self.mean.expand(len(x), -1, -1, -1), choices) if self._whole_frame else self.mean
        mirrored = self._to_device(choices.mirror.nonzero()[0])
        if len(mirrored):
            x[mirrored] = x[mirrored].flip(3)
        if choices.shift.any():
            x += self._shifts(choices)[:, :, None, None]
        if self._divides:
            x /= self.std
        if choices.erased is not None:
            if choices.filler is None:
                erase_boxes(x, self._to_device(choices.erased))
            else:
                fill_boxes(x, choices.erased, choices.filler, self._noise)
        return x.flip(1) if self._reverse else x

    def _copy_async(self, pixels: Pixels) -> Tensor:
        """Copy images to the GPU asynchronously. Their pinned memory is kept alive until the copy has finished."""
        x = torch.from_numpy(pixels)
        if not (x.is_pinned() and x.is_contiguous()):
            x = torch.empty(x.shape, dtype=x.dtype, pin_memory=True).copy_(x)
        moved = x.to(self.device, non_blocking=True)
        copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
        copied.record()
        self._copies.append((copied, x))
        copies: Any = self._copies
        while len(copies) > AHEAD or (len(copies) > 1 and copies[0][0].query()):
            copies.popleft()[0].synchronize()
        return moved

    def _crop(self, x: Tensor, choices: Choices) -> Tensor:
        """Crop frames (N, channels, height, width) to the input's size at the chosen corners."""
        height, width = self.size.height, self.size.width
        if x.shape[2:] == (height, width):
            return x
        windows = x.unfold(2, height, 1).unfold(3, width, 1)
        top, left = self._to_device(choices.top), self._to_device(choices.left)
        return windows[torch.arange(len(x), device=self.device), :, top, left]

    def _shifts(self, choices: Choices) -> Tensor:
        """Return what the colour shift adds to each channel of each image, (N, channels)."""
        return self._to_device((choices.shift @ self.axes.numpy().T).astype(np.float32))

    def _to_device(self, values: NDArray[Any]) -> Tensor:
        return to_device(values, self.device)


def _divisors(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the divisors of stored pixels: the standard deviations, or 1 for a constant channel, whose deviation is
    rounding error."""
    return np.where(deviations > MIN_DEVIATION, deviations, 1.0)
