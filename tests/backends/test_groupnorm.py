"""Layer and group normalisation against torch's own modules, and a ConvNeXt against one written by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from building import Builder
from networks import convnext
from programs import load_program, network_class
from torch import Tensor, nn

import netspec
from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.ops import GroupNorm, LayerNorm

pytorch = backend.load("pytorch")


def graph_of(op: GroupNorm, *dims: int) -> Graph:
    builder = Builder()
    builder.add("norm", op, builder.input(*dims))
    return builder.graph()


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation of the channels of N,C,H,W at each position, as torchvision's ConvNeXt has it."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@pytest.mark.parametrize(
    ("op", "dims", "make"),
    [
        (LayerNorm(1e-6), (6, 4, 5), lambda: LayerNorm2d(6, eps=1e-6)),
        (LayerNorm(1e-5), (12,), lambda: nn.LayerNorm(12)),
        (LayerNorm(1e-5, groups=3), (12,), lambda: nn.GroupNorm(3, 12)),
        (GroupNorm(1e-5, groups=2), (6, 4, 5), lambda: nn.GroupNorm(2, 6)),
        (GroupNorm(1e-5, groups=6), (6, 4, 5), lambda: nn.InstanceNorm2d(6, affine=True)),
        (GroupNorm(1e-5, groups=6, affine=False), (6, 4, 5), lambda: nn.InstanceNorm2d(6)),
    ],
)
def test_values_and_gradients_are_those_of_torchs_modules(
    op: GroupNorm, dims: tuple[int, ...], make: Callable[[], nn.Module]
) -> None:
    torch.manual_seed(2)
    expected, model = make().double(), pytorch.module(graph_of(op, *dims)).double()
    for ours, theirs in zip(model.parameters(), expected.parameters(), strict=True):
        nn.init.normal_(theirs)
        ours.data.copy_(theirs)
    x = torch.randn(3, *dims, dtype=torch.float64, requires_grad=True)
    other = x.detach().clone().requires_grad_()
    y, z = model(x), expected(other)
    torch.testing.assert_close(y, z, rtol=1e-12, atol=1e-12)
    y.pow(3).sum().backward()
    z.pow(3).sum().backward()
    torch.testing.assert_close(x.grad, other.grad, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("op", [LayerNorm(1e-5), LayerNorm(1e-5, groups=2)])
def test_layernorm_keeps_the_memory_layout(op: GroupNorm) -> None:
    model, x = pytorch.module(graph_of(op, 6, 4, 5)), torch.randn(2, 6, 4, 5)
    y = model(x)
    last = model(x.contiguous(memory_format=torch.channels_last))
    assert y.is_contiguous()
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(last, y)


@pytest.mark.parametrize("op", [LayerNorm(1e-6), GroupNorm(1e-6, groups=2)])
def test_maps_with_channels_last_and_a_large_mean_are_normalised_accurately(op: GroupNorm, tmp_path: Path) -> None:
    """On such maps, ``nn.GroupNorm`` is wrong by more than 0.01 on the CPU."""
    torch.manual_seed(3)
    graph, x = graph_of(op, 8, 8, 8), 200 + torch.randn(2, 8, 8, 8)
    models = (pytorch.module(graph), pytorch.module(graph), network_class(load_program(graph, tmp_path))())
    for model in models:
        for parameter, number in zip(model.parameters(), (1.0, 0.0), strict=True):
            nn.init.constant_(parameter, number)
    expected = models[0].double()(x.double()).float()
    for model in models[1:]:
        y = model(x.contiguous(memory_format=torch.channels_last))
        torch.testing.assert_close(y, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("op", [LayerNorm(1e-6), GroupNorm(1e-6, groups=2)])
def test_statistics_of_bfloat16_maps_are_float32(op: GroupNorm) -> None:
    """Around 100, neighbouring numbers of bfloat16 differ by 0.5, so that no deviation of 1 could be computed."""
    model, x = pytorch.module(graph_of(op, 8, 4, 4)), (100 + torch.randn(2, 8, 4, 4)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        y = model(x)
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, model(x.float()))


@pytest.mark.parametrize("op", [GroupNorm(1e-5, groups=4), GroupNorm(1e-5, 4, affine=False), LayerNorm(1e-5, 4)])
def test_one_number_by_itself_is_normalised_to_0(op: GroupNorm, tmp_path: Path) -> None:
    """torch.nn rejects it in training."""
    graph = graph_of(op, 4)
    for model in (pytorch.module(graph), network_class(load_program(graph, tmp_path))()):
        for parameter, number in zip(model.parameters(), (1.0, 0.0), strict=False):
            nn.init.constant_(parameter, number)
        torch.testing.assert_close(model.train()(torch.randn(1, 4)), torch.zeros(1, 4), rtol=0, atol=1e-4)


class Block(nn.Module):
    """A block of ConvNeXt (Liu et al., 2022, figure 4), written with permuted linear layers as in torchvision."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.d = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.n = nn.LayerNorm(width, eps=1e-6)
        self.w = nn.Linear(width, 4 * width)
        self.p = nn.Linear(4 * width, width)
        self.g = nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor, kept: Tensor | float = 1.0) -> Tensor:
        y = self.n(self.d(x).permute(0, 2, 3, 1))
        y = self.p(F.gelu(self.w(y))).permute(0, 3, 1, 2)
        return x + kept * (self.g[:, None, None] * y)


class ConvNeXt(nn.Module):
    """Two stages of one and two blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.s0 = nn.Conv2d(3, 6, 4, 4), LayerNorm2d(6, eps=1e-6)
        self.norm2, self.down2 = LayerNorm2d(6, eps=1e-6), nn.Conv2d(6, 8, 2, 2)
        self.blocks = nn.ModuleList([Block(6), Block(8), Block(8)])
        self.norm, self.fc = nn.LayerNorm(8, eps=1e-6), nn.Linear(8, 5)

    def forward(self, x: Tensor, kept: tuple[Tensor | float, ...] = (1.0, 1.0, 1.0)) -> Tensor:
        x = self.blocks[0](self.s0(self.stem(x)), kept[0])
        x = self.down2(self.norm2(x))
        x = self.blocks[2](self.blocks[1](x, kept[1]), kept[2])
        return self.fc(self.norm(x.mean((2, 3))))

    def load(self, state: dict[str, Tensor]) -> None:
        """Load the weights of the spec's module, whose blocks are numbered layers."""
        own = {}
        for key in self.state_dict():
            _, block, name = key.split(".", 2) if key.startswith("blocks") else ("", "", key)
            layer, dot, kind = name.partition(".")
            spec = f"{layer}{int(block) + 1}.{kind if dot else 'weight'}" if block else key
            own[key] = state[spec].reshape(self.state_dict()[key].shape)
        self.load_state_dict(own)


def models() -> tuple[Any, ConvNeXt]:
    """Return the spec's module and the one by hand, with the same random weights, in float64."""
    torch.manual_seed(3)
    net = netspec.loads(convnext((1, 2), (6, 8), image=16, classes=5, drop=0.5))
    model = netspec.torch_module(net).double()
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0.1, 0.3)
    by_hand = ConvNeXt().double()
    by_hand.load(model.state_dict())
    return model, by_hand


def test_convnext_computes_what_one_by_hand_computes() -> None:
    model, by_hand = models()
    x = torch.randn(4, 3, 16, 16, dtype=torch.float64)
    scores = pytorch.class_scores(model.eval(), x)
    torch.testing.assert_close(scores, by_hand(x), rtol=1e-10, atol=1e-12)
    scores.square().sum().backward()
    by_hand(x).square().sum().backward()
    torch.testing.assert_close(model.g2.weight.grad, by_hand.blocks[1].g.grad, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(model.s0.weight.grad, by_hand.s0.weight.grad, rtol=1e-9, atol=1e-12)


def test_stochastic_depth_of_convnext_skips_blocks_for_whole_images() -> None:
    """Its rates are 0, 1/4 and 1/2; what is kept is divided by the share that is kept."""
    model, by_hand = models()
    x = torch.randn(8, 3, 16, 16, dtype=torch.float64)
    pytorch.set_random_state(model, pytorch.RandomState(1, 0))
    model.train()
    ones = torch.ones(8, 8, 2, 2, dtype=torch.float64)
    kept = tuple(layer(ones)[:, :1, :1, :1] for layer in (model.x2, model.x3))
    assert [set(mask.unique().tolist()) for mask in kept] == [{0, 4 / 3}, {0, 2}]
    torch.testing.assert_close(pytorch.class_scores(model, x), by_hand(x, (1.0, *kept)), rtol=1e-10, atol=1e-12)
