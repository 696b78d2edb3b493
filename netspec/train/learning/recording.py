"""Recording the work on a device once and replaying it, which launches all its kernels at once.

A replay reads and writes the same memory every time and repeats nothing that Python computed. So everything that
differs from one replay to the next is copied into tensors that stay in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakSet

import torch
from torch import Tensor, nn

from netspec.train.learning.torch_settings import cudnn_benchmark

Tensors = tuple[Tensor, ...]
Replay = Callable[[], None]

TOLERANCE = 1e-2
"""The maximum difference between the results of a replay and of direct execution, relative to a tensor's norm. A
library may choose another algorithm, whose rounding in bfloat16 or TF32 differs; a replay that reads stale values
differs by far more."""

_SMALL = 1e-2
"""Differences are relative to at least this fraction of the largest norm of a tensor (not of a single number). In
bfloat16, the gradient of a bias before a batch normalisation, which is zero but for rounding, has up to a
ten-thousandth of this norm, and is another one each time if a library adds up in any order."""


class Recorder(Protocol):
    """Records the work of a device."""

    def side_stream(self) -> AbstractContextManager[None]:
        """Return a context for running work before it is recorded."""
        ...

    def record(self, work: Callable[[], None]) -> Replay:
        """Record the work and return a function that replays it. Recording may or may not execute the work."""
        ...


class CudaGraphs:
    """Records with CUDA graphs that share a memory pool, since no two of them run at the same time. A graph's memory is
    free again when its replay is no longer referred to."""

    def __init__(self) -> None:
        self._graphs = WeakSet[torch.cuda.CUDAGraph]()
        self._failed: list[torch.cuda.CUDAGraph] = []

    @contextmanager
    def side_stream(self) -> Iterator[None]:
        """Return a context with a side stream, which PyTorch requires (see "CUDA semantics", CUDA Graphs)."""
        current, side = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(current)
        with torch.cuda.stream(side):
            yield
        current.wait_stream(side)

    def record(self, work: Callable[[], None]) -> Replay:
        """See ``Recorder``. Other threads, which read images, may allocate memory meanwhile."""
        current, graph = torch.cuda.current_stream(), torch.cuda.CUDAGraph()
        pool = next((other.pool() for other in self._graphs), None) or torch.cuda.graph_pool_handle()
        generator = torch.cuda.default_generators[torch.cuda.current_device()]
        before = generator.clone_state()
        try:
            # Benchmarking would synchronise, which is not allowed here. cuDNN keeps the algorithms that it chose when
            # the work ran before.
            with cudnn_benchmark(False), torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
                work()
        except Exception:
            # After a failed recording the generator still belongs to the graph and refuses to draw. And while other
            # graphs are recorded, the allocators still query the failed one, so it is kept, without its memory.
            generator.graphsafe_set_state(before)
            self._failed.append(graph)
            graph.reset()
            _stop_allocating(pool)
            raise
        finally:
            torch.cuda.set_stream(current)  # after an error the graph's stream would stay current
        self._graphs.add(graph)
        return graph.replay


def _stop_allocating(pool: Any) -> None:
    """End the allocations of a failed recording from its pool of memory, if torch has not done so.

    torch 2.11 does not tell its allocator that a recording has ended which the driver has invalidated (pytorch/pytorch,
    pull request 180395). The allocator then frees no cached memory when memory runs out, and ``empty_cache`` fails, so
    that nothing else can be recorded either.
    """
    with suppress(RuntimeError):  # raised if the allocations have ended
        torch.cuda.memory._cuda_endAllocateToPool(torch.cuda.current_device(), pool)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class _Recorded:
    """Recorded work: the tensors that it reads and writes, and the function that replays it."""

    inputs: Tensors
    outputs: Tensors
    replay: Replay

    def fits(self, arguments: Tensors) -> bool:
        """Whether these tensors can be copied into those that the work reads."""
        return all(
            own.shape == new.shape and own.dtype == new.dtype for own, new in zip(self.inputs, arguments, strict=True)
        )

    def __call__(self, arguments: Tensors) -> Tensors:
        for own, new in zip(self.inputs, arguments, strict=True):
            own.copy_(new, non_blocking=True)
        self.replay()
        return self.outputs


class Inputs:
    """The tensors that recorded work reads. All recordings with inputs of the same kind share them, since no two
    recordings run at the same time."""

    def __init__(self) -> None:
        self._held: dict[tuple[object, ...], Tensor] = {}

    def like(self, arguments: Tensors) -> Tensors:
        """Return a held tensor for each of these, with the same shape, strides, dtype and device, filled with zeros."""
        return tuple(self._like(place, tensor) for place, tensor in enumerate(arguments))

    def _like(self, place: int, argument: Tensor) -> Tensor:
        key = place, argument.shape, argument.stride(), argument.dtype, argument.device
        if key not in self._held:
            self._held[key] = torch.empty_like(argument)
        return self._held[key].zero_()


class Recording:
    """Work that runs repeatedly with new tensors of the same shapes, and is recorded the first time.

    The first time, the work is both executed and replayed. If the results differ or recording fails, the work is always
    executed from then on, and ``note`` says why. Inputs of other shapes than the first are always executed.

    Parameters
    ----------
    recorder:
        Records work on the module's device.
    module:
        The module whose buffers the work may change.
    name:
        The name of the work in messages.
    inputs:
        Holds the tensors that the work reads.
    """

    def __init__(self, recorder: Recorder, module: nn.Module, name: str, inputs: Inputs) -> None:
        self.note: str | None = None
        self._recorder = recorder
        self._module = module
        self._name = name
        self._inputs = inputs
        self._recorded: _Recorded | None = None

    def __call__(
        self, work: Callable[..., Tensors], arguments: Tensors, before: Callable[[], None] | None = None
    ) -> Tensors:
        """Do the work and return its results, which are valid until the next call.

        Parameters
        ----------
        work:
            Computes tensors from its arguments.
        arguments:
            The arguments of ``work`` this time.
        before:
            Called first, to update any other state that the work reads.
        """
        if before is not None:
            before()
        if self._recorded is not None and self._recorded.fits(arguments):
            return self._recorded(arguments)
        if self._recorded is not None or self.note is not None:
            return work(*arguments)
        return self._record_and_compare(work, arguments)

    def _record_and_compare(self, work: Callable[..., Tensors], arguments: Tensors) -> Tensors:
        before = self._buffers()
        with self._recorder.side_stream():
            expected = work(*arguments)
        after = self._buffers()
        try:
            recorded = self._record(work, self._inputs.like(arguments))
            self._set_buffers(before)
            replayed = recorded(arguments)
            difference = difference_between(replayed, expected)
        except Exception as problem:  # whatever the driver raises, the work can still be executed
            difference = " ".join((type(problem).__name__, *str(problem).strip().splitlines()[:1]))
        if difference is not None:
            self.note = f"{self._name} is launched kernel by kernel: {difference}"
            self._set_buffers(after)
            return expected
        self._recorded = recorded
        return replayed

    def _record(self, work: Callable[..., Tensors], inputs: Tensors) -> _Recorded:
        results: list[Tensors] = []
        replay = self._recorder.record(lambda: results.append(work(*inputs)))
        return _Recorded(inputs, results[0], replay)

    def _buffers(self) -> Tensors:
        return tuple(buffer.clone() for buffer in self._module.buffers())

    def _set_buffers(self, values: Tensors) -> None:
        for buffer, value in zip(self._module.buffers(), values, strict=True):
            buffer.copy_(value)


def difference_between(replayed: Sequence[Tensor], expected: Sequence[Tensor]) -> str | None:
    """Return a description of the difference between two sequences of tensors, or ``None`` if it is tolerable."""
    lengths = [float(tensor.float().norm()) for tensor in expected]
    least = max((length for length, x in zip(lengths, expected, strict=True) if x.dim()), default=0.0) * _SMALL
    for a, b, length in zip(replayed, expected, lengths, strict=True):
        distance = float((a.float() - b.float()).norm()) / max(length, least, torch.finfo(torch.float32).tiny)
        if not distance <= TOLERANCE:
            return f"done again, it differs by {distance:.1g}"
    return None
