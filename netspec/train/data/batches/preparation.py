"""From stored pixels to what the network reads: scale, mean, crop, mirror and colour shift, a batch at a time.

What is drawn by chance is drawn before (``augment``); from the same choices every device computes the same pixels.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.settings import Augment, Preprocessing
from netspec.ir.shape import Shape
from netspec.train.data.batches.augment import Choices, choose
from netspec.train.data.batches.buffers import Buffers
from netspec.train.data.batches.layout import Layout
from netspec.train.data.batches.prefetch import CHUNK
from netspec.train.data.batches.transfer import sent
from netspec.train.data.moments import Statistics
from netspec.train.data.picture import Frame, Pixels

Real = NDArray[np.float32]

AHEAD = 8
"""Batches that are on their way to a device, at most: one that is far behind would have the memory of all of them held
in its place."""

EVEN = 1e-3
"""A channel whose standard deviation is smaller than this part of a grey level is taken to be the same everywhere."""


class Preparation:
    """What the spec's input line says about the numbers, with the training images' statistics put in.

    Parameters
    ----------
    preprocessing:
        Range, mean, channel order, deviation.
    statistics:
        Of the training images; may be ``None`` where neither ``preprocessing.measured`` nor a colour shift wants them.
    peak:
        The stored value of full brightness.
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
        self.size = size
        self.peak = peak
        self.range = preprocessing.range
        self.device = device
        self._buffers = Buffers(np.float32)
        self._pool = ThreadPoolExecutor(torch.get_num_threads(), thread_name_prefix="netspec-prepare")
        self._layout: Layout | None = None
        self._copying: deque[tuple[torch.cuda.Event, Tensor]] = deque()
        self._scale = preprocessing.range / peak
        self._reverse = preprocessing.order == "bgr" and frame.channels == 3
        mean = self._given(preprocessing.mean, 0.0)
        std = self._given(preprocessing.std, 1.0)
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
        """What is subtracted, in the network's range: (channels, 1, 1), or a whole stored frame; red first."""
        self.axes = torch.tensor(axes, dtype=torch.float64)
        """The colours' principal components times their standard deviations, in the network's range; red first."""
        self.std = torch.tensor(std, dtype=torch.float32, device=device)
        """What is divided by, in the network's range: (channels, 1, 1); red first."""
        self.take(self.mean, self.axes, self.std)

    @classmethod
    def of(cls, graph: Graph, statistics: Statistics | None, frame: Frame, peak: int, device: str) -> Preparation:
        """What a graph's input line says, for stored pictures of this frame and peak."""
        return cls(graph.preprocessing, statistics, frame, graph.input.output, peak, torch.device(device))

    def _given(self, numbers: str | tuple[float, ...], otherwise: float) -> NDArray[np.float64]:
        """What the spec gives as numbers, (channels, 1, 1), red first."""
        listed = (otherwise,) if isinstance(numbers, str) else numbers[::-1] if self._reverse else numbers
        return np.broadcast_to(np.array(listed, np.float64), self.frame.channels).reshape(-1, 1, 1).copy()

    def take(self, mean: Tensor, axes: Tensor, std: Tensor) -> None:
        """Take these, as a checkpoint has them, instead of those of the statistics."""
        self.mean, self.axes = mean.to(self.device, torch.float32), axes.to("cpu", torch.float64)
        self.std = std.to(self.device, torch.float32)
        self._divides = bool((self.std != 1).any())
        self._whole_frame = self.mean.shape[1:] != (1, 1)
        self._means: tuple[Real, Real] | None = None
        if self._whole_frame and self.device.type == "cpu":
            self._means = (self.mean.numpy(), self.mean.flip(2).contiguous().numpy())

    def lay_out(self, layout: Layout | None) -> tuple[str, ...]:
        """Hand images over in this layout from now on, plain without one, and say in a line why not where a device
        cannot: there a kernel writes them, which is tried on a few random pictures first."""
        self._layout = layout
        if layout is None or self.device.type == "cpu":
            return ()
        why = backend.load("pytorch").no_kernels(self.device) or self._mistake(layout)
        if why is None:
            return ()
        self._layout = None
        return (f"images are prepared without a kernel, and laid out as blocks in another copy: {why}",)

    def _mistake(self, layout: Layout) -> str | None:
        """What the kernel computes wrongly on this device; ``None`` where it computes what ``on_device`` does."""
        pytorch, frame, places = backend.load("pytorch"), self.frame, np.arange(4)
        shape = (len(places), frame.channels, frame.height, frame.width)
        numbers = np.random.default_rng(0).integers(self.peak + 1, size=shape, dtype=np.uint8)
        pictures = torch.from_numpy(numbers).to(self.device)
        varied = Augment(flip="horizontal", colour=1.0 if self.axes.any() else 0.0)
        choices = choose(0, 0, places, frame, self.size, varied)
        found: str | None = pytorch.mistake(
            lambda: {"pixels": self._by_kernel(pictures, choices, layout)},
            lambda: {"pixels": pytorch.blocks(self.on_device(pictures, choices), layout.blocks)},
            1e-2 if layout.dtype == torch.bfloat16 else 1e-6,
        )
        return found

    def _by_kernel(self, pictures: Tensor, choices: Choices, layout: Layout) -> Tensor:
        """Stored pictures on a device as the blocks that the network reads, in one pass."""
        made: Tensor = backend.load("pytorch").image_blocks(
            pictures,
            (self.size.height, self.size.width),
            layout.blocks,
            corners=(self._sent(choices.top.astype(np.int32)), self._sent(choices.left.astype(np.int32))),
            mirrored=self._sent(choices.mirror.view(np.uint8)),
            shift=self._shifts(choices) if choices.shift.any() else None,
            mean=self.mean,
            std=self.std if self._divides else None,
            scale=self._scale,
            reverse=self._reverse,
            channels_last=layout.channels_last,
            dtype=layout.dtype,
        )
        return made

    def kept(self) -> dict[str, Any]:
        """What a checkpoint keeps, from which ``take`` makes the same preparation."""
        tensors = {"mean": self.mean.cpu(), "axes": self.axes.cpu(), "std": self.std.cpu()}
        return {"peak": self.peak, "range": self.range, **tensors}

    def __call__(self, pictures: Pixels, choices: Choices) -> Tensor:
        """Stored pictures as the network reads them: float32, shape (N, channels, height, width) of its input; or as
        its blocks, where ``lay_out`` has asked for them.

        The mean image is subtracted before cropping, so every pixel loses the mean of its own place.
        """
        if self.device.type != "cpu":
            moved = self._moved(pictures)
            return self._by_kernel(moved, choices, self._layout) if self._layout else self.on_device(moved, choices)
        if self._layout is not None:
            out = self._layout.buffer(self._buffers, len(pictures), self.size)
        else:
            out = self._buffers((len(pictures), *self.size))
        # By as many threads as torch has, while it has nothing to do: a thread that did this beside a step would take
        # a core from one of the step's threads, and the others would wait for that one.
        pieces = [slice(start, start + CHUNK) for start in range(0, len(pictures), CHUNK)]
        for _ in self._pool.map(lambda piece: self._write(pictures[piece], choices[piece], out[piece]), pieces):
            pass
        return torch.from_numpy(out)

    def _write(self, pictures: Pixels, choices: Choices, out: Real) -> None:
        """Prepare pictures on the CPU, one after the other, so that each stays in its cache until it is done.

        The same operations in the same order as ``on_device``, and the same bits. Leaves Python's lock to other threads
        while it computes.
        """
        height, width = self.size.height, self.size.width
        canvas, image = self._layout.canvas(self.size) if self._layout is not None else (None, None)
        shifts = (choices.shift @ self.axes.numpy().T).astype(np.float32)
        for slot, (picture, shift) in enumerate(zip(pictures, shifts, strict=True)):
            one = image if image is not None else out[slot]
            one = one[::-1] if self._reverse else one
            top, left = int(choices.top[slot]), int(choices.left[slot])
            mirrored = bool(choices.mirror[slot])
            crop = picture[:, top : top + height, left : left + width]
            np.copyto(one, crop[:, :, ::-1] if mirrored else crop)
            if self._scale != 1:
                np.multiply(one, np.float32(self._scale), out=one)
            if self._means is not None:
                # The mirrored mean image is kept as well: reading a picture backwards takes twice the time.
                start = self.frame.width - width - left if mirrored else left
                np.subtract(one, self._means[mirrored][:, top : top + height, start : start + width], out=one)
            else:
                np.subtract(one, self.mean.numpy(), out=one)
            if shift.any():
                np.add(one, shift[:, None, None], out=one)
            if self._divides:
                np.divide(one, self.std.numpy(), out=one)
            if self._layout is not None and canvas is not None:
                self._layout.write(canvas, out[slot])

    def on_device(self, x: Tensor, choices: Choices) -> Tensor:
        """Prepare uint8 pictures (N, channels, height, width) where they lie, all at once."""
        x = self._crop(x, choices).float().mul_(self._scale)
        x -= self._crop(self.mean.expand(len(x), -1, -1, -1), choices) if self._whole_frame else self.mean
        mirrored = self._sent(choices.mirror.nonzero()[0])
        if len(mirrored):
            x[mirrored] = x[mirrored].flip(3)
        if choices.shift.any():
            x += self._shifts(choices)[:, :, None, None]
        if self._divides:
            x /= self.std
        return x.flip(1) if self._reverse else x

    def _moved(self, pictures: Pixels) -> Tensor:
        """On the device. The copy goes on by itself; until it is over the memory that it reads from is kept."""
        x = torch.from_numpy(pictures)
        if not x.is_pinned():
            x = x.pin_memory()
        moved = x.to(self.device, non_blocking=True)
        over = torch.cuda.Event()  # type: ignore[no-untyped-call]
        over.record()
        self._copying.append((over, x))
        copies: Any = self._copying
        while len(copies) > AHEAD or (len(copies) > 1 and copies[0][0].query()):
            copies.popleft()[0].synchronize()
        return moved

    def _crop(self, x: Tensor, choices: Choices) -> Tensor:
        """The windows of the input's size at the chosen corners of frames (N, channels, height, width)."""
        height, width = self.size.height, self.size.width
        if x.shape[2:] == (height, width):
            return x
        windows = x.unfold(2, height, 1).unfold(3, width, 1)
        top, left = self._sent(choices.top), self._sent(choices.left)
        return windows[torch.arange(len(x), device=self.device), :, top, left]

    def _shifts(self, choices: Choices) -> Tensor:
        """What the colour shift adds to each channel of each picture, (N, channels)."""
        return self._sent((choices.shift @ self.axes.numpy().T).astype(np.float32))

    def _sent(self, numbers: NDArray[Any]) -> Tensor:
        return sent(numbers, self.device)


def _divisors(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """What stored pixels are divided by: 1 for a channel that is the same everywhere, whose deviation is rounding."""
    return np.where(deviations > EVEN, deviations, 1.0)
