"""Work on a device recorded once and done again: what was launched kernel by kernel is then launched at once.

What is done again reads and writes the same memory every time, and nothing of what Python computed meanwhile is done
again. So what differs from one time to the next is copied into tensors that stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from netspec.train.learning.library import algorithms_tried

Made = tuple[Tensor, ...]
Again = Callable[[], None]

TOLERANCE = 1e-2
"""By how much what is done again may differ from what was launched, as a share of a tensor's length. A library may take
another algorithm, whose rounding in bfloat16 or TF32 is another; what was computed from something old is far off."""

_ROUNDING = 1e-6
"""A tensor of this share of the longest one's length is nothing but rounding."""


class Recorder(Protocol):
    """What records a device's work."""

    def apart(self) -> AbstractContextManager[None]:
        """Where work is done that is to be recorded later."""
        ...

    def record(self, work: Callable[[], None]) -> Again:
        """What does the work again. (Whether it is done while it is recorded is not said.)"""
        ...


class CudaGraphs:
    """CUDA graphs that share one pool of memory: they are never at work at the same time."""

    def __init__(self) -> None:
        self._graphs: list[torch.cuda.CUDAGraph] = []
        self._given_up: list[torch.cuda.CUDAGraph] = []

    @contextmanager
    def apart(self) -> Iterator[None]:
        """On a stream of its own, as PyTorch wants it ("CUDA semantics", CUDA Graphs)."""
        here, aside = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            yield
        here.wait_stream(aside)

    def record(self, work: Callable[[], None]) -> Again:
        """Other threads, which read images meanwhile, may go on fetching memory."""
        here, graph = torch.cuda.current_stream(), torch.cuda.CUDAGraph()
        pool = self._graphs[0].pool() if self._graphs else None
        generator = torch.cuda.default_generators[torch.cuda.current_device()]
        before = generator.clone_state()
        try:
            # cuDNN would wait for what it tries; what it has found out when the work was done before it goes on taking.
            with algorithms_tried(False), torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
                work()
        except Exception:
            # A recording that the driver gave up leaves the generator taking part in it, and it refuses to draw. And
            # where others are recorded the allocators still ask its graph whether that is what they allocate for: it
            # stays, without its memory.
            generator.graphsafe_set_state(before)
            self._given_up.append(graph)
            graph.reset()
            raise
        finally:
            torch.cuda.set_stream(here)  # after an error the graph's own stream would stay
        self._graphs.append(graph)
        return graph.replay


@dataclass(frozen=True, slots=True)
class _Recorded:
    """Work that was recorded: the tensors that it reads and makes, and what does it again."""

    reads: Made
    makes: Made
    again: Again

    def fits(self, given: Made) -> bool:
        """Whether these can be copied into what it reads."""
        return all(
            own.shape == new.shape and own.dtype == new.dtype for own, new in zip(self.reads, given, strict=True)
        )

    def __call__(self, given: Made) -> Made:
        for own, new in zip(self.reads, given, strict=True):
            own.copy_(new, non_blocking=True)
        self.again()
        return self.makes


class Inputs:
    """Tensors that recorded work reads: the same ones for all work that is given such tensors, as no two are at work at
    a time."""

    def __init__(self) -> None:
        self._held: dict[tuple[object, ...], Tensor] = {}

    def like(self, given: Made) -> Made:
        """A tensor of zeros for each of these."""
        return tuple(self._like(place, one) for place, one in enumerate(given))

    def _like(self, place: int, given: Tensor) -> Tensor:
        key = place, given.shape, given.stride(), given.dtype, given.device
        if key not in self._held:
            self._held[key] = torch.empty_like(given)
        return self._held[key].zero_()


class Recording:
    """Work that is done with other tensors of the same shapes each time, recorded the first time.

    That time it is done in both ways. Where they differ, or it cannot be recorded, it is never done again but anew, and
    ``told`` says why. Other shapes than the first are always worked on anew.

    Parameters
    ----------
    recorder:
        How work is recorded on the module's device.
    module:
        What the work may change buffers of.
    name:
        What the work is called.
    inputs:
        Where what it reads is held.
    """

    def __init__(self, recorder: Recorder, module: nn.Module, name: str, inputs: Inputs) -> None:
        self.told: str | None = None
        self._recorder = recorder
        self._module = module
        self._name = name
        self._inputs = inputs
        self._recorded: _Recorded | None = None

    def __call__(self, work: Callable[..., Made], given: Made, before: Callable[[], None] | None = None) -> Made:
        """Do the work.

        Parameters
        ----------
        work:
            Makes tensors of those that it is given.
        given:
            What it is given this time.
        before:
            Makes what the work depends on beside them as it is to be this time.

        Returns
        -------
        Made
            What was made; it holds until the next time.
        """
        if before is not None:
            before()
        if self._recorded is not None and self._recorded.fits(given):
            return self._recorded(given)
        if self._recorded is not None or self.told is not None:
            return work(*given)
        return self._in_both_ways(work, given)

    def _in_both_ways(self, work: Callable[..., Made], given: Made) -> Made:
        first = self._buffers()
        with self._recorder.apart():
            wanted = work(*given)
        after = self._buffers()
        try:
            recorded = self._record(work, self._inputs.like(given))
            self._set_buffers(first)
            found = recorded(given)
            wrong = mistake(found, wanted)
        except Exception as problem:  # whatever a driver raises, it can be done anew
            wrong = " ".join((type(problem).__name__, *str(problem).strip().splitlines()[:1]))
        if wrong is not None:
            self.told = f"{self._name} is launched kernel by kernel: {wrong}"
            self._set_buffers(after)
            return wanted
        self._recorded = recorded
        return found

    def _record(self, work: Callable[..., Made], reads: Made) -> _Recorded:
        made: list[Made] = []
        again = self._recorder.record(lambda: made.append(work(*reads)))
        return _Recorded(reads, made[0], again)

    def _buffers(self) -> Made:
        return tuple(buffer.clone() for buffer in self._module.buffers())

    def _set_buffers(self, values: Made) -> None:
        for buffer, value in zip(self._module.buffers(), values, strict=True):
            buffer.copy_(value)


def mistake(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> str | None:
    """How far what was made is from what was wanted, where that is too far."""
    lengths = [float(one.float().norm()) for one in wanted]
    least = max(lengths, default=0.0) * _ROUNDING
    for a, b, length in zip(found, wanted, lengths, strict=True):
        far = float((a.float() - b.float()).norm()) / max(length, least, torch.finfo(torch.float32).tiny)
        if not far <= TOLERANCE:
            return f"done again, it differs by {far:.1g}"
    return None
