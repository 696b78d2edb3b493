"""Compare a training step with the forms and kernels of a GPU with a plain step, on the CPU.

Run under ``TRITON_INTERPRET=1``. Prints a JSON object: for float32 and bfloat16, channels first and last, the messages
of ``use_kernels``, whether each form uses its kernels, and the largest relative error of a parameter's gradients, in
the 2-norm.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import torch

import netspec
from netspec import backend
from netspec.passes.fast import forms_of
from netspec.train.learning.objective import build

SPEC = """\
net small rounding=up
gpus 2
[image] input 3x15x15
[c] conv filters=8 kernel=5 stride=2 neuron=relu
[n] lrn size=5 k=2 alpha=0.1 beta=0.75
[p] maxpool kernel=3 stride=2
[d] conv filters=12 kernel=3 pad=1 neuron=relu bias=0.1
[e] conv filters=12 kernel=3 pad=1 neuron=relu reads=all
[g] conv inputs=d,e filters=10 kernel=3 pad=1 neuron=relu bias=0.1
[f] fc outputs=4 reads=all
train batch=3 precision=PRECISION
"""
PASSES = ("space-to-depth", "lrn-chain", "bias-relu", "fused-update")


def compare(precision: str, channels_last: bool) -> dict[str, Any]:
    """Run both steps, and return the messages, whether each form uses its kernels, and the largest error."""
    graph = netspec.loads(SPEC.replace("PRECISION", precision)).graph
    fast = build(graph, 0, "cpu", forms_of(graph, (*PASSES, "channels-last") if channels_last else PASSES))
    plain = build(graph, 0, "cpu")
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    messages = backend.load("pytorch").use_kernels(fast.module, dtype)
    with_kernels = [module for module in fast.module.modules() if hasattr(module, "kernels")]
    images, labels = torch.randn(3, 3, 15, 15, generator=torch.Generator().manual_seed(0)), torch.arange(3)
    plain.gradients(images, labels, 0, 0)
    fast.gradients(fast.to_layout(images), labels, 0, 0)
    expected = {name: p.grad for name, p in plain.module.named_parameters()}
    errors = [
        float((p.grad - expected[name]).norm() / expected[name].norm()) for name, p in fast.module.named_parameters()
    ]
    return {
        "messages": messages,
        "kernels": [module.kernels == {dtype} for module in with_kernels],
        "error": max(errors),
    }


check: Any = import_module("netspec.backends.pytorch.fast.check")
check.no_kernels = lambda device: None
print(json.dumps({f"{number} {last}": compare(number, last) for number in ("fp32", "bf16") for last in (False, True)}))
