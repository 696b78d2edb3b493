"""Modules written in PyTorch, exported by PyTorch: the spec that a person would write, and the same values.

The files of PyTorch's newer exporter, which needs a further library, are in ``test_onnx_patterns.py``, as graphs.
"""

from __future__ import annotations

import io
import warnings

import pytest
import torch
from places import ROOT
from torch import nn

pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import assert_same, imported, numbers, run
from torch_modules import MODULES, RESNET, made

from netspec.diff import compare
from netspec.net import load

MODELS = [name if name == "resnet" else pytest.param(name, marks=pytest.mark.ci) for name in MODULES]


def exported(name: str, *, as_trained: bool = False, batch: int | None = None) -> bytes:
    """A module as PyTorch exports it. ``as_trained`` keeps batch normalisations and dropout."""
    side = MODULES[name][1]
    file = io.BytesIO()
    keep = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False} if as_trained else {}
    axes = {} if batch else {"dynamic_axes": {"image": {0: "batch"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            made(name),
            (torch.zeros(batch or 2, 3, side, side),),
            file,
            dynamo=False,
            input_names=["image"],
            **axes,
            **keep,
        )  # type: ignore[call-overload]
    return file.getvalue()


@pytest.mark.parametrize("name", MODELS)
def test_modules_compute_the_same(name: str) -> None:
    side, data = MODULES[name][1], exported(name)
    images = numbers(3, 3, side, side)
    assert_same(data, images)
    with torch.no_grad():
        ours = made(name)(torch.from_numpy(images)).numpy()
    assert abs(run(data, images) - ours).max() < 1e-5


@pytest.mark.ci
@pytest.mark.parametrize("name", ["resnet", "mobilenet", "inception"])
def test_modules_with_a_fixed_batch_of_one(name: str) -> None:
    side = MODULES[name][1]
    assert_same(exported(name, as_trained=True, batch=1), numbers(1, 3, side, side))


def test_spec_of_a_residual_network() -> None:
    text = imported(exported("resnet", as_trained=True), name="resnet").net.source.text
    origin, _, rest = text.partition("\n")
    assert origin.startswith("# Imported from resnet.onnx, written by pytorch ") and rest == RESNET


def test_spec_of_a_network_that_shuffles_channels() -> None:
    lines = imported(exported("shuffled", as_trained=True), name="shuffled").net.source.text.splitlines()
    assert [" ".join(line.split("]")[1].split()) for line in lines if line.startswith("[")][2:14] == [
        "slice channels=4 -> 4x8x8",
        "slice channels=4 first=4 inputs=conv -> 4x8x8",
        "conv filters=4 kernel=1 -> 4x8x8",
        "batchnorm",
        "prelu",
        "conv filters=4 kernel=3 pad=1 groups=4 -> 4x8x8",
        "batchnorm",
        "conv filters=4 kernel=1 -> 4x8x8",
        "batchnorm neuron=relu",
        "concat inputs=unit,unit_branch_6 -> 8x8x8",
        "shuffle groups=2",
        "slice channels=3 -> 3x8x8",
    ]


class TorchvisionAlexNet(nn.Module):
    """torchvision's alexnet, with fewer units in the fully connected layers."""

    def __init__(self) -> None:
        super().__init__()
        widths, kernels = (3, 64, 192, 384, 256, 256), ((11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1))
        parts: list[nn.Module] = []
        for index, (kernel, stride, pad) in enumerate(kernels):
            parts += [nn.Conv2d(*widths[index : index + 2], kernel, stride, pad), nn.ReLU(inplace=True)]
            parts += [nn.MaxPool2d(3, 2)] if index in (0, 1, 4) else []
        self.features, self.avgpool = nn.Sequential(*parts), nn.AdaptiveAvgPool2d((6, 6))
        linear = nn.Linear(9216, 16), nn.Linear(16, 16), nn.Linear(16, 1000)
        self.classifier = nn.Sequential(
            nn.Dropout(), linear[0], nn.ReLU(inplace=True), nn.Dropout(), linear[1], nn.ReLU(inplace=True), linear[2]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return result


@pytest.mark.ci
def test_alexnet_of_torchvision_is_the_network_of_its_spec() -> None:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(TorchvisionAlexNet().eval(), (torch.zeros(1, 3, 224, 224),), file, dynamo=False)
    changes = ("fc6.outputs=16", "fc7.outputs=16")
    spec = load(ROOT / "specs" / "alexnet-torchvision.net", changes=changes)
    difference = compare(spec, imported(file.getvalue()).net)
    assert (difference.function, difference.misfits) == ("same", ())
    assert {d.effect for d in difference.each()} <= {"nothing"}
    changed = load(ROOT / "specs" / "alexnet-torchvision.net", changes=(*changes, "conv2.pad=1"))
    assert compare(changed, imported(file.getvalue()).net).function == "other"
