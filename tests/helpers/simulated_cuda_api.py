"""The functions of ``torch.cuda`` for simulated devices (``simulated_cuda``)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves


class Stream:
    """A CUDA stream. Operations run synchronously, so it does nothing."""


class Event:
    """A CUDA event. As with a real one, ``elapsed_time`` requires ``enable_timing=True``."""

    def __init__(self, enable_timing: bool = False) -> None:
        self._timed, self._at = enable_timing, 0.0

    def record(self) -> None:
        self._at = time.perf_counter()

    def query(self) -> bool:
        return True

    def synchronize(self) -> None:
        pass

    def elapsed_time(self, other: Event) -> float:
        assert self._timed and other._timed, "Both events must be created with argument 'enable_timing=True'"
        return 1000 * (other._at - self._at)


class Generator:
    """A random number generator. As with a real one, a failed recording leaves it ``capturing``, and so unusable."""

    def __init__(self) -> None:
        self.capturing = False

    def clone_state(self) -> Generator:
        return Generator()

    def graphsafe_set_state(self, state: Generator) -> None:
        self.capturing = state.capturing


class Functions:
    """The replacements for functions of ``torch.cuda``, with their state. ``device`` is a ``simulated_cuda.Device``."""

    def __init__(self, device: Any) -> None:
        self.device = device
        self.stream: Any = self.new_stream()
        self.generators = tuple(Generator() for _ in range(device.count))
        self.pools = 0
        self.allocating: list[Any] = []
        """The pools of the recordings that the allocator believes to be under way."""

    def new_pool(self) -> int:
        self.pools += 1
        return self.pools

    def empty_cache(self) -> None:
        if self.allocating:
            raise RuntimeError("captures_underway.empty() INTERNAL ASSERT FAILED")

    def stop_allocating(self, device: int, pool: Any) -> None:
        """Replace ``torch.cuda.memory._cuda_endAllocateToPool``."""
        if pool not in self.allocating:
            raise RuntimeError("endAllocatePool: not currently recording to mempool_id")
        self.allocating.remove(pool)

    def new_stream(self) -> Any:
        log = self.device.log

        class Waiting(Stream):
            def wait_stream(self, other: Stream) -> None:
                log.append("wait")

        return Waiting()

    def set_device(self, where: Any) -> None:
        self.device.current = self.device.number(
            torch.device("cuda", where) if isinstance(where, int) else torch.device(where)
        )

    @contextmanager
    def on(self, stream: Stream) -> Iterator[None]:
        """Replace ``torch.cuda.stream``."""
        before, self.stream = self.stream, stream
        self.device.log.append("aside")
        try:
            yield
        finally:
            self.stream = before

    @contextmanager
    def record(self, graph: Graph, pool: Any, *, capture_error_mode: str) -> Iterator[None]:
        """Replace ``torch.cuda.graph``. Unlike a device, it also executes what it records.

        As in torch 2.11, the allocator is not told of the end of a recording that has been invalidated.
        """
        assert capture_error_mode in ("global", "thread_local", "relaxed")
        self.empty_cache()
        self.device.log.append("record")
        self.device.recording, self.device.invalid = graph.operations, False
        self.generators[self.device.current].capturing = True
        self.allocating.append(pool)
        graph.memory = pool
        try:
            yield
            self.generators[self.device.current].capturing = False
        finally:
            self.device.recording = None
            self.device.log.append("recorded")
            if not self.device.invalid:
                self.stop_allocating(self.device.current, pool)

    def set_stream(self, stream: Stream) -> None:
        self.stream = stream

    def table(self) -> dict[str, Any]:
        """Return the replacements by their names in ``torch.cuda``."""
        device = self.device
        named: dict[str, Any] = {
            "is_available": lambda: True, "is_initialized": lambda: True, "_lazy_init": lambda: None,
            "device_count": lambda: device.count, "current_device": lambda: device.current,
            "set_device": self.set_device, "device_of": lambda x: nullcontext(),
            "get_device_capability": lambda where=None: device.capability,
            "get_device_name": lambda where=None: "GPU that is not there",
            "is_bf16_supported": lambda including_emulation=True: True,
            "_sleep": lambda cycles: device.log.append("sleep"),
            "synchronize": lambda where=None: device.waited("synchronize"), "empty_cache": self.empty_cache,
            "graph_pool_handle": self.new_pool,
            "Stream": self.new_stream, "current_stream": lambda where=None: self.stream, "stream": self.on,
            "set_stream": self.set_stream, "Event": Event, "CUDAGraph": lambda: Graph(device), "graph": self.record,
            "get_rng_state": lambda where=None: torch.zeros(16, dtype=torch.uint8),
            "set_rng_state": lambda state, where=None: None, "manual_seed_all": lambda seed: None,
            "default_generators": self.generators,
        }  # fmt: skip
        return named


class Graph:
    """A CUDA graph: recorded operations that are replayed on the same memory."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self.operations: list[tuple[Callable[..., Any], Any, Any, Any]] = []
        self.memory: Any = None

    def pool(self) -> Any:
        return self.memory

    def reset(self) -> None:
        self.operations.clear()
        self._device.log.append("reset")

    def replay(self) -> None:
        self._device.log.append("replay")
        with torch.no_grad(), torch._C._DisableTorchDispatch(), torch._C.DisableTorchFunction():  # type: ignore[attr-defined]
            for func, args, kwargs, made in self.operations:
                for old, new in zip(tree_leaves(made), tree_leaves(func(*args, **kwargs)), strict=True):
                    if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


@contextmanager
def replaced_functions(device: Any) -> Iterator[None]:
    """Replace functions of ``torch.cuda`` by those for the simulated device."""
    functions = Functions(device)
    replacements = [(torch.cuda, name, function) for name, function in functions.table().items()]
    replacements.append((torch.cuda.memory, "_cuda_endAllocateToPool", functions.stop_allocating))
    before = [(module, name, getattr(module, name)) for module, name, _ in replacements]
    for module, name, function in replacements:
        setattr(module, name, function)
    try:
        yield
    finally:
        for module, name, function in before:
            setattr(module, name, function)
