"""Modules that return maps, in the styles of well-known ones for segmentation and for drawing images."""

from __future__ import annotations

import pytest
import torch
from same_outputs import assert_same
from torch import Tensor, nn
from torch.nn import functional as F

import netspec
from netspec import backend


def block(channels: int, filters: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(channels, filters, 3, stride, dilation, dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(filters), nn.ReLU(True))


class UNet(nn.Module):
    """Maps that are enlarged between their corners and padded to the size of those that they are joined with."""

    def __init__(self) -> None:
        super().__init__()
        self.inc, self.down = block(3, 4), nn.Sequential(nn.MaxPool2d(2), block(4, 4))
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.conv, self.outc = block(8, 4), nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.inc(x)
        coarse = self.up(self.down(fine))
        rows, columns = fine.size(2) - coarse.size(2), fine.size(3) - coarse.size(3)
        coarse = F.pad(coarse, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
        result: Tensor = self.outc(self.conv(torch.cat([fine, coarse], 1)))
        return result


class PyramidPooling(nn.Module):
    """Bins of several sizes, brought back to the size of the maps (PSPNet, and UPerNet's head)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(block(3, 6, 2), block(6, 6, 1, 2))
        self.stages = nn.ModuleList([nn.Sequential(nn.AdaptiveAvgPool2d(n), nn.Conv2d(6, 2, 1)) for n in (1, 2, 3, 6)])
        self.last = nn.Sequential(block(14, 6), nn.Dropout2d(0.1), nn.Conv2d(6, 3, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        size = y.shape[2:]
        parts = [F.interpolate(stage(y), size, mode="bilinear", align_corners=True) for stage in self.stages]
        return F.interpolate(self.last(torch.cat([y, *parts], 1)), x.shape[2:], mode="bilinear", align_corners=True)


class Context(nn.Module):
    """Attention to channels, and the features of the whole image added to each pixel (BiSeNet)."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.gate, self.whole = block(3, 6, 4), nn.Conv2d(6, 6, 1), nn.Conv2d(6, 6, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.down(x)
        mean = y.mean((2, 3), keepdim=True)
        return F.interpolate(y * self.gate(mean).sigmoid() + self.whole(mean), scale_factor=4)


class Fused(nn.Module):
    """Branches of two resolutions that exchange their maps, of sizes that strides have rounded (HRNet)."""

    def __init__(self) -> None:
        super().__init__()
        self.high, self.low = block(3, 4), block(4, 6, 2)
        self.to_high, self.to_low = nn.Conv2d(6, 4, 1), block(4, 6, 2)

    def forward(self, x: Tensor) -> Tensor:
        high = self.high(x)
        low = self.low(high)
        low, up = F.relu(low + self.to_low(high)), F.interpolate(self.to_high(low), high.shape[2:], mode="bilinear")
        return torch.cat([F.relu(high + up), F.interpolate(low, high.shape[2:], mode="bilinear")], 1)


class Generator(nn.Module):
    """Reflected borders, instance normalisation, residual blocks (CycleGAN, fast neural style)."""

    def __init__(self) -> None:
        super().__init__()
        norm = nn.InstanceNorm2d
        self.head = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, 4, 7), norm(4), nn.ReLU(True))
        self.down = nn.Sequential(nn.Conv2d(4, 6, 3, 2, 1), norm(6, affine=True), nn.ReLU(True))
        self.block = nn.Sequential(nn.ReplicationPad2d(1), nn.Conv2d(6, 6, 3), norm(6))
        self.up = nn.Sequential(nn.ConvTranspose2d(6, 4, 3, 2, 1, output_padding=1), norm(4), nn.ReLU(True))
        self.tail = nn.Sequential(nn.Conv2d(4, 3, 7, padding=3, padding_mode="reflect"), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        y = self.down(self.head(x))
        result: Tensor = self.tail(self.up(y + self.block(y)))
        return result


class SuperResolution(nn.Module):
    """Scaled residuals and enlargements by pixels of channels (EDSR, ESRGAN); a residual image (DnCNN)."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.body = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(8, 4, 3, padding=1)
        self.tail = nn.Sequential(nn.Conv2d(4, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(x)
        y = F.leaky_relu(self.body(torch.cat((y, y.relu()), 1)), 0.2) * 0.2 + y
        result: Tensor = F.interpolate(x, scale_factor=2, mode="bilinear") - self.tail(y)
        return result


MODULES = {
    "unet": (UNet, (3, 13, 10)),
    "pyramid pooling": (PyramidPooling, (3, 17, 23)),
    "context": (Context, (3, 8, 12)),
    "fused": (Fused, (3, 9, 13)),
    "generator": (Generator, (3, 12, 8)),
    "super-resolution": (SuperResolution, (3, 6, 5)),
}


@pytest.mark.many
@pytest.mark.parametrize("name", MODULES)
def test_dense_modules_compute_the_same(name: str) -> None:
    make, shape = MODULES[name]
    torch.manual_seed(0)
    assert_same(make(), shape)


class Auxiliary(nn.Module):
    """Torchvision's way to return scores: a dictionary, with those of an auxiliary classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.classifier, self.aux_classifier = block(3, 4, 2), nn.Conv2d(4, 5, 1), nn.Conv2d(4, 5, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features, size = self.backbone(x), x.shape[-2:]
        scores = {"out": self.classifier(features), "aux": self.aux_classifier(features)}
        return {key: F.interpolate(value, size, mode="bilinear", align_corners=False) for key, value in scores.items()}


def test_outputs_of_a_dictionary_have_their_keys_as_names() -> None:
    module = Auxiliary().double().eval()
    net = netspec.from_torch(module, (3, 8, 9))
    assert [line.partition("]")[0] for line in net.source.text.splitlines()[-2:]] == ["[aux", "[out"]
    (warning,) = net.warnings
    assert warning.code == "torch-outputs" and warning.message == "the model has 2 outputs; a spec has one, here out"
    assert warning.notes == ("the others are layers that no layer need read: aux is the layer aux",)
    images = torch.randn(2, 3, 8, 9, dtype=torch.float64)
    assert torch.allclose(netspec.torch_module(net, weights=module).eval()(images), module(images)["out"])


def test_two_lines_give_an_auxiliary_output_its_loss() -> None:
    """The loss of torchvision's references/segmentation/train.py."""
    module = Auxiliary().double().eval()
    text = netspec.from_torch(module, (3, 8, 9)).source.text
    losses = "[aux_loss] crossentropy loss_weight=0.5 inputs=aux\n[loss] crossentropy inputs=out\n"
    net = netspec.loads(f"{text}\n{losses}")
    images, masks = torch.randn(2, 3, 8, 9, dtype=torch.float64), torch.randint(5, (2, 8, 9))
    masks[0, :3] = 255
    expected = {key: F.cross_entropy(x, masks, ignore_index=255) for key, x in module(images).items()}
    own = netspec.torch_module(net, weights=module).eval()
    found = backend.load("pytorch").training_loss(own, images, masks.byte())
    assert net.graph.scores.name == "out"
    torch.testing.assert_close(found, expected["out"] + 0.5 * expected["aux"])
