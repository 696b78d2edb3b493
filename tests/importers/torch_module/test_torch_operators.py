"""Operators of PyTorch as layers: the same values, and the keys that a spec has for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from same_outputs import Calling, assert_same
from torch import Tensor, nn
from torch.nn import functional as F

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "in-place": lambda x: F.relu_(F.silu(x * 0.3, inplace=True).add_(1).mul_(2)).clamp_(0, 6),
    "neurons": lambda x: F.elu(F.leaky_relu(F.hardswish(x), 0.2), 0.7) + F.gelu(x) + F.hardsigmoid(x) + F.celu(x),
    "limits": lambda x: F.relu6(x) + F.hardtanh(x, 0, 6) + x.clamp(min=0) + x.clamp_min(0),
    "numbers": lambda x: 1 - (x - 0.1) / 3 + (-x).abs() + 0.3 * x**2 + (x**2).sqrt() + (x.square() + 1).log(),
    "gate": lambda x: x * torch.sigmoid(x.mean((2, 3), keepdim=True)) + torch.maximum(x, 0.5 * x.tanh()),
    "crop": lambda x: x[:, :, 1:-2, 2:] + x[..., :3, :6],
    "mirror": lambda x: torch.cat([x.flip(-1), x], 1),
    "parts": lambda x: torch.cat([*x.chunk(2, 1)[::-1], x[:, 1:3], *torch.split(x, [1, 3], 1), x[:, -1:]], 1),
    "moves": lambda x: x.permute(0, 2, 3, 1).contiguous().transpose(1, 3).transpose(2, 3).unsqueeze(1).squeeze(1),
    "other names": lambda x: torch.clip(x, 0, 6).multiply(2).subtract(x.negative().absolute()).divide(3).true_divide(2),
    "other moves": lambda x: x.movedim((1, 2), (-1, 1)).swapaxes(1, 3).swapdims(-2, -1).moveaxis(0, 0).narrow(1, 1, 2),
    "vector": lambda x: F.log_softmax(x.amax((2, 3)).view(x.size(0), -1), dim=1),
    "softmax": lambda x: x.softmax(1) + torch.softmax(x.double(), 1),
    "norms": lambda x: F.layer_norm(x.flatten(1), [4 * 6 * 8]).view_as(x) + F.instance_norm(x) + F.group_norm(x, 2),
    "rows and columns": lambda x: F.adaptive_avg_pool2d(x, (3, 4)) + F.adaptive_max_pool2d(x, (3, 4)),
    "padding": lambda x: F.max_pool2d(F.pad(x, (1, 0, 2, 1)), 3, 2, ceil_mode=True),
    "shuffle": lambda x: x.view(-1, 2, 2, 6, 8).transpose(1, 2).flatten(1, 2) + F.channel_shuffle(x, 2),
    "one channel": lambda x: x[:, 2].unsqueeze(1) * 0.5 + x[:, 3:],
    "repeated": lambda x: torch.add(y := x.repeat(1, 2, 1, 1).repeat(1, 1, 1, 1), 1, alpha=0.5).sub(y, alpha=3),
    "reductions": lambda x: x.mean(3).mean(2) + x.max(3)[0].max(2).values - x.sum(2).sum(-1),
    "gates of images": lambda x: (
        (x * x.mean((1, 2, 3), keepdim=True)).flatten(1) * x.flatten(1).mean(1, True)
        + x.amax((1, 2, 3))[:, None] * x.flatten(1)
    ),
    "gates of pixels": lambda x: x.max(1, True)[0] * x + x * x.mean(1, True) * x.sum(1, True).expand_as(x),
    "rows, columns, channels": lambda x: torch.cat(
        [x.mean(2).flatten(1), x.amax((2, 1)), x.sum((1, 3)), x.mean((1, 2, 3))[:, None], x.flatten(1).sum(1, True)], 1
    ),
    "pixels": lambda x: torch.cat([F.pixel_shuffle(y := F.pixel_unshuffle(x, 2), 4), F.pixel_shuffle(y.flip(3), 4)], 1),
    "squares": lambda x: torch.cat(
        [
            x.view(-1, 4, 3, 2, 4, 2).permute(0, 1, 3, 5, 2, 4).reshape(-1, 16, 3, 4),
            x.view(-1, 4, 3, 2, 8).transpose(2, 3).unflatten(4, (4, 2)).permute(0, 2, 5, 1, 3, 4).reshape(-1, 16, 3, 4),
        ],
        1,
    ),
    "every second pixel": lambda x: x[:, :, 1::3, ::2] + x[..., :4:2, 1:].narrow(3, 2, 4) + x[:, :, 2::2, 1::2],
    "more channels": lambda x: torch.cat(
        [F.pad(x[:, :, ::2, ::2], (1, 0, 0, 0, 1, 1)), F.pad(x[:, :, ::2, 1::2], (1, 0, 0, 0, 6, 0))], 1
    ),
    "smaller maps": lambda x: F.interpolate(x, scale_factor=0.5, mode="bilinear") + F.interpolate(x, size=(3, 4)),
    "enlarged by pooling": lambda x: torch.cat(
        [F.adaptive_avg_pool2d(x, (12, 4)).flatten(1), F.adaptive_max_pool2d(x.mean((2, 3), True), 3).flatten(1)], 1
    ),
    "stacked": lambda x: (
        y := x.tanh(),
        torch.stack([x, y, x * 2]).sum(0) * torch.stack([x, y], 2).mean(2) + torch.stack([x, y], 4).max(4)[0],
    )[1],
    "maxout": lambda x: (
        x.view(-1, 2, 2, 6, 8).amax(2)
        + x.unflatten(1, (2, 2)).max(1)[0]
        - x.view(-1, 2, 2, 6, 8).mean(2) * x.view(-1, 2, 2, 6, 8).sum(1)
    ),
    "repeated one by one": lambda x: x.repeat_interleave(2, 1).repeat_interleave(3, -1).repeat_interleave(2, dim=2),
    "more neurons": lambda x: F.selu(x) + F.threshold(x, 0, 0) + F.glu(torch.cat([x, x.tanh()], 1), 1) + F.mish(x),
    "other limits": lambda x: F.hardtanh(x) + x.clamp(0, 1) * x.clamp(min=0.1) - x.clamp(max=-0.2) + x.clamp(-0.5, 0.1),
    "smaller": lambda x: torch.minimum(x, x.tanh() * 2) + torch.min(x, 1 - x) - torch.max(x, x.abs() - 1),
    "zeros": lambda x: torch.zeros_like(x).add_(x) + torch.cat([x[:, 2:], torch.zeros_like(x[:, :2])], 1),
    "norm by hand": lambda x: (x - x.mean(1, True)) / ((x - x.mean(1, True)).pow(2).mean(1, True) + 1e-6).sqrt(),
    "norms by variances": lambda x: torch.cat(
        [
            (x - x.mean(1, True)) / torch.sqrt(x.var(1, keepdim=True, unbiased=False) + 1e-5),
            (x - x.mean((2, 3), True)) * torch.rsqrt(x.var((2, 3), correction=0, keepdim=True) + 1e-4),
            torch.reciprocal((x.var((1, 2, 3), False, True) + 1e-4).sqrt()) * (x - x.mean((1, 2, 3), True)),
        ],
        1,
    ),
    "of all pixels": lambda x: torch.maximum(x + x.mean((2, 3), True).tanh(), x.amax((2, 3), True) * 0.5),
    "borders": lambda x: F.pad(F.pad(x, (1, 2, 0, 3), mode="reflect"), (3, 0, 1, 1), mode="replicate"),
    "sizes": lambda x: F.interpolate(F.interpolate(x, (5, 11)), x.shape[2:], mode="bilinear", align_corners=True) - x,
    "repeated along axes": lambda x: torch.cat(
        [
            x + x.mean(1, True) - x.mean(2, True) + torch.maximum(x.mean((1, 2, 3), True), x[:, 1:2, :1]),
            x.amax((2, 3), True).expand(-1, -1, 6, 8) + x[:, 3:].expand_as(x),
        ],
        1,
    ),
    "gates of rows": lambda x: x * x.mean(3, True) + x.amax((2, 3), True) * x.mean(1, True),
    "repeated numbers of vectors": lambda x: (
        y := x.flatten(1)[:, 2:7],
        x.flatten(1)[:, :1] + y - y.mean(1, True).expand(y.shape),
    )[1],
    "padding below 0": lambda x: F.pad(x, (-1, 0, -2, -1)) * F.pad(x, (-2, 1, 1, -4)),
    "channels in another order": lambda x: torch.cat(
        [x[:, ::2], x.flip(1), x[:, [2, 0, 1]], x.index_select(1, torch.tensor([3, 0])).tile(2, 1, 1)], 1
    ),
    "channels of zeros": lambda x: torch.cat([torch.zeros(x.shape[0], 2, 6, 8), x, x.new_zeros(len(x), 9, 6, 8)], 1),
    "powers": lambda x: x**3 + x.pow(4) * F.gelu(x, approximate="tanh") - x**5,
    "counted": lambda x: F.avg_pool2d(x, 3, 2, 1) + F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
}


@pytest.mark.many
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    assert_same(Calling(FUNCTIONS[name]), (4, 6, 8))


class Rows(nn.Conv1d):
    """A convolution of all pixels of a map in a row."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(2)).unsqueeze(2)


class Efficient(nn.Conv1d):
    """Gates that a convolution of the channels computes: Wang et al., ECA-Net (2020)."""

    def forward(self, x: Tensor) -> Tensor:
        gates = super().forward(x.mean((2, 3), keepdim=True).squeeze(-1).transpose(-1, -2))
        return x * gates.transpose(-1, -2).unsqueeze(-1).sigmoid().expand_as(x)


class Channels(nn.LayerNorm):
    """Layer normalisation of the channels as the authors of ConvNeXt wrote it."""

    def forward(self, x: Tensor) -> Tensor:
        u = x.mean(1, keepdim=True)
        s = (x - u).pow(2).mean(1, keepdim=True)
        x = (x - u) / torch.sqrt(s + self.eps)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


LAYERS: dict[str, tuple[nn.Module, str]] = {
    "norm without coefficients": (nn.BatchNorm2d(4, affine=False, momentum=0.3, eps=1e-3), "affine=no"),
    "norm with another momentum": (nn.BatchNorm2d(4, momentum=0.25), "average=0.25"),
    "group norm": (nn.GroupNorm(2, 4, affine=False), "groups=2"),
    "prelu": (nn.PReLU(4, 0.1), "prelu"),
    "shared prelu": (nn.PReLU(), "shared=yes"),
    "channel shuffle": (nn.ChannelShuffle(2), "shuffle  groups=2"),
    "norm of a map": (nn.LayerNorm([4, 6, 8]), "layernorm\n[reshape1] reshape  size=4x6x8"),
    "norm of the channels": (Channels(4), "layernorm"),
    "gates of neighbouring channels": (Efficient(1, 1, 3, padding=1, bias=False), "conv     filters=1  kernel=1x3"),
    "pixels in a row": (Rows(4, 4, 3, 2, dilation=3, groups=2), "kernel=1x3  stride=1x2  dilation=1x3"),
    "depthwise": (nn.Conv2d(4, 8, 3, groups=4, dilation=2, padding=2, bias=False), "groups=4"),
    "same": (nn.Conv2d(4, 3, (2, 5), padding="same"), "pad=2,2,0,1"),
    "transposed": (nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=2), "deconv"),
    "repeated": (nn.Upsample(scale_factor=2), "upsample"),
    "interpolated": (nn.Upsample(scale_factor=(2, 3), mode="bilinear"), "upsample"),
    "interpolated between corners": (nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), "upsample"),
    "resized": (nn.Upsample((9, 5), mode="bilinear"), "size=9x5 "),
    "resized between corners": (nn.Upsample((3, 9), mode="bilinear", align_corners=True), "size=3x9  method=corners"),
    "resized by the nearest": (nn.Upsample(scale_factor=1.5), "size=9x12  method=nearest"),
    "enlarged by the nearest middle": (nn.Upsample((12, 8), mode="nearest-exact"), "factor=2x1"),
    "enlarged beyond a factor": (nn.Upsample((204, 8), mode="bilinear"), "size=204x8 "),
    "bins": (nn.AdaptiveAvgPool2d((4, 5)), "binpool  bins=4x5"),
    "bins of whole rows": (nn.AdaptiveAvgPool2d((4, 1)), "binpool  bins=4x1"),
    "more bins than pixels": (nn.AdaptiveAvgPool2d(9), "binpool  bins=9"),
    "reflected": (nn.ReflectionPad2d((1, 0, 2, 3)), "reflectpad  pad=1,0,2,3"),
    "copied edges": (nn.ReplicationPad2d(9), "edgepad  pad=9"),
    "reflected by a convolution": (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), "reflectpad  pad=1"),
    "transposed, larger": (nn.ConvTranspose2d(4, 4, 3, 2, 1, output_padding=1, bias=False), "deconv"),
    "dropout": (nn.Dropout(0.3), "rate=0.3"),
    "dropout of maps": (nn.Dropout2d(0.3), "over=channels"),
    "even response norm": (nn.LocalResponseNorm(2, alpha=0.5), "lrn      size=2"),
    "response norm": (nn.LocalResponseNorm(3, alpha=3e-3, beta=0.6, k=2.0), "scale=0.003"),
}


@pytest.mark.many
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    layer, key = LAYERS[name]
    for parameter in layer.parameters():
        nn.init.normal_(parameter, 0.5)
    channels = {"depthwise": 8, "same": 3}.get(name, 4)
    assert key in assert_same(nn.Sequential(layer, nn.Conv2d(channels, 2, 1)), (4, 6, 8)).source.text


def test_constant_channels() -> None:
    """The numbers are the biases of convolutions of one channel with weights that are 0."""
    ones = Calling(lambda x: torch.cat([x, x.new_ones(len(x), 1, 6, 8), torch.ones_like(x) * torch.arange(8)], 1))
    net = assert_same(ones, (4, 6, 8), torch.float32, unused=-(1 + 6 * 8) - 4 * (1 + 6 * 8))
    assert "learnt by the spec, fixed numbers in the module" in net.warnings[0].notes[0]


def test_antialias_filters_only_what_shrinks() -> None:
    module = Calling(lambda x: nn.functional.interpolate(x, (9, 8), mode="bilinear", antialias=True))
    assert "size=9x8" in assert_same(module, (2, 6, 8)).source.text


def test_precise_numbers() -> None:
    """Numbers are float64 in a module, and not rounded to float32."""
    text = assert_same(Calling(lambda x: x * (1 / 3) + 0.1), (2, 3, 3)).source.text
    assert "a=0.3333333333333333  b=0.1" in text


sides = st.integers(1, 4)


@pytest.mark.ci
@given(
    st.tuples(sides, sides), st.tuples(sides, sides), st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.integers(1, 2), st.booleans(), st.tuples(st.integers(5, 9), st.integers(5, 9)),
)  # fmt: skip
@examples(50)
def test_windows(
    kernel: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int], dilation: int, up: bool,
    size: tuple[int, int],
) -> None:  # fmt: skip
    """Convolutions and poolings, of any window that PyTorch takes and a spec has."""
    assume(all(2 * p <= k for p, k in zip(pad, kernel, strict=True)))
    conv = nn.Conv2d(2, 3, kernel, stride, pad, dilation)

    def forward(x: Tensor, conv: nn.Conv2d) -> Tensor:
        y = F.max_pool2d(x, kernel, stride, pad, ceil_mode=up) + F.avg_pool2d(x, kernel, stride, pad, up, False)
        return torch.cat([conv(x).mean((2, 3)), y.flatten(1)], 1)

    module = Calling(forward, conv=conv).double()
    try:
        module(torch.zeros(1, 2, *size, dtype=torch.float64))
    except RuntimeError:
        assume(False)
    assert_same(module, (2, *size))
