"""Training mode and evaluation mode of modules, which networks have both; and numbers that a forward changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from refusals import refused
from same_outputs import Calling, assert_same
from torch import Tensor, nn
from torch.nn import functional as F

import netspec

DROPOUTS: dict[str, tuple[Callable[..., Tensor], str]] = {
    "of units": (lambda x, d: d(x), "dropout  rate=0.3\n"),
    "of maps": (lambda x, d: F.dropout2d(x, 0.3, d.training), "over=channels"),
    "of rows of pixels": (lambda x, d: F.dropout1d(x.flatten(2), 0.3, d.training).view(x.shape), "over=channels"),
    "of features": (lambda x, d: F.dropout2d(x.mean((2, 3)), 0.3, d.training), "dropout  rate=0.3\n"),
}


@pytest.mark.parametrize("name", DROPOUTS)
def test_dropouts(name: str) -> None:
    forward, line = DROPOUTS[name]
    module = Calling(lambda x, d: forward(x, d).flatten(1).abs(), d=nn.Dropout(0.3))
    net = netspec.from_torch(module, (3, 4, 4))
    assert line in net.source.text and not any(w.code.startswith("torch") for w in net.warnings)


def test_dropout_that_never_drops() -> None:
    dropping = {"drop": nn.Dropout(0.0)}
    net = netspec.from_torch(Calling(lambda x, drop: F.dropout(drop(x), 0.5, training=False), **dropping), (3, 4, 4))
    assert "dropout" not in net.source.text


OTHER_DROPOUTS: dict[str, Callable[..., Tensor]] = {
    "of images": lambda x, d: F.dropout1d(x.mean((2, 3)), 0.3, d.training),
    "of images, as volumes": lambda x, d: F.dropout3d(x, 0.3, d.training),
    "of rows": lambda x, d: F.dropout2d(x.permute(0, 2, 3, 1), 0.3, d.training),
}


@pytest.mark.filterwarnings("ignore:dropout")
@pytest.mark.parametrize("name", OTHER_DROPOUTS)
def test_dropout_of_other_parts(name: str) -> None:
    """What feature dropout drops is of the first two axes, whatever they are."""
    module = Calling(OTHER_DROPOUTS[name], d=nn.Dropout(0.3))
    assert "as a whole; a spec's drops channels, axis 1, or images" in refused(module)[2]


class DropPath(nn.Module):
    """Stochastic depth as timm writes it."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * x.new_empty((x.shape[0], 1, 1, 1)).bernoulli_(0.8).div_(0.8)


def test_random_numbers_in_a_new_tensor() -> None:
    net = netspec.from_torch(Calling(lambda x, drop: x + drop(x.relu()), drop=DropPath()), (3, 4, 4))
    assert "rate=0.2  over=images" in net.source.text and not net.warnings


DRAWN: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], bool]] = {
    "divided first": (lambda x, mask: x.div(0.8) * mask, True),
    "divided last": (lambda x, mask: x * mask / 0.8, True),
    "of maps": (lambda x, mask: x * mask / 0.8, True),
    "with a factor": (lambda x, mask: mask * (1.25 * x), True),
    "of a scaled layer": (lambda x, mask: (x * GAMMA) * (mask / 0.8), True),
    "of a scaled layer, divided last": (lambda x, mask: mask * (x * GAMMA) / 0.8, True),
    "divided by something else": (lambda x, mask: x / 0.9 * mask, False),
    "twice": (lambda x, mask: x / 0.8 * mask + mask, False),
}
GAMMA = torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1)


@pytest.mark.parametrize("name", DRAWN)
def test_random_numbers_that_are_rounded_down(name: str) -> None:
    """Stochastic depth as EfficientNets in PyTorch have it."""
    dropped, same = DRAWN[name]

    def forward(x: Tensor, d: nn.Module) -> Tensor:
        y = x.relu()
        if not d.training:
            return x + (y * GAMMA if "scaled" in name else y)
        kept = 0.8 + torch.rand((x.shape[0], 3 if over == "channels" else 1, 1, 1), dtype=x.dtype)
        return x + dropped(y, kept.floor_())

    over = "channels" if name == "of maps" else "images"
    net = netspec.from_torch(Calling(forward, d=nn.Identity()), (3, 4, 4))
    assert (f"rate=0.2  over={over}" in net.source.text) == same
    assert any("only in training: " in str(warning.notes) for warning in net.warnings) != same


class Scaled(nn.Conv2d):
    """A convolution whose weights are computed otherwise in training."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * (2 if self.training else 3), self.bias)


def test_weights_that_differ_between_the_modes() -> None:
    net = assert_same(Scaled(3, 4, 3), (3, 5, 5))
    (warning,) = net.warnings
    assert (warning.code, warning.notes) == (
        "torch-training",
        ("in training, it computes with other numbers",),
    )


class ScaledLinear(nn.Linear):
    """A matrix that is computed otherwise in training, and two that are computed from one."""

    def forward(self, x: Tensor) -> Tensor:
        turned = x.permute(0, 2, 3, 1)
        y = F.linear(turned, self.weight * (2 if self.training else 3)) + F.linear(turned, self.weight.abs())
        return y.permute(0, 3, 1, 2)


def test_matrices_that_are_computed() -> None:
    linear = ScaledLinear(5, 6, bias=False)
    _, warning = assert_same(linear, (5, 2, 2), unused=-30).warnings
    assert warning.notes == ("in training, it computes with other numbers",)


@pytest.mark.parametrize(("momentum", "reason"), [(None, "momentum=None or 0"), (1.5, "its momentum is 1.5")])
def test_running_statistics_that_a_spec_does_not_have(momentum: float | None, reason: str) -> None:
    assert reason in refused(nn.BatchNorm2d(3, momentum=momentum))[2]


def test_constants_that_are_changed() -> None:
    """A mask that forward fills in: its first value is not what the images are multiplied by."""

    def forward(x: Tensor) -> Tensor:
        mask = torch.ones(1, 3, 1, 1)
        mask[:, 0] = 0
        return x * mask

    assert "it changes in place a part of a value" in refused(Calling(forward))[2]


def test_response_norm_over_rows() -> None:
    """What PyTorch writes for a normalisation over channels, over rows of pixels."""

    def forward(x: Tensor) -> Tensor:
        means = F.avg_pool2d(F.pad(x * x, (0, 0, 1, 1)), (3, 1), 1)
        return x / (means * 0.5 + 1.0) ** 0.75

    assert "lrn" not in refused(Calling(forward))[2]


class Learning(nn.Module):
    """What a spec cannot learn as this module does: a number, a shared normalisation, and nothing of a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1, bias=False), nn.BatchNorm2d(3)
        self.alpha = nn.Parameter(torch.zeros(1))
        self.register_buffer("blur", torch.ones(3, 1, 3, 3) / 9)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.norm(x)).relu()
        y = F.conv2d(self.norm(self.conv(x)), self.blur, padding=1, groups=3)
        return x + self.alpha * y


def test_other_parameters() -> None:
    (warning,) = netspec.from_torch(Learning(), (3, 5, 5)).warnings
    assert warning.code == "torch-training" and warning.message.endswith("it learns other numbers")
    assert warning.notes == (
        "fixed numbers in the spec, learnt by the module: alpha",
        "one parameter of the module, several in the spec: norm.weight (norm.weight, norm_norm.weight), "
        "norm.bias (norm.bias, norm_norm.bias), norm.running_mean (norm.running_mean, norm_norm.running_mean), "
        "norm.running_var (norm.running_var, norm_norm.running_var)",
        "learnt by the spec, fixed numbers in the module: conv1.weight",
    )


def test_parameters_that_are_learnt_alike() -> None:
    """Shared weights, computed ones, and those of a group normalisation."""
    conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 1, bias=False))
    module = nn.Sequential(conv, nn.GroupNorm(2, 4), nn.PReLU(), nn.Flatten(), nn.Linear(16, 3))
    assert not netspec.from_torch(module, (4, 2, 2)).warnings
