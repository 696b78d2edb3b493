"""Decide whether to use the Triton kernels: check that the device supports them and computes the right values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from ..ops.counter_rng import DeviceRandomState
from .chain import LrnChain
from .dropped import KernelDropout
from .pool_args import NO_POOLING
from .rectified import BiasReluFunction, Rectified

OLDEST = (7, 0)
"""The lowest compute capability that Triton supports."""

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 2e-2}
"""The largest allowed relative error, in the 2-norm, of the kernels' values and gradients."""

SINGLE = 1000
"""One element in this many is left out of the comparison. If two pixels of a window are equal up to rounding, either
may get the gradient; in bfloat16 this affects about one window in 100,000."""

MAX_LRN_MAPS = 32
"""The largest LRN window of a kernel. The sum is unrolled for each channel, so compile time grows with the square of
the window: 1 s for AlexNet's 5 channels, 7 s for 31 (Triton 3.6, for sm_90)."""

MAX_WINDOW_PIXELS = 256
"""The largest pooling window, whose pixels are numbered by a byte."""

MAX_ELEMENTS = 2**31
"""The elements of an image's maps must be fewer, because their offsets have 32 bits."""

_IMAGES = 2

_PATH = re.compile(r"[^\s'\"]*/[^\s'\"]*")

_NAMES = {LrnChain: "normalisations", Rectified: "biases with ReLUs", KernelDropout: "dropouts"}

Formed = LrnChain | Rectified | KernelDropout


def use_kernels(model: nn.Module, dtype: torch.dtype) -> list[str]:
    """Make the forms in a model use Triton kernels, and return a line for each reason why some do not.

    Each form is first run with and without kernels on a few random maps of its own size; it uses kernels only if the
    results agree. ``dtype`` is the type of the maps that kernels process; maps of other types use no kernels.
    """
    formed: dict[str, Formed] = {name: module for name, module in model.named_modules() if isinstance(module, Formed)}
    if not formed:
        return []
    device = next(model.parameters()).device
    unsupported = no_kernels(device)
    if unsupported is not None:
        kinds = [kind for form, kind in _NAMES.items() if any(isinstance(module, form) for module in formed.values())]
        return [f"{' and '.join(kinds)} run without kernels: {unsupported}"]
    failures: dict[str, tuple[str, list[str]]] = {}
    for name, module in formed.items():
        x = torch.randn(_IMAGES, *module.shape, generator=torch.Generator().manual_seed(0)).to(device, dtype)
        reason = too_large(module) if isinstance(module, LrnChain) else None
        compute = _computation(module, x, _in_format_of(model, x))
        reason = reason or compare_kernels(
            partial(compute, kernels=True), partial(compute, kernels=False), TOLERANCE[dtype]
        )
        module.kernels = frozenset({dtype}) if reason is None else frozenset()
        if reason is not None:
            # A compiler that fails names its temporary files, which are others for each kernel.
            failures.setdefault(_PATH.sub("", reason), (reason, []))[1].append(name)
    return [f"{', '.join(names)} without kernels: {reason}" for reason, names in failures.values()]


def no_kernels(device: torch.device) -> str | None:
    """Return why a device cannot run kernels, or ``None`` if it can."""
    if device.type != "cuda":
        return f"there are none for the {device.type}"
    if torch.cuda.get_device_capability(device) < OLDEST:
        return f"{torch.cuda.get_device_name(device)} is older than Triton supports"
    try:
        from .kernels import launch_lrn_chain  # noqa: F401
    except Exception as problem:  # a damaged or incompatible Triton may raise anything
        return f"Triton cannot be imported ({problem})"
    return None


def too_large(chain: LrnChain) -> str | None:
    """Return why a chain is too large for the kernels, or ``None`` if it is not."""
    (kh, kw), *_ = chain.pool or NO_POOLING
    if chain.lrn.size > MAX_LRN_MAPS:
        return f"windows of {chain.lrn.size} maps exceed {MAX_LRN_MAPS}, beyond which compiling takes minutes"
    if kh * kw > MAX_WINDOW_PIXELS:
        return f"windows of {kh} x {kw} pixels exceed {MAX_WINDOW_PIXELS}, the most that kernels can number in a byte"
    if chain.shape.units >= MAX_ELEMENTS:
        return f"maps of {chain.shape} have too many numbers for offsets of 32 bits"
    return None


def compare_kernels(
    with_kernels: Callable[[], Mapping[str, Tensor]],
    without_kernels: Callable[[], Mapping[str, Tensor]],
    tolerance: float,
) -> str | None:
    """Compare tensors, by name, computed with and without kernels, and return what is wrong, or ``None``."""
    try:
        actual = with_kernels()
        expected = without_kernels()
        distances = {name: _distance(x, expected[name]) for name, x in actual.items()}
    except Exception as problem:  # compilers and drivers may raise anything; the model works without kernels
        return " ".join((type(problem).__name__, *str(problem).strip().splitlines()[:1]))
    for name, distance in distances.items():
        distance /= max(float(expected[name].float().norm()), 1e-30)
        if not distance <= tolerance:
            return f"their {name} differ from the plain ones by {distance:.1g}"
    return None


def _distance(actual: Tensor, expected: Tensor) -> float:
    """Return the 2-norm of the difference of two tensors, without the few largest differences (see ``SINGLE``)."""
    differences = (actual.float() - expected.float()).abs().flatten().sort().values
    if differences[-1].isnan():  # NaNs are sorted last
        return float(differences[-1])
    return float(differences[: len(differences) - len(differences) // SINGLE].norm())


def _computation(module: Formed, x: Tensor, formatted: Tensor) -> Callable[..., Mapping[str, Tensor]]:
    """Return a function that computes a form on random maps, with or without ``kernels``.

    ``x`` are the maps, ``formatted`` the same in the memory format of the model.
    """
    if isinstance(module, LrnChain):
        return partial(_compute_chain, module, x)
    if isinstance(module, KernelDropout):
        return partial(_compute_dropout, module, x)
    return partial(_compute_rectified, formatted)


def _compute_dropout(layer: KernelDropout, x: Tensor, *, kernels: bool) -> dict[str, Tensor]:
    """Return a dropout's value in training mode, and the gradient of a weighted sum of it."""
    x = x.clone().requires_grad_()
    previous = layer.kernels, layer.random_state, layer.training
    held = DeviceRandomState.for_model(layer, x.device)
    held.renew(0, 0)
    layer.kernels, layer.random_state, layer.training = frozenset({x.dtype} if kernels else ()), held, True
    try:
        with torch.enable_grad():
            y = layer(x)
            _weighted_sum(y).backward()  # type: ignore[no-untyped-call]
    finally:
        layer.kernels, layer.random_state, layer.training = previous
    assert x.grad is not None
    return {"values": y.detach(), "gradients": x.grad}


def _compute_chain(chain: LrnChain, x: Tensor, *, kernels: bool) -> dict[str, Tensor]:
    """Return a chain's value, and the gradients of a weighted sum of it."""
    x = x.clone().requires_grad_()
    bias = torch.linspace(-1, 1, x.shape[1], device=x.device).requires_grad_() if chain.adds_bias else None
    previous, chain.kernels = chain.kernels, frozenset({x.dtype}) if kernels else frozenset()
    try:
        with torch.enable_grad():
            y = chain(x, bias)
            _weighted_sum(y).backward()  # type: ignore[no-untyped-call]
    finally:
        chain.kernels = previous
    assert x.grad is not None
    of_bias = {"gradients of the bias": bias.grad} if bias is not None and bias.grad is not None else {}
    return {"values": y.detach(), "gradients": x.grad, **of_bias}


def _compute_rectified(x: Tensor, *, kernels: bool) -> dict[str, Tensor]:
    """Return the ReLU of maps plus a bias, and the gradients of a weighted sum of it."""
    x = x.clone().requires_grad_()
    bias = torch.linspace(-1, 1, x.shape[1], device=x.device).requires_grad_()
    with torch.enable_grad():
        if kernels:
            y: Tensor = BiasReluFunction.apply(x * 1, bias)  # type: ignore[no-untyped-call]
        else:
            y = (x.float() + bias[:, None, None]).relu().to(x.dtype)
        _weighted_sum(y).backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None and bias.grad is not None
    return {"values": y.detach(), "gradients": x.grad, "gradients of the bias": bias.grad}


def _weighted_sum(y: Tensor) -> Tensor:
    weights = torch.linspace(-1, 1, y.numel(), device=y.device, dtype=torch.float32).view(y.shape)
    return (y.float() * weights).sum()


def _in_format_of(model: nn.Module, x: Tensor) -> Tensor:
    """Return maps in channels-last format if the model's convolution weights are in that format."""
    if x.dim() != 4:
        return x
    kernels = [p for p in model.parameters() if p.dim() == 4 and not p.is_contiguous()]
    return x.contiguous(memory_format=torch.channels_last if kernels else torch.contiguous_format)
