"""Modules as others write ResNet-50 and DenseNet-121 in PyTorch, against the specs of specs/classics."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from places import SPECS
from torch import Tensor, nn

import netspec

pytestmark = pytest.mark.ci

SIDE = 64


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


class Bottleneck(nn.Module):
    """A block of ResNet-50 whose stride is in the 3 x 3 convolution, or in the first one as in the paper."""

    def __init__(self, inputs: int, inside: int, stride: int, *, paper: bool) -> None:
        super().__init__()
        first, second = (stride, 1) if paper else (1, stride)
        self.conv1, self.bn1 = conv(inputs, inside, 1, first), nn.BatchNorm2d(inside)
        self.conv2, self.bn2 = conv(inside, inside, 3, second), nn.BatchNorm2d(inside)
        self.conv3, self.bn3 = conv(inside, 4 * inside, 1), nn.BatchNorm2d(4 * inside)
        self.shortcut = nn.Sequential()
        if inputs != 4 * inside:
            self.shortcut = nn.Sequential(conv(inputs, 4 * inside, 1, stride), nn.BatchNorm2d(4 * inside))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        return torch.relu(self.bn3(self.conv3(y)) + self.shortcut(x))


def stem(*, overhanging: bool = False) -> list[nn.Module]:
    pool = nn.MaxPool2d(3, 2, ceil_mode=True) if overhanging else nn.MaxPool2d(3, 2, 1)
    return [conv(3, 64, 7, 2), nn.BatchNorm2d(64), nn.ReLU(), pool]


def resnet50(*, paper: bool) -> nn.Module:
    """As the paper's authors wrote it, or as torchvision did."""
    layers, channels = stem(overhanging=paper), 64
    for stage, (depth, inside) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512))):
        for block in range(depth):
            layers.append(Bottleneck(channels, inside, 2 if stage and not block else 1, paper=paper))
            channels = 4 * inside
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


class Dense(nn.Module):
    """A layer of DenseNet: it reads all maps of its block and adds 32."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), conv(inputs, 128, 1))
        self.second = nn.Sequential(nn.BatchNorm2d(128), nn.ReLU(), conv(128, 32, 3))

    def forward(self, maps: list[Tensor]) -> Tensor:
        added: Tensor = self.second(self.first(torch.cat(maps, 1)))
        return added


class Block(nn.Module):
    """A block of DenseNet."""

    def __init__(self, inputs: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Dense(inputs + 32 * n) for n in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for layer in self.layers:
            maps.append(layer(maps))
        return torch.cat(maps, 1)


def densenet121() -> nn.Module:
    layers, channels = stem(), 64
    for depth in (6, 12, 24, 16):
        layers.append(Block(channels, depth))
        channels += 32 * depth
        layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        if depth != 16:
            layers += [conv(channels, channels // 2, 1), nn.AvgPool2d(2)]
            channels //= 2
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


@pytest.mark.parametrize(
    ("name", "make", "same"),
    [
        pytest.param("resnet-50", lambda: resnet50(paper=True), True, id="resnet-50", marks=pytest.mark.slow),
        pytest.param("resnet-50", lambda: resnet50(paper=False), False, id="resnet-50 with other strides"),
        pytest.param("resnet-50-v1-5", lambda: resnet50(paper=False), True, id="resnet-50-v1-5"),
        pytest.param("densenet-121", densenet121, True, id="densenet-121", marks=pytest.mark.slow),
    ],
)
def test_modules_are_recognised(name: str, make: Callable[[], nn.Module], same: bool) -> None:
    spec = netspec.load(SPECS / "classics" / f"{name}.net", input=(3, SIDE, SIDE))
    compared = netspec.compare(spec, netspec.from_torch(make().eval(), (3, SIDE, SIDE)))
    assert ("the same class scores, another output" in str(compared)) == same
