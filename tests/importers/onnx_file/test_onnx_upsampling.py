"""Resize and Upsample of ONNX: whatever is imported computes what onnxruntime computes."""

from __future__ import annotations

import io
import itertools
import warnings

import numpy as np
import pytest
import torch
from torch import nn

pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import assert_same, imported, model, node, numbers, refused, spec

from netspec.diagnostics import SpecError

SCALES = {"scales": np.array([1, 1, 2, 3], np.float32)}
COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
IMPORTED = {
    **{("nearest", c, r): "nearest" for c in COORDINATES[:2] for r in ("round_prefer_floor", "round_prefer_ceil")},
    ("nearest", "asymmetric", "floor"): "nearest",
    **{("linear", c, r): "bilinear" for c in COORDINATES[:2] for r in ("round_prefer_floor", "round_prefer_ceil")},
    **{("linear", "align_corners", r): "corners" for r in ("round_prefer_floor", "round_prefer_ceil")},
}


def test_every_combination_of_modes_that_is_imported_computes_the_same() -> None:
    found = {}
    for mode, coordinates, rounding in itertools.product(
        ("nearest", "linear"), COORDINATES, ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    ):
        words = {"mode": mode, "coordinate_transformation_mode": coordinates, "nearest_mode": rounding}
        made = model([node("Resize", ["x", "", "scales"], ["y"], **words)], ("N", 2, 4, 5), SCALES)
        try:
            imported(made)
        except SpecError:
            continue
        assert_same(made, numbers(2, 2, 4, 5))
        line = spec(made)[-1]
        found[mode, coordinates, rounding] = line.partition("method=")[2].partition(" ")[0] or "nearest"
    everywhere = {("linear", c, r): IMPORTED["linear", c, "round_prefer_floor"] for c in COORDINATES[:3]
                  for r in ("floor", "ceil")}  # fmt: skip
    assert found == IMPORTED | everywhere


class Upsampled(nn.Module):
    """A map enlarged in the three ways, and by a convolution after it."""

    def __init__(self) -> None:
        super().__init__()
        self.ups = nn.ModuleList([
            nn.Upsample(scale_factor=2),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Upsample(scale_factor=(3, 2), mode="bilinear", align_corners=True),
        ])  # fmt: skip
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for up in self.ups:
            x = up(x)
        result: torch.Tensor = self.conv(x)
        return result


def test_module_of_pytorch() -> None:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Upsampled().eval(), (torch.zeros(1, 3, 4, 5),), file, dynamo=False)
    result = assert_same(file.getvalue(), numbers(1, 3, 4, 5))
    lines = [" ".join(line.split()) for line in result.net.source.text.splitlines() if "upsample" in line]
    assert [line.partition("] ")[2] for line in lines] == [
        "upsample factor=2 -> 3x8x10",
        "upsample factor=2 method=bilinear -> 3x16x20",
        "upsample factor=3x2 method=corners -> 3x48x40",
    ]


@pytest.mark.parametrize(
    ("words", "scales", "reason"),
    [
        ({"mode": "cubic"}, (2, 2), "it samples by cubic"),
        ({"mode": "linear"}, (2.1, 2), "it scales by 2.1 and 2, and makes 2x4x4 2x8x8"),
        ({"nearest_mode": "away"}, (2, 2), "it samples by away"),
        ({"nearest_mode": "ceil"}, (2, 2), "it samples at other positions"),
        ({"nearest_mode": "ceil"}, (0.5, 0.5), "it samples at other positions"),
    ],
)
def test_other_samples_are_refused(words: dict[str, str], scales: tuple[float, float], reason: str) -> None:
    tensors = {"scales": np.array([1, 1, *scales], np.float32)}
    made = model([node("Resize", ["x", "", "scales"], ["y"], **words)], ("N", 2, 4, 4), tensors)
    assert reason in refused(made).notes[0]


@pytest.mark.parametrize(
    ("words", "scales", "line"),
    [
        ({}, (0.5, 0.5), "resize size=2 method=nearest"),
        ({"mode": "linear"}, (1.5, 0.75), "resize size=6x3"),
        ({"mode": "linear", "coordinate_transformation_mode": "align_corners"}, (1.5, 0.75), "size=6x3 method=corners"),
        (
            {"nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"},
            (1.5, 2),
            "size=6x8 method=nearest",
        ),
        (
            {"nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"},
            (0.75, 1),
            "size=3x4 method=nearest",
        ),
        ({}, (33, 1), "resize size=132x4 method=nearest"),
    ],
)
def test_other_sizes_are_lines_resize(words: dict[str, str], scales: tuple[float, float], line: str) -> None:
    tensors = {"scales": np.array([1, 1, *scales], np.float32)}
    made = model([node("Resize", ["x", "", "scales"], ["y"], **words)], ("N", 2, 4, 4), tensors)
    assert_same(made, numbers(2, 2, 4, 4))
    assert line in spec(made)[-1]


def test_sizes_that_a_model_states() -> None:
    """As PyTorch exports ``interpolate(size=)``, and as specs are exported."""
    sizes = {"sizes": np.array([2, 2, 3, 7])}
    made = model([node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear")], (2, 2, 4, 4), sizes)
    assert_same(made, numbers(2, 2, 4, 4))
    assert "resize size=3x7" in spec(made)[-1]


def test_sizes_of_height_and_width_alone() -> None:
    sizes = {"sizes": np.array([3, 7])}
    made = model(
        [node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear", axes=[-2, 3])], (2, 2, 4, 4), sizes, opset=18
    )
    assert_same(made, numbers(2, 2, 4, 4))
    turned = model(
        [node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear", axes=[3, 2])], (2, 2, 4, 4), sizes, opset=18
    )
    assert "resizes only some axes" in refused(turned).notes[0]


def test_sides_whose_ratio_is_kept_are_refused() -> None:
    """onnxruntime samples at distances of the single scale then, not of the ratio of the rounded sizes."""
    words = {"axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"}
    sizes = {"sizes": np.array([4, 5])}
    made = model([node("Resize", ["x", "", "", "sizes"], ["y"], **words)], (2, 1, 6, 9), sizes, opset=18)
    assert "it keeps the ratio of the sides" in refused(made).notes[0]


def test_maps_without_pixels_are_refused() -> None:
    words = {"coordinate_transformation_mode": "align_corners"}
    tensors = {"scales": np.array([1, 1, 1, 0.1], np.float32)}
    made = model([node("Resize", ["x", "", "scales"], ["y"], **words)], ("N", 2, 4, 5), tensors)
    assert "its output has 2 x 4 x 0 numbers: none" in refused(made).notes[0]


def test_scale_that_only_the_size_depends_on() -> None:
    """With aligned corners, positions follow from the sizes, which are rounded down."""
    words = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    tensors = {"scales": np.array([1, 1, 2.1, 2], np.float32)}
    made = model([node("Resize", ["x", "", "scales"], ["y"], **words)], ("N", 2, 4, 5), tensors)
    assert_same(made, numbers(2, 2, 4, 5))
    assert "factor=2 method=corners" in spec(made)[-1]


@pytest.mark.parametrize(
    ("mode", "scale", "line"),
    [
        ("nearest", 2, "upsample factor=2"),
        ("nearest", 0.5, "maxpool kernel=1 stride=2"),
        ("linear", 0.5, "maxpool kernel=1 stride=2"),
        ("linear", 2, None),
    ],
)
def test_operator_set_10_samples_as_upsample_did(mode: str, scale: float, line: str | None) -> None:
    tensors = {"scales": np.array([1, 1, scale, scale], np.float32)}
    made = model([node("Resize", ["x", "scales"], ["y"], mode=mode)], ("N", 2, 4, 4), tensors, opset=10)
    if line is None:
        assert "it samples at other positions" in refused(made).notes[0]
        return
    assert_same(made, numbers(2, 2, 4, 4))
    assert line in spec(made)[-1]


def test_upsample_does_not_shrink() -> None:
    tensors = {"scales": np.array([1, 1, 0.5, 0.5], np.float32)}
    made = model([node("Upsample", ["x", "scales"], ["y"], mode="linear")], ("N", 2, 4, 4), tensors, opset=9)
    assert "Upsample enlarges maps" in refused(made).notes[0]
