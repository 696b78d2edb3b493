"""A simulated CUDA device: its tensors report that they are on ``cuda``, and keep their values in the CPU's memory.

It refuses what a real device refuses: operations that mix tensors of CPU and GPU, and operations that synchronise while
a graph is being recorded. Since values are computed, trainings run to their end and their results can be compared. It
simulates neither CUDA's libraries and driver nor any speed.

PyTorch's own fake tensors have no values, and without a GPU autograd rejects CUDA tensors. So these tensors have the
device ``meta`` in C++, and report ``cuda`` in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import simulated_cuda_api
import torch
import torch.distributed as dist
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

CPU = torch.device("cpu")

WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "_unique2", "unique_dim"}
"""Operations that synchronise with the device, to return a number to Python or to learn the size of their result."""

INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_"}
"""Operations whose indices may be on the CPU; they are then copied to the device."""

NARROW = {"conv2d", "conv_transpose2d", "prelu", "linear", "bmm", "mm", "matmul", "__matmul__", "addmm", "einsum"}
WIDE = {"pow", "__pow__", "__rpow__", "rsqrt", "reciprocal", "log", "log2", "exp", "softmax", "log_softmax", "sum",
        "prod", "cumsum", "cross_entropy", "nll_loss", "mse_loss", "norm", "softplus", "tan", "cosh", "interpolate",
        "group_norm", "layer_norm"}  # fmt: skip
"""The functions that autocast computes in lower precision (``NARROW``) and in float32 (``WIDE``), from PyTorch's list
"CUDA Ops that can autocast". PyTorch only casts tensors of real devices, so ``Calls`` does it for these."""

NCCL = {torch.uint8, torch.int8, torch.bool, torch.int32, torch.int64, torch.bfloat16, torch.float16, torch.float32,
        torch.float64}  # fmt: skip
"""The data types that NCCL supports."""

Done = tuple[Callable[..., Any], Any, Any, Any]
"""A recorded operation: function, positional arguments, keyword arguments, result."""


class HostWait(RuntimeError):
    """The driver's error for an operation that synchronises while a graph is being recorded."""


@dataclass
class Device:
    """The state of the simulated devices, and what was done with them.

    ``log`` are the calls to ``torch.cuda``, in order; ``waits`` the operations that synchronised; ``launches`` the
    names and grids of the Triton kernels launched; ``exchanges`` the collectives: the ranks of the group, the
    collective's name, and the length and type of each tensor.
    """

    count: int
    capability: tuple[int, int]
    current: int = 0
    recording: list[Done] | None = None
    invalid: bool = False
    """Whether an operation that is not allowed has invalidated what is being recorded."""
    log: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    launches: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    exchanges: list[tuple[tuple[int, ...], str, tuple[tuple[int, str], ...]]] = field(default_factory=list)
    pinned: list[Tensor] = field(default_factory=list)

    def waited(self, what: str) -> None:
        """Record a synchronisation of the CPU with the device. Raises ``HostWait`` while a graph is being recorded."""
        if self.recording is not None:
            self.invalid = True
            raise HostWait(f"operation not permitted when stream is capturing: {what}")
        self.waits.append(what)

    def did(self, done: Done) -> None:
        """Append an operation to the graph that is being recorded, if any."""
        if self.recording is not None:
            self.recording.append(done)

    def pin(self, x: Tensor) -> Tensor:
        """Mark a CPU tensor's memory as pinned."""
        assert self.recording is None, "memory is pinned while a graph is recorded"
        self.pinned.append(x)
        return x

    def is_pinned(self, x: Tensor) -> bool:
        return any(p.data_ptr() <= x.data_ptr() <= p.data_ptr() + p.nbytes - x.nbytes for p in self.pinned)

    def number(self, where: torch.device) -> int:
        """Return the index of a CUDA device, by default the current one's."""
        index = self.current if where.index is None else where.index
        assert index < self.count, "CUDA error: invalid device ordinal"
        return index


_here: list[Device] = []


class SimulatedTensor(Tensor):
    """A tensor on the simulated device with index ``number``. ``inner`` holds its values on the CPU."""

    inner: Tensor
    number: int

    @staticmethod
    def __new__(cls, inner: Tensor, number: int) -> SimulatedTensor:
        made: SimulatedTensor = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, inner.shape, strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype,
            device="meta",
        )  # fmt: skip
        made.inner, made.number = inner, number
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func}: the device is there no more")

    device = property(lambda self: torch.device("cuda", self.number))  # type: ignore[assignment]
    is_cuda = property(lambda self: True)  # type: ignore[assignment]
    is_cpu = property(lambda self: False)  # type: ignore[assignment]
    is_meta = property(lambda self: False)  # type: ignore[assignment]

    def data_ptr(self) -> int:
        return self.inner.data_ptr()

    def numpy(self, **options: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")

    def tolist(self) -> Any:
        _here[-1].waited("tolist")
        return self.inner.tolist()

    def __reduce_ex__(self, protocol: Any) -> Any:
        _here[-1].waited("saving")
        return self.inner.__reduce_ex__(protocol)


def cpu_tensor(x: Any) -> Any:
    """Return the CPU tensor behind a simulated one, or anything else unchanged."""
    return x.inner if isinstance(x, SimulatedTensor) else x


class Operations(TorchDispatchMode):
    """Runs every operation on simulated tensors on their CPU tensors, after checking it as a device would."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self.device = device
        self.really_meta = False
        """Whether the caller wants real meta tensors. Otherwise ``meta`` stands for a simulated device, as in C++."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        ours = [x for x in tensors if isinstance(x, SimulatedTensor)]
        requested = kwargs.get("device")
        on_meta = requested is not None and torch.device(requested).type == "meta"
        if not ours and (self.really_meta or not on_meta):
            return func(*args, **kwargs)
        name = func._schema.name.partition("::")[2]
        if func.namespace == "c10d":
            self._exchange(name, tensors, args)
        else:
            self._check_operation(func, name, tensors, ours, args)
        kwargs |= {"device": CPU} if on_meta else {}
        inner_args, inner_kwargs = tree_map(cpu_tensor, args), tree_map(cpu_tensor, kwargs)
        made = func(*inner_args, **inner_kwargs)
        self.device.did((func, inner_args, inner_kwargs, made))
        by_inner = {id(x.inner): x for x in ours}
        number = ours[0].number if ours else self.device.current

        def wrap(x: Any) -> Any:
            if id(x) in by_inner:
                return by_inner[id(x)]  # an in-place operation returns its own argument
            return SimulatedTensor(x, number) if isinstance(x, Tensor) else x

        return tree_map(wrap, made)

    def _check_operation(
        self, func: Any, name: str, tensors: list[Tensor], ours: list[SimulatedTensor], args: Any
    ) -> None:
        """Check an operation's arguments as a device would, and record whether it synchronises."""
        others = [x for x in tensors if not isinstance(x, SimulatedTensor)]
        if name in WAITS or (name in INDEXING and _masks(args[1])):
            self.device.waited(name)
        if name == "_fused_sgd_":
            _need_alike(*args[:3])
        if not others:
            assert len({x.number for x in ours}) <= 1, f"{func}: tensors on several devices"
        elif name == "copy_":
            self._check_copy(*args)
        elif name in INDEXING and isinstance(args[0], SimulatedTensor):
            self.device.waited("indices that are not on the device")
        elif any(x.dim() for x in others) or name in ("cat", "stack") or _changes(func, args):
            where = ", ".join(str(x.device) for x in tensors)
            raise RuntimeError(f"Expected all tensors to be on the same device: {func} of {where}")

    def _check_copy(self, into: Tensor, source: Tensor, non_blocking: bool = False) -> None:
        if not (isinstance(into, SimulatedTensor) and non_blocking and self.device.is_pinned(source)):
            self.device.waited("a copy")

    def _exchange(self, name: str, tensors: list[Tensor], args: Any) -> None:
        """Check that NCCL accepts the tensors (current device, contiguous, supported type), and log the exchange."""
        for x in tensors:
            assert isinstance(x, SimulatedTensor) and x.number == self.device.current, f"{name}: a tensor on {x.device}"
            assert x.dtype in NCCL, f"{name}: {x.dtype}"
            last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
            assert last or x.is_contiguous(), f"{name}: strides {x.stride()} of {tuple(x.shape)}"
        (group,) = (x for x in args if isinstance(x, torch.ScriptObject) and "ProcessGroup" in str(x._type()))  # type: ignore[attr-defined]
        members = tuple(dist.get_process_group_ranks(dist.ProcessGroup.unbox(group)))
        self.device.exchanges.append((members, name, tuple((x.numel(), str(x.dtype)) for x in tensors)))


def _masks(indices: Iterable[Tensor | None]) -> bool:
    return any(x is not None and x.dtype in (torch.bool, torch.uint8) for x in indices)


def _changes(func: Any, args: Any) -> bool:
    """Whether an operation modifies its first argument in place and that is on the CPU."""
    return func._schema.is_mutable and isinstance(args[0], Tensor) and not isinstance(args[0], SimulatedTensor)


def _need_alike(*lists: list[Tensor]) -> None:
    """Check that corresponding tensors have the same type, shape and strides, as fused kernels require."""
    for group in zip(*lists, strict=True):
        assert len({(x.dtype, x.stride(), x.shape) for x in group}) == 1, group


class Calls(TorchFunctionMode):
    """Intercepts calls in Python that name a device, move tensors, or are subject to autocast."""

    def __init__(self, device: Device, operations: Operations) -> None:
        super().__init__()
        self.device = device
        self.operations = operations

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if func in (Tensor.backward, torch.autograd.backward):
            with self:  # functions called by the backward pass may name devices too
                return _backward(*args, **kwargs)
        if torch.is_autocast_enabled("cuda") and name in NARROW | WIDE:
            dtype = torch.get_autocast_dtype("cuda") if name in NARROW else torch.float32
            args, kwargs = tree_map(lambda x: _cast(x, dtype), (args, kwargs))
        if func is Tensor.to:
            return self._to(*args, **kwargs)
        if func is Tensor.cpu:
            return self._to(*args, CPU)
        if func is Tensor.pin_memory:
            return self.device.pin(args[0].clone())
        if func is Tensor.is_pinned:
            return self.device.is_pinned(args[0])
        if func is Tensor.new_tensor and isinstance(args[0], SimulatedTensor):
            self.device.waited(name)
            return SimulatedTensor(args[0].inner.new_tensor(*args[1:], **kwargs), args[0].number)
        if kwargs.get("device") is not None:
            return self._made(func, name, args, kwargs)
        if kwargs.pop("pin_memory", False):
            return self.device.pin(func(*args, **kwargs))
        return func(*args, **kwargs)

    def _made(self, func: Any, name: str, args: Any, kwargs: Any) -> Any:
        """Call a function that creates a tensor on the device in ``kwargs``."""
        where = torch.device(kwargs.pop("device"))
        if where.type == "meta":
            shapes = tree_map(lambda x: x.inner if isinstance(x, SimulatedTensor) else x, args)
            return self._without_numbers(lambda: func(*shapes, **kwargs, device=where))
        if where.type != "cuda":
            return func(*tree_map(cpu_tensor, args), **kwargs, device=where)
        number = self.device.number(where)
        if name in ("tensor", "as_tensor"):
            self.device.waited(name)
        if args and isinstance(args[0], SimulatedTensor):
            assert args[0].number == number
            return func(*args, **kwargs)
        requires_grad = kwargs.pop("requires_grad", False)
        made = func(*args, **kwargs, device=CPU)
        self.device.did((lambda: func(*args, **kwargs, device=CPU), (), {}, made))
        return SimulatedTensor(made, number).requires_grad_(requires_grad)

    def _without_numbers(self, call: Callable[[], Tensor]) -> Tensor:
        self.operations.really_meta = True
        try:
            return call()
        finally:
            self.operations.really_meta = False

    def _to(self, x: Tensor, *args: Any, copy: bool = False, **kwargs: Any) -> Tensor:
        like = next((one for one in args if isinstance(one, Tensor)), None)
        if like is not None:
            device, dtype, non_blocking, layout = like.device, like.dtype, kwargs.get("non_blocking", False), None
        else:
            device, dtype, non_blocking, layout = torch._C._nn._parse_to(*args, **kwargs)
        rest: dict[str, Any] = {"dtype": dtype or x.dtype} | ({"memory_format": layout} if layout is not None else {})
        if device is None or device.type == x.device.type:
            assert device is None or device.index in (None, x.device.index)
            return Tensor.to(x, **rest, copy=copy)
        if device.type == "meta":
            return self._without_numbers(lambda: torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="meta"))
        assert not (x.requires_grad and torch.is_grad_enabled()), "a copy between devices that has a gradient"
        if device.type == "cuda":
            if not (non_blocking and self.device.is_pinned(x)):
                self.device.waited("a copy to the device")
            return SimulatedTensor(Tensor.to(x.detach(), **rest, copy=True), self.device.number(device))
        self.device.waited("a copy to the CPU")
        return Tensor.to(cpu_tensor(x), **rest, copy=True)


def _cast(x: Any, dtype: torch.dtype) -> Any:
    """Cast a floating-point tensor on the device as autocast does, which leaves float64 alone."""
    if not isinstance(x, SimulatedTensor) or not x.is_floating_point() or x.dtype in (dtype, torch.float64):
        return x
    return Tensor.to(x, dtype)


def _backward(tensors: Any, gradients: Any = None, **options: Any) -> None:
    """Run the backward pass. ``torch.autograd.backward`` itself would dispatch to ``Calls`` again."""
    gradients = options.pop("gradient", options.pop("grad_tensors", gradients))
    assert not any(options.values()), options
    roots = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
    given = (gradients,) * len(roots) if gradients is None or isinstance(gradients, Tensor) else tuple(gradients)
    first = tuple(torch.ones_like(x) if g is None else g for x, g in zip(roots, given, strict=True))
    torch.autograd.graph._engine_run_backward(
        roots, first, False, False, (), allow_unreachable=True, accumulate_grad=True
    )


@contextmanager
def simulate_cuda(count: int = 1, capability: tuple[int, int] = (9, 0)) -> Iterator[Device]:
    """Simulate ``count`` CUDA devices of this compute capability, and yield their state."""
    device = Device(count, capability)
    operations = Operations(device)
    overwrites = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(
        True
    )  # tensors of these kinds cannot take each other's place
    _here.append(device)
    try:
        with simulated_cuda_api.replaced_functions(device), operations, Calls(device, operations):
            yield device
    finally:
        _here.pop()
        torch.__future__.set_overwrite_module_params_on_conversion(overwrites)
