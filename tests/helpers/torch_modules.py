"""Networks written by hand in PyTorch, in the styles of well-known ones, small and with random parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class AlexNet(nn.Module):
    """As torchvision's: features, adaptive pooling, flattening, dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 11, 4, 2), nn.ReLU(True), nn.MaxPool2d(3, 2), nn.Conv2d(6, 8, 5, padding=2), nn.ReLU(True),
            nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d((3, 3))
        self.classifier = nn.Sequential(nn.Dropout(0.25), nn.Linear(8 * 9, 12), nn.ReLU(True), nn.Linear(12, 5))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return result


class Residual(nn.Module):
    """A block of ResNet, with a projection if it has a stride."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.downsample = nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))
        self.projected = stride > 1

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.downsample(x) if self.projected else x))


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 6, 7, 2, 3, bias=False), nn.BatchNorm2d(6)
        self.layer1 = nn.Sequential(Residual(6, 6, 1), Residual(6, 8, 2))
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer1(F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1))
        result: Tensor = self.fc(F.adaptive_avg_pool2d(y, 1).flatten(1))
        return result


class Squeeze(nn.Module):
    """Squeeze and excitation, with vectors or with convolutions of single pixels."""

    def __init__(self, channels: int, linear: bool) -> None:
        super().__init__()
        self.linear = linear
        self.fc1 = nn.Linear(channels, 3) if linear else nn.Conv2d(channels, 3, 1)
        self.fc2 = nn.Linear(3, channels) if linear else nn.Conv2d(3, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        means = F.adaptive_avg_pool2d(x, 1)
        if self.linear:
            batch, channels = x.size(0), x.size(1)
            gates = torch.sigmoid(self.fc2(F.relu(self.fc1(means.view(batch, channels)))))
            return x * gates.view(batch, channels, 1, 1).expand_as(x)
        return x * F.hardsigmoid(self.fc2(F.relu(self.fc1(means))))


class MobileNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.Hardswish(),
            nn.Conv2d(6, 6, 3, 1, 1, groups=6, bias=False), nn.BatchNorm2d(6), nn.ReLU6(), Squeeze(6, False),
            nn.Conv2d(6, 8, 1, bias=False), nn.BatchNorm2d(8), nn.SiLU(),
        )  # fmt: skip
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(self.head(self.features(x).mean([2, 3])), 1)


class Inception(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, 2)
        self.branch1 = nn.Conv2d(6, 4, 1)
        self.branch2 = nn.Sequential(nn.Conv2d(6, 4, 1), nn.ReLU(), nn.Conv2d(4, 5, 3, padding=1))
        self.branch3 = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(6, 3, 1))
        self.se = Squeeze(12, True)
        self.fc = nn.Linear(12 * 16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        x = self.se(torch.cat([self.branch1(x), self.branch2(x), self.branch3(x)], 1))
        x = F.avg_pool2d(F.max_pool2d(x, 3, 2, ceil_mode=True), 3, 2, 1)
        return F.log_softmax(self.fc(x.view(x.size(0), -1)), 1)


class ConvNeXtBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1, self.pwconv2 = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.rand(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.block = nn.Conv2d(3, 6, 4, 4), ConvNeXtBlock(6)
        self.gn, self.norm, self.head = nn.GroupNorm(3, 6), nn.LayerNorm(6), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.norm(self.gn(self.block(self.stem(x))).mean([-2, -1])))
        return result


class Older(nn.Module):
    """Local response normalisation, which PyTorch computes by pooling channels, and layers of that time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 5, padding="same"), nn.LocalResponseNorm(5, 1e-2, 0.75, 2.0)
        self.instance, self.slope, self.fc = nn.InstanceNorm2d(8, affine=True), nn.PReLU(), nn.Linear(8 * 64, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(self.norm(1.7159 * torch.tanh(self.conv(x))), 4)
        return torch.tanh(0.5 * self.fc(F.elu(self.slope(self.instance(x))).flatten(1)))


class ShuffleUnit(nn.Module):
    """A unit of ShuffleNet v2 with a stride of 1 (Ma et al., 2018, figure 3 c)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            nn.Conv2d(half, half, 1, bias=False), nn.BatchNorm2d(half), nn.PReLU(half),
            nn.Conv2d(half, half, 3, 1, 1, groups=half, bias=False), nn.BatchNorm2d(half),
            nn.Conv2d(half, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU(True),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        kept, read = x.chunk(2, dim=1)
        y = torch.cat((kept, self.branch(read)), dim=1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)


class Shuffled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.unit, self.fc = nn.Conv2d(3, 8, 3, 2, 1), ShuffleUnit(8), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        first, _, last = torch.split(self.unit(self.conv(x)), [3, 2, 3], dim=1)
        result: Tensor = self.fc(torch.cat((last[:, 1:], first, last[:, :1]), 1).mean([2, 3]))
        return result


MODULES: dict[str, tuple[type[nn.Module], int]] = {
    "alexnet": (AlexNet, 63),
    "resnet": (ResNet, 32),
    "mobilenet": (MobileNet, 16),
    "inception": (Inception, 32),
    "convnext": (ConvNeXt, 16),
    "older": (Older, 32),
    "shuffled": (Shuffled, 16),
}
"""By name: the class, and the side of the images."""


def made(name: str) -> nn.Module:
    """A module in evaluation mode, with random parameters and statistics."""
    torch.manual_seed(0)
    module = MODULES[name][0]()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None and part.running_var is not None
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
        if isinstance(part, nn.PReLU):
            nn.init.normal_(part.weight)
    return module.eval()


RESNET = """\
net     resnet  rounding=down
default conv  bias=none

[image]                 input      3x32x32
[conv1]                 conv       filters=6  kernel=7  stride=2  pad=3  -> 6x16x16
[bn1]                   batchnorm  neuron=relu
[pool1]                 maxpool    kernel=3  stride=2  pad=1             -> 6x8x8
[layer1_0_conv1]        conv       filters=6  kernel=3  pad=1            -> 6x8x8
[layer1_0_bn1]          batchnorm  neuron=relu
[layer1_0_conv2]        conv       filters=6  kernel=3  pad=1            -> 6x8x8
[layer1_0_bn2]          batchnorm
[layer1_0]              sum        neuron=relu  inputs=layer1_0_bn2,pool1
[layer1_1_conv1]        conv       filters=8  kernel=3  stride=2  pad=1  -> 8x4x4
[layer1_1_bn1]          batchnorm  neuron=relu
[layer1_1_conv2]        conv       filters=8  kernel=3  pad=1            -> 8x4x4
[layer1_1_bn2]          batchnorm
[layer1_1_downsample_0] conv       filters=8  kernel=1  stride=2  inputs=layer1_0  -> 8x4x4
[layer1_1_downsample_1] batchnorm
[layer1_1]              sum        neuron=relu  inputs=layer1_1_bn2,layer1_1_downsample_1
[pool2]                 avgpool    kernel=global
[fc]                    fc         outputs=5
"""
"""What a person would write of ``made("resnet")``, for images of 3x32x32."""
