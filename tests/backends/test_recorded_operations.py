"""Every operation, recorded as a CUDA graph and replayed: on a GPU, or else a simulated one (``simulated_cuda``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from cases import Case, cases, differing_in_training
from simulated_cuda import simulate_cuda
from torch import Tensor

from netspec import backend
from netspec.ir.ops import RandomScale
from netspec.passes.fast import forms_of
from netspec.train.learning.recording import CudaGraphs, Inputs, Recording
from netspec.train.learning.task import made_up_labels

pytorch = backend.load("pytorch")
RUNS = {f"{name}-training": (build, True) for name, build in cases().items()} | {
    f"{name}-inference": (build, False) for name, build in differing_in_training().items()
}

ON_GPU = torch.cuda.is_available()

pytestmark = pytest.mark.gpu


@contextmanager
def full_precision() -> Iterator[None]:
    """Do not let a GPU's convolutions round their factors to TF32."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


@pytest.mark.many
@pytest.mark.parametrize(("build", "training"), RUNS.values(), ids=RUNS.keys())
def test_every_operation_can_be_recorded(build: Case, training: bool) -> None:
    """Runs forward and backward passes on two different batches, except for operations that cannot be recorded."""
    graph = build()
    if training and not forms_of(graph, ("cuda-graph",)).recorded:
        assert any(isinstance(node.op, RandomScale) for node in graph.nodes.values())
        return

    def second_step(device: str) -> list[Tensor]:
        module = pytorch.module(graph, 0).to(device).train(training)
        module.register_parameter("extra", torch.nn.Parameter(torch.zeros(1, device=device)))
        random_state = pytorch.DeviceRandomState.for_model(module)
        pytorch.set_random_state(module, random_state)
        labels = made_up_labels(graph, 4).to(device)

        def forward_and_backward(images: Tensor) -> tuple[Tensor, ...]:
            x = images.detach().requires_grad_()
            y = module(x, labels) if module._plan.labelled else module(x)
            y.square().sum().backward()
            assert x.grad is not None
            return y.detach(), x.grad

        recording = Recording(CudaGraphs(), module, "step", Inputs())
        for step in range(2):
            random_state.renew(0, step)
            images = torch.rand(4, *graph.input.output, generator=torch.Generator().manual_seed(step)).to(device)
            results = recording(forward_and_backward, (images,)) if device == "cuda" else forward_and_backward(images)
        assert recording.note is None
        return [x.cpu() for x in results]

    expected = second_step("cpu")
    with full_precision() if ON_GPU else simulate_cuda():
        replayed = second_step("cuda")
    rough = {"rtol": 1e-3, "atol": 1e-3 * max(float(x.abs().max()) for x in expected)} if ON_GPU else {}
    for a, b in zip(replayed, expected, strict=True):
        torch.testing.assert_close(a, b, **rough)
