"""PyTorch's own sample inputs (``torch.testing._internal``) as netspec networks, and its error inputs as specs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from equivalents import (
    Array,
    DoesNotApply,
    Equivalent,
    Reason,
    avg_pool,
    conv,
    deconv,
    group_norm,
    layer_norm,
    linear,
    lrn,
    max_pool,
    pair,
    same_padding,
)
from torch import Tensor

from netspec.ir.window import Pad, TransposedWindow, Window

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A call of an operator: its tensor, its other arguments by name, and for an error input torch's message."""

    x: Tensor
    arguments: Arguments
    complaint: str = ""


def samples(operator: str) -> Iterator[Sample]:
    """The sample inputs of an operator, in float64."""
    torch.manual_seed(0)
    for sample in _info(operator).sample_inputs("cpu", torch.float64):
        yield _named(operator, sample)


def error_inputs(operator: str) -> Iterator[Sample]:
    """The calls of an operator that torch refuses."""
    info = _info(operator)
    for error in info.error_inputs("cpu") if info.error_inputs_func else ():
        yield _named(operator, error.sample_input, error.error_regex)


def torch_result(operator: str, sample: Sample) -> Array:
    """Run the call in torch."""
    result: Tensor = getattr(F, operator)(sample.x, **{**sample.arguments, **CHANGED_ARGUMENTS.get(operator, {})})
    return result.numpy()


def equivalent(operator: str, sample: Sample) -> Equivalent:
    """The call as a netspec network. Raises ``DoesNotApply`` if no spec can express it."""
    return EQUIVALENTS[operator](sample.x.numpy(), sample.arguments)


def refused_spec(operator: str, sample: Sample) -> str:
    """A call that torch refuses, as a spec. Raises ``DoesNotApply`` if no spec can express it."""
    return SPECS[operator](sample)


def _info(operator: str) -> Any:
    from torch.testing._internal.common_methods_invocations import op_db  # takes seconds

    # The import forbids setting cuDNN's flags in the whole process, which other tests do.
    torch.backends.disable_global_flags.__globals__["__allow_nonbracketed_mutation_flag"] = True
    (found,) = (info for info in op_db if info.name == f"nn.functional.{operator}")
    return found


def _named(operator: str, sample: Any, complaint: str = "") -> Sample:
    return Sample(sample.input, {**dict(zip(NAMES[operator], sample.args)), **sample.kwargs}, complaint)  # noqa: B905


def _conv(x: Array, given: Arguments) -> Equivalent:
    weight = given["weight"].numpy()
    bias = given["bias"].numpy() if given.get("bias") is not None else None
    stride, dilation = pair(given.get("stride", 1)), pair(given.get("dilation", 1))
    padding = given.get("padding", 0)
    if padding == "same":
        axes = zip(x.shape[-2:], weight.shape[2:], stride, dilation, strict=True)
        (top, bottom), (left, right) = (same_padding(*numbers) for numbers in axes)
        pad = Pad(left, right, top, bottom)
    else:
        pad = _both_sides(0 if padding == "valid" else padding)
    window = Window(weight.shape[2:], stride, pad, dilation, "down")
    return conv(x, weight, bias, window, given.get("groups", 1), batched=x.ndim == 4)


def _conv_transpose(x: Array, given: Arguments) -> Equivalent:
    bias = given["bias"].numpy() if given.get("bias") is not None else None
    stride, dilation, padding = (
        pair(given.get(name, default)) for name, default in (("stride", 1), ("dilation", 1), ("padding", 0))
    )
    rows, columns = pair(given.get("output_padding", 0))
    pad = Pad(padding[1], padding[1] - columns, padding[0], padding[0] - rows)
    weight = given["weight"].numpy()
    window = TransposedWindow(weight.shape[2:], stride, pad, dilation)
    return deconv(x, weight, bias, window, given.get("groups", 1), batched=x.ndim == 4)


def _max_pool(x: Array, given: Arguments) -> Equivalent:
    return max_pool(x, _pool_window(given), batched=x.ndim == 4)


def _avg_pool(x: Array, given: Arguments) -> Equivalent:
    padding_counts, divisor = given.get("count_include_pad", True), given.get("divisor_override")
    return avg_pool(x, _pool_window(given), padding_counts=padding_counts, divisor=divisor, batched=x.ndim == 4)


def _pool_window(given: Arguments) -> Window:
    kernel = pair(given["kernel_size"])
    stride, dilation = pair(given.get("stride") or kernel), pair(given.get("dilation", 1))
    rounding = "caffe" if given.get("ceil_mode", False) else "down"
    return Window(kernel, stride, _both_sides(given.get("padding", 0)), dilation, rounding, kind="pool")


def _both_sides(padding: Any) -> Pad:
    rows, columns = pair(padding)
    return Pad(columns, columns, rows, rows)


def _lrn(x: Array, given: Arguments) -> Equivalent:
    return lrn(x, given["size"], given.get("alpha", 1e-4), given.get("beta", 0.75), given.get("k", 1.0))


def _linear(x: Array, given: Arguments) -> Equivalent:
    """A weight with one axis is that of a single unit, and the result has no axis for units (samples of torch 2.15)."""
    weight, bias = given["weight"].numpy(), given.get("bias")
    batch = linear(x, np.atleast_2d(weight), np.atleast_1d(bias.numpy()) if bias is not None else None)
    return batch if weight.ndim == 2 else replace(batch, to_peer=lambda output: batch.to_peer(output)[..., 0])


def _layer_norm(x: Array, given: Arguments) -> Equivalent:
    axes = len(given["normalized_shape"])
    return layer_norm(x, *_coefficients(given, x.shape[-axes:]), -axes, _eps(given))


def _group_norm(x: Array, given: Arguments) -> Equivalent:
    return group_norm(x, *_coefficients(given, x.shape[1:2]), given["num_groups"], _eps(given))


def _coefficients(given: Arguments, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The weight and bias of a normalisation, which without them multiplies by 1 and adds 0."""
    weight, bias = given.get("weight"), given.get("bias")
    return np.ones(shape) if weight is None else weight.numpy(), np.zeros(shape) if bias is None else bias.numpy()


def _eps(given: Arguments) -> float:
    eps: float = given.get("eps", 1e-5)
    if eps <= 0:
        raise DoesNotApply(Reason.EPS)
    return eps


def _conv_spec(sample: Sample) -> str:
    weight = sample.arguments["weight"]
    if len({tensor.dtype for tensor in (sample.x, weight, sample.arguments["bias"])}) > 1:
        raise DoesNotApply(Reason.NUMBERS)
    channels = sample.x.shape[-3]
    keys = _keys(sample.arguments, stride="stride", padding="pad", dilation="dilation", groups="groups")
    kernel = _joined(weight.shape[2:])
    return f"[x] input {_shape(sample, channels)}\n[y] conv filters={len(weight)} kernel={kernel} {keys}"


def _pool_spec(word: str) -> Callable[[Sample], str]:
    def spec(sample: Sample) -> str:
        if sample.arguments.get("divisor_override") == 0:
            raise DoesNotApply(Reason.DIVISOR)
        # The batch or channels may be 0, but that is not what torch complains about.
        kernel = _joined(pair(sample.arguments["kernel_size"]))
        keys = _keys(sample.arguments, stride="stride", padding="pad")
        return f"[x] input {_shape(sample, sample.x.shape[-3] or 1)}\n[y] {word} kernel={kernel} rounding=down {keys}"

    return spec


def _group_norm_spec(sample: Sample) -> str:
    if sample.x.ndim < 2:
        raise DoesNotApply(Reason.CHANNELS)
    shape = (sample.x.shape[1], 1, math.prod(sample.x.shape[2:]))
    return f"[x] input {_joined(shape)}\n[y] groupnorm groups={sample.arguments['num_groups']}"


def _shape(sample: Sample, channels: int) -> str:
    return _joined((channels, *sample.x.shape[-2:]))


def _keys(given: Arguments, **words: str) -> str:
    """Arguments as keys of a spec, except ``same``, which a spec does not have and torch does not complain about."""
    numbers = {words[name]: value for name, value in given.items() if name in words and value != "same"}
    return " ".join(f"{word}={value[0] if isinstance(value, tuple) else value}" for word, value in numbers.items())


def _joined(numbers: Any) -> str:
    return "x".join(map(str, numbers))


NAMES = {
    "conv2d": ("weight", "bias", "stride", "padding", "dilation", "groups"),
    "conv_transpose2d": ("weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
    "max_pool2d": ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "avg_pool2d": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
    "local_response_norm": ("size", "alpha", "beta", "k"),
    "linear": ("weight", "bias"),
    "layer_norm": ("normalized_shape", "weight", "bias", "eps"),
    "group_norm": ("num_groups", "weight", "bias", "eps"),
}
"""The operators, with the names of their arguments after the tensor."""

EQUIVALENTS: dict[str, Callable[[Array, Arguments], Equivalent]] = {
    "conv2d": _conv,
    "conv_transpose2d": _conv_transpose,
    "max_pool2d": _max_pool,
    "avg_pool2d": _avg_pool,
    "local_response_norm": _lrn,
    "linear": _linear,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
}

SPECS: dict[str, Callable[[Sample], str]] = {
    "conv2d": _conv_spec,
    "max_pool2d": _pool_spec("maxpool"),
    "avg_pool2d": _pool_spec("avgpool"),
    "group_norm": _group_norm_spec,
}

CHANGED_ARGUMENTS: dict[str, Arguments] = {"max_pool2d": {"return_indices": False}}
"""Arguments that replace those of the samples: the indices of the maxima are not compared."""
