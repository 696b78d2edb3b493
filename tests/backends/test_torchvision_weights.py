"""Loading torchvision's AlexNet weights into the module."""

from __future__ import annotations

import pytest
import torch
from places import ROOT
from torch import nn

import netspec
from netspec import backend
from netspec.train.tensors.layouts import from_torchvision

pytorch = backend.load("pytorch")

TORCHVISION_KEYS = [
    ("features.0.weight", (64, 3, 11, 11)),
    ("features.0.bias", (64,)),
    ("features.3.weight", (192, 64, 5, 5)),
    ("features.3.bias", (192,)),
    ("features.6.weight", (384, 192, 3, 3)),
    ("features.6.bias", (384,)),
    ("features.8.weight", (256, 384, 3, 3)),
    ("features.8.bias", (256,)),
    ("features.10.weight", (256, 256, 3, 3)),
    ("features.10.bias", (256,)),
    ("classifier.1.weight", (4096, 9216)),
    ("classifier.1.bias", (4096,)),
    ("classifier.4.weight", (4096, 4096)),
    ("classifier.4.bias", (4096,)),
    ("classifier.6.weight", (1000, 4096)),
    ("classifier.6.bias", (1000,)),
]
"""The state_dict that torchvision publishes for AlexNet (``alexnet-owt-7be5be79.pth``)."""


def torchvision_state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {key: torch.empty(shape).normal_(0, 0.02, generator=generator) for key, shape in TORCHVISION_KEYS}


def torchvision_forward(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Compute torchvision's AlexNet in eval mode, from weights with its keys."""
    functional = nn.functional

    def conv(x: torch.Tensor, index: int, **options: int) -> torch.Tensor:
        return functional.conv2d(
            x, state[f"features.{index}.weight"], state[f"features.{index}.bias"], **options
        ).relu()

    def linear(x: torch.Tensor, index: int) -> torch.Tensor:
        return functional.linear(x, state[f"classifier.{index}.weight"], state[f"classifier.{index}.bias"])

    x = functional.max_pool2d(conv(x, 0, stride=4, padding=2), 3, 2)
    x = functional.max_pool2d(conv(x, 3, padding=2), 3, 2)
    x = functional.max_pool2d(conv(conv(conv(x, 6, padding=1), 8, padding=1), 10, padding=1), 3, 2)
    return linear(linear(linear(x.flatten(1), 1).relu(), 4).relu(), 6)


@pytest.mark.ci
def test_torchvisions_weights_give_torchvisions_scores() -> None:
    graph = netspec.load(ROOT / "specs" / "alexnet-torchvision.net").graph
    state = torchvision_state()
    model = pytorch.module(graph).eval()
    model.load_state_dict(from_torchvision(graph, state))
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(pytorch.class_scores(model, x), torchvision_forward(state, x))


def test_torchvisions_keys_are_mapped_to_layers() -> None:
    graph = netspec.load(ROOT / "specs" / "alexnet-torchvision.net").graph
    state = {key: torch.empty(shape) for key, shape in TORCHVISION_KEYS}
    weights = from_torchvision(graph, state)
    assert weights["conv2.weight"] is state["features.3.weight"]
    assert weights["fc6.weight"] is state["classifier.1.weight"]
    assert weights["fc8.bias"] is state["classifier.6.bias"]
