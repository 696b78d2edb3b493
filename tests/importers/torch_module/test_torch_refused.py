"""Modules of which no network is made: a plain message that names the module and the operator, never torch's own."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from refusals import refused
from same_outputs import Calling
from torch import Tensor, nn
from torch.nn import functional as F

import netspec
from netspec.explain.other_tools import advice

GENERATOR = torch.Generator()

REASONS: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "unknown": (
        lambda x: x.exp(),
        "exp (same_outputs.py:27: return self.function(image, **self._modules)): a spec has no layer that",
    ),
    "nearly gelu": (lambda x: 0.50004 * x * (1 + torch.erf(x * 0.5**0.5)), "erf (same_outputs.py:"),
    "softplus": (lambda x: F.softplus(x), "softrelu is log(1 + e^x) only up to 4"),
    "nearly mish": (lambda x: x * F.softplus(x, beta=2).tanh(), "softrelu is log(1 + e^x) only up to 4"),
    "mish in part": (lambda x: x * F.softplus(x, threshold=3).tanh(), "softrelu is log(1 + e^x) only up to 4"),
    "attention": (lambda x: F.scaled_dot_product_attention(x, x, x), "a spec has no attention"),
    "matrices": (lambda x: x.flatten(2) @ x.flatten(2).mT, "it multiplies two computed matrices"),
    "sequence": (lambda x: x.flatten(2).permute(2, 0, 1) @ torch.ones(3, 2), "HW x N x C: pixels are a sequence"),
    "dropout": (lambda x: F.dropout(x, 0.3), "it drops units outside training too; give it training=self.training"),
    "random": (lambda x: x + torch.rand_like(x), "it draws random numbers outside training too"),
    "random, from a generator": (lambda x: x + torch.randn(8, generator=GENERATOR), "it draws random numbers outside"),
    "statistics": (lambda x: F.batch_norm(x, None, None, training=True), "it uses the statistics of the batch"),
    "uneven": (
        lambda x: F.adaptive_max_pool2d(x, 5),
        "it takes maxima of 8 pixels in 5 windows that are not all",
    ),
    "filtered": (lambda x: F.interpolate(x, (8, 3), mode="bilinear", antialias=True), "it takes means of the pixels"),
    "stacked": (lambda x: torch.stack([x, x], 2).flatten(1, 2), "it stacks values along a new axis, which neither"),
    "stacked otherwise": (lambda x: torch.stack([x, x], 2).sum(1), "it stacks values along a new axis"),
    "no limits": (lambda x: x.clamp(1, 1), "its limits are 1 and 1"),
    "least": (lambda x: x.amin(1), "a spec has no layer that computes this"),
    "least of an axis": (lambda x: x.min(1)[0], "it takes minima over an axis"),
    "threshold": (lambda x: F.threshold(x, 0.1, 0), "its numbers are not 0; a spec's relu"),
    "two lists": (lambda x: x[:, torch.tensor([1, 0]), torch.tensor([0, 1])], "by several lists of indices"),
    "pixels in a list": (lambda x: x[:, :, torch.tensor([1, 0])], "it divides or rearranges axis 2"),
    "reversed": (lambda x: x.flip(2), "it takes pixels in reverse order"),
    "filled": (lambda x: F.pad(x, (0, 0, 0, 0, 1, 1), value=1), "it pads with 1"),
    "shrunk": (lambda x: F.interpolate(x, scale_factor=0.4), "it scales by 0.4 and 0.4, and makes 3x8x8 3x3x3"),
    "not found": (lambda x: F.interpolate(x[..., :2], (8, 82)), "2 columns cannot be made 82"),
    "classes": (lambda x: x.argmax(1), "a spec returns the scores of all classes"),
    "unbiased": (lambda x: x.var(1), "it divides by one less than the number of values; unbiased=False"),
    "pixel norm": (
        lambda x: x * torch.rsqrt((x * x).mean(1, True)),
        "mul (same_outputs.py:27: return self.function(image",
    ),
    "power": (lambda x: x.pow(2.5), "a spec has squares, square roots and products, and no other powers"),
    "put back": (
        lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
        "it puts pixels where the maxima of a pooling were",
    ),
    "repeated": (lambda x: x.repeat_interleave(2, 0), "it repeats images"),
    "repeated as a volume": (lambda x: x.repeat(1, 1, 1, 1, 1), "it repeats a value along several axes"),
    "norm by hand": (
        lambda x: (x - x.mean(1, True)) / ((x - x.mean((2, 3), True)).pow(2).mean(1, True) + 1e-6).sqrt(),
        "it divides by a value",
    ),
    "halves": (lambda x: F.glu(x, 2), "it divides or rearranges axis 2"),
    "divisor": (lambda x: F.avg_pool2d(x, 2, divisor_override=3), "it divides by 3"),
    "places": (lambda x: F.max_pool2d(x, 2, return_indices=True), "its second output, the places of the maxima"),
    "scale": (lambda x: F.interpolate(x, scale_factor=2.1, mode="bilinear"), "it scales by 2.1 and 2.1"),
    "scale of repeated pixels": (
        lambda x: F.interpolate(x, scale_factor=3.1),
        "it scales by 3.1 and 3.1",
    ),
    "channels cut off": (lambda x: F.pad(x, (0, 0, 0, 0, -1, 0)), "it adds images, or cuts off images or channels"),
    "all cut off": (lambda x: F.pad(x, (-8, 1)), "it cuts off all pixels of 3x8x8"),
    "images repeated": (lambda x: x[None].expand(2, -1, -1, -1, -1), "it repeats a value along other axes than the"),
    "torus": (lambda x: F.pad(x, (1, 1, 1, 1), mode="circular"), "it pads by circular; a spec pads with zeros, by"),
    "reflected channels": (lambda x: F.pad(x[None], (0,) * 4 + (1, 1), mode="reflect")[0], "its input is"),
    "batch": (lambda x: x.mean(0, keepdim=True), "it reduces all images of a batch to one"),
    "squares in another order": (
        lambda x: x.view(-1, 3, 4, 2, 4, 2).permute(0, 5, 3, 1, 2, 4).reshape(-1, 12, 4, 4),
        "it divides the axes of N x C x H x W otherwise",
    ),
    "images as pixels": (lambda x: x.flatten(0, 1), "the model returns flatten with the axes NC x H x W"),
    "whole numbers": (lambda x: x.long(), "it rounds to whole numbers or truth values"),
    "part changed": (lambda x: (y := x.relu(), y[:, :1].add_(1))[0], "it changes in place a part of a value"),
    "whole changed": (lambda x: (y := x.relu(), y[:, :, 1:], y.add_(1))[1], "it changes in place a part"),
    "number of images": (lambda x: x / x.shape[0], "it computes with the number of images"),
}


@pytest.mark.many
@pytest.mark.parametrize("name", REASONS)
def test_operators_and_reasons(name: str) -> None:
    forward, reason = REASONS[name]
    code, message, notes = refused(Calling(forward))
    assert code == "torch-not-expressible" and message.startswith("a spec cannot express ")
    assert reason in notes


class Block(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image.cumsum(1).cumsum(2)


def test_modules_are_named() -> None:
    _, message, notes = refused(nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(Block(), nn.ReLU(), Block())))
    assert message == "a spec cannot express 4 of the model's 6 operators"
    assert notes == "cumsum, 4 times (1.0, 1.0, 1.2 and 1 more): a spec has no layer that computes this"


class Wrong(nn.Module):
    """Fails in a block that is inside."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.ReLU(), nn.Linear(5, 2))

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = self.body(image)
        return result


class Deciding(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image if image.sum() > 0 else -image


def test_forward_that_depends_on_the_number_of_images() -> None:
    few = Calling(lambda x: x.relu().tanh() if x.shape[0] < 6 else x.relu())
    assert "it computes with the number of images" in refused(few)[1]


class Pair(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right


NORM = nn.BatchNorm2d(6)


def test_forward_that_cannot_be_followed() -> None:
    code, message, notes = refused(Deciding())
    assert code == "torch-export" and message.endswith("it decides by the values that it computes")
    assert "test_torch_refused.py" in notes and "return image if image.sum() > 0 else -image" in notes
    code, message, notes = refused(Wrong())
    assert (code, message) == ("torch-export", "torch.export cannot follow the module's forward with images of 3x8x8")
    assert notes.startswith("body.1 (Linear) reads 5 features, and its input has 8\nin the module body.1\n")
    code, message, notes = refused(nn.Conv2d(3, 4, 3), (1, 8, 8))
    assert code == "torch-export" and notes.startswith("the Conv2d reads 3 channels, and its input has 1")
    assert "b (BatchNorm2d) reads 6 channels, and its input has 3" in refused(Calling(lambda x, b: b(x), b=NORM))[2]
    reshaped = refused(Calling(lambda x: x.reshape(3, 5)))[2]
    assert "invalid for input of size 1344\nnetspec follows the module with 7 images at once\n" in reshaped
    summed = refused(Calling(lambda x: x + x[:, :, 1:]))[2]
    assert "[N, 3, 8, 8]" in summed and "[7," not in summed


def test_inputs() -> None:
    assert refused(Pair()) == (
        "torch-input",
        "the module's forward reads 2 inputs; a spec has one, the images",
        "left, right",
    )
    constant = Calling(lambda x: torch.ones(3))
    assert refused(constant)[:2] == ("torch-input", "no output of the module depends on its input")


def test_modules_in_a_wrong_state() -> None:
    assert refused(nn.LazyLinear(3), (5,))[1] == "the parameter weight has no shape yet"
    assert refused(nn.Linear(5, 3, device="meta"), (5,))[1] == "the parameter weight is on the device meta"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.trace(nn.ReLU(), torch.zeros(1))
    assert "TorchScript" in refused(script)[1]


def test_dimensions() -> None:
    _, _, notes = refused(Calling(lambda x: F.conv1d(x.flatten(2).mT, torch.ones(2, 64, 3))))
    assert "it convolves N x HW x C; a spec convolves axes in the order of its layer" in notes
    _, _, notes = refused(Calling(lambda x: F.conv3d(x.unsqueeze(2), torch.ones(2, 3, 1, 3, 3)).squeeze(2)))
    assert "its input is N x C x 1 x H x W" in notes


@pytest.mark.parametrize("shape", [None, (3, 8), (1, 3, 8, 8), "3x8x8", (3, 0, 8)])
def test_shapes(shape: Any) -> None:
    with pytest.raises(ValueError, match="is not a shape"):
        netspec.from_torch(nn.ReLU(), shape)


def test_images_instead_of_a_shape() -> None:
    with pytest.raises(ValueError, match=r"^input=Tensor is not a shape; .* without the number of images$"):
        netspec.from_torch(nn.ReLU(), torch.zeros(1, 3, 8, 8))  # type: ignore[arg-type]


def test_no_module() -> None:
    for call in (lambda: netspec.from_torch({}, (3, 8, 8)), lambda: netspec.from_torch(nn.ReLU, (3, 8, 8))):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"this takes a torch\.nn\.Module"):
            call()
    net = netspec.from_torch(nn.ReLU(), (3, 8, 8))
    with pytest.raises(TypeError, match=r"is given OrderedDict"):
        netspec.torch_module(net, weights=nn.ReLU().state_dict())  # type: ignore[arg-type]


def test_differences_of_training() -> None:
    """Stochastic depth and further outputs are part of the network; anything else is left out with a warning."""

    class Training(nn.Module):
        def __init__(self, what: str) -> None:
            super().__init__()
            self.conv, self.what = nn.Conv2d(3, 3, 1), what

        def forward(self, x: Tensor) -> Any:
            y = self.conv(x)
            if not self.training:
                return x + y
            if self.what == "outputs":
                return x + y, y.mean((2, 3))
            if self.what == "noise":
                return x + y + torch.randn_like(x)
            kept = torch.empty(x.shape[0], 1, 1, 1).bernoulli_(0.8)
            return x + y * kept.div_(0.8)

    depth = netspec.from_torch(Training("depth"), (3, 8, 8))
    assert "dropout  rate=0.2" in depth.source.text and "over=images" in depth.source.text and not depth.warnings
    (outputs,) = netspec.from_torch(Training("outputs"), (3, 8, 8)).warnings
    assert outputs.code == "torch-outputs" and "the others are layers that no layer need read" in outputs.notes[0]
    noise = netspec.from_torch(Training("noise"), (3, 8, 8))
    assert [d.code for d in noise.warnings] == ["torch-training"]
    assert noise.warnings[0].notes == ("only in training: randn_like, add in the module itself",)
    assert "# It is what the module computes in evaluation mode." in noise.source.text


def test_explain_refers_to_it() -> None:
    assert "netspec.from_torch(model, (3, 224, 224))" in advice("PyTorch", ())
