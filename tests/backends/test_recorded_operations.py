"""Every operation on a CUDA device that is not there (``pretended``), recorded as a graph and done again."""

from __future__ import annotations

import pytest
import torch
from cases import Case, cases
from pretended import pretended
from torch import Tensor

from netspec import backend
from netspec.ir.ops import RandomScale
from netspec.passes.fast import forms_of
from netspec.train.learning.recording import CudaGraphs, Inputs, Recording

pytorch = backend.load("pytorch")
CASES = cases()

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU; what is marked gpu runs on it")


@pytest.mark.many
@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("build", CASES.values(), ids=CASES.keys())
def test_every_operation_can_be_recorded(build: Case, training: bool) -> None:
    """Forward and backward pass, for other images the second time; but for those that the pass leaves out."""
    graph = build()
    if training and not forms_of(graph, ("cuda-graph",)).recorded:
        assert any(isinstance(node.op, RandomScale) for node in graph.nodes.values())
        return

    def passes(where: str) -> list[Tensor]:
        module = pytorch.module(graph, 0).to(where).train(training)
        module.register_parameter("beside", torch.nn.Parameter(torch.zeros(1, device=where)))
        chance = pytorch.DeviceDraw.of(module)
        pytorch.set_draw(module, chance)
        labels = (torch.arange(4) % graph.scores.output.channels).to(where)

        def work(images: Tensor) -> tuple[Tensor, ...]:
            x = images.detach().requires_grad_()
            y = module(x, labels) if module._plan.labelled else module(x)
            y.square().sum().backward()
            assert x.grad is not None
            return y.detach(), x.grad

        recording = Recording(CudaGraphs(), module, "it", Inputs())
        for step in range(2):
            chance.renew(0, step)
            images = torch.rand(4, *graph.input.output, generator=torch.Generator().manual_seed(step)).to(where)
            made = recording(work, (images,)) if where == "cuda" else work(images)
        assert recording.note is None
        return [x.cpu() for x in made]

    wanted = passes("cpu")
    with pretended():
        found = passes("cuda")
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b)
