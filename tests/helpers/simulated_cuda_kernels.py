"""Launching Triton kernels on a simulated device (``simulated_cuda``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from simulated_cuda import Device, SimulatedTensor, cpu_tensor

KERNELS = (
    ("lrn_chain", "forward"), ("lrn_chain", "backward"), ("bias_relu", "forward"), ("bias_relu", "backward"),
    ("launch_images", "prepare"), ("launch_dropout", "dropped"),
)  # fmt: skip
"""All kernels: the module and the name through which each is launched."""

GRID = (2**31 - 1, 65535, 65535)
"""Maximum number of programs along each axis (CUDA C++ Programming Guide, table of technical specifications)."""

Launch = Callable[[Any, tuple[int, ...], tuple[Any, ...], dict[str, Any]], None]
"""A function that launches: it takes a kernel, the grid, positional arguments and options."""


@dataclass(frozen=True)
class CheckedKernel:
    """A kernel whose launches are checked (grid and arguments) and logged before ``launch`` runs it."""

    name: str
    kernel: Any
    device: Device
    launch: Launch

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., None]:
        def launch(*args: Any, **options: Any) -> None:
            self._check(grid, args, options)
            self.device.launches.append((self.name, grid))
            self.launch(self.kernel, grid, args, options)

        return launch

    def _check(self, grid: tuple[int, ...], args: tuple[Any, ...], options: dict[str, Any]) -> None:
        assert all(0 < programs <= most for programs, most in zip(grid, GRID, strict=False)), grid
        names = list(self.kernel.arg_names)
        given = dict(zip(names, args, strict=False)) | {key: options[key] for key in options if key in names}
        assert set(given) == set(names), set(given) ^ set(names)
        for name, value in given.items():
            if name.endswith("_ptr"):
                assert isinstance(value, SimulatedTensor) and value.number == self.device.current, (
                    f"{name} is on {value.device}"
                )
                last = value.dim() == 4 and value.is_contiguous(memory_format=torch.channels_last)
                assert last or value.is_contiguous(), f"{name} has strides {value.stride()}"
            else:
                assert isinstance(value, int | float), f"{name} is {value!r}"


@contextmanager
def launched(device: Device, launch: Launch) -> Iterator[None]:
    """Run kernels by ``launch`` instead of on a GPU."""
    modules = {file: import_module(f"netspec.backends.pytorch.fast.kernels.{file}") for file, _ in KERNELS}
    before = [(modules[file], name, getattr(modules[file], name)) for file, name in KERNELS]
    for (file, name), (module, _, kernel) in zip(KERNELS, before, strict=True):
        setattr(module, name, CheckedKernel(f"{file}.{name}", kernel, device, launch))
    try:
        yield
    finally:
        for module, name, kernel in before:
            setattr(module, name, kernel)


def interpreted(device: Device) -> Launch:
    """Return a ``Launch`` that runs kernels by Triton's interpreter (``TRITON_INTERPRET=1``), also on graph replay."""

    def launch(kernel: Any, grid: tuple[int, ...], args: tuple[Any, ...], options: dict[str, Any]) -> None:
        inner = [cpu_tensor(x) for x in args]

        def run() -> None:
            with torch._C._DisableTorchDispatch(), torch._C.DisableTorchFunction():  # type: ignore[attr-defined]
                kernel[grid](*inner, **options)

        run()
        device.did((run, (), {}, None))

    return launch
