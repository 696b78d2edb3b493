"""``netspec eval --views whole`` of dense networks: every pixel of the masks counts once, as ``predict`` draws it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bright_network import bright_network
from mask_files import mask_png
from PIL import Image
from processes import invoke
from safetensors.torch import save_file

from netspec.train.evaluation.masks import scorer
from netspec.train.learning.objective import Objective

SIZES = ((12, 12), (12, 40), (31, 17), (5, 8), (60, 90))  # the network reads 12 x 12
"""Heights and widths of the images."""


def write_scenes(root: Path, classes: int = 2, sizes: tuple[tuple[int, int], ...] = SIZES) -> None:
    """Write smooth random images of these sizes, with random masks of which some pixels are unlabelled."""
    draws = np.random.default_rng(0)
    for part in ("train", "val"):
        (root / part / "images").mkdir(parents=True)
        for number, size in enumerate(sizes):
            small = Image.fromarray(draws.integers(256, size=(4, 5), dtype=np.uint8))
            exif = Image.Exif()
            exif[0x0112] = 6 if number == 1 else 1  # one is turned by a quarter
            image = small.resize(size[::-1], Image.Resampling.BICUBIC)
            turned = image.transpose(Image.Transpose.ROTATE_90) if number == 1 else image
            turned.save(root / part / "images" / f"{number}.jpg", exif=exif)
            mask = draws.choice(np.array([*range(classes), 255], np.uint8), size)
            mask_png(root / part / "masks" / f"{number}.png", mask)


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_scenes(Path("scenes"))
    return Path("scenes")


def as_json(*arguments: str) -> dict[str, Any]:
    done = invoke("eval", *arguments, "--format", "json", "--quiet")
    assert done.exit_code == 0, done.output
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def counted(result: dict[str, Any]) -> dict[tuple[int, int], int]:
    """Return how many pixels of each right class got each class."""
    right = {(k, k): round(one["right"] * one["pixels"]) for k, one in enumerate(result["classes"]) if one["pixels"]}
    return {pair: n for pair, n in right.items() if n} | {(a, b): n for a, b, n in result["confusions"]}


def strided(folder: Path, channels: int = 1) -> tuple[str, ...]:
    """Write a network of three classes with a score for every second pixel, no padding, and random weights."""
    folder.mkdir()
    (folder / "strided.net").write_text(
        f"net strided\n[image] input {channels}x12x12 range=1\n"
        "[a] conv filters=4 kernel=4 stride=2\n[scores] conv filters=3 kernel=1\n"
    )
    draws = torch.Generator().manual_seed(0)
    shapes = {"a.weight": (4, channels, 4, 4), "a.bias": (4,), "scores.weight": (3, 4, 1, 1), "scores.bias": (3,)}
    save_file({key: torch.randn(shape, generator=draws) for key, shape in shapes.items()}, folder / "w.safetensors")
    return str(folder / "strided.net"), "--weights", str(folder / "w.safetensors")


def test_it_counts_the_pixels_of_the_masks_that_predict_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_scenes(Path("scenes"), 3)
    network = strided(Path("net"))
    found = as_json(*network, "--data", "scenes", "--views", "whole")
    images = sorted(Path("scenes/val/images").iterdir())
    assert invoke("predict", *network, *images, "-o", "drawn").exit_code == 0
    expected: dict[tuple[int, int], int] = {}
    for path in images:
        mask, drawn = (np.array(Image.open(Path(at, f"{path.stem}.png"))) for at in ("scenes/val/masks", "drawn"))
        assert mask.shape == drawn.shape
        for pair in zip(mask[mask != 255].tolist(), drawn[mask != 255].tolist(), strict=True):
            expected[pair] = expected.get(pair, 0) + 1
    assert counted(found) == expected and len(expected) > 6
    assert found["pixels"] == sum(expected.values())
    assert found["protocol"] == "whole images, in overlapping crops"
    monkeypatch.setattr(scorer, "AT_A_TIME", 1)  # a row at a time
    rows = as_json(*network, "--data", "scenes", "--views", "whole")
    assert counted(rows) == expected and rows["loss"] == pytest.approx(found["loss"], rel=1e-6)


def test_an_image_of_the_input_size_is_its_own_centre_crop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_scenes(Path("scenes"), sizes=((12, 12),) * 3)
    spec, weights = bright_network(Path("net"))
    arguments = (spec, "--weights", str(weights), "--data", "scenes", "--split", "all")
    one, whole_ones = (as_json(*arguments, "--views", views) for views in ("1", "whole"))
    assert counted(one) == counted(whole_ones)
    for key in ("loss", "pixels_right", "mean_iou", "pixels"):
        assert whole_ones[key] == pytest.approx(one[key], rel=1e-6)


def test_the_spec_says_so_and_the_text_has_it(scenes: Path) -> None:
    spec, weights = bright_network(Path("net"))
    with Path(spec).open("a") as file:
        file.write("test views=whole\n")
    done = invoke("eval", spec, "--weights", weights, "--data", scenes, "--mistakes", "m.csv")
    assert done.exit_code == 0, done.output
    labelled = sum(int((np.array(Image.open(path)) != 255).sum()) for path in scenes.glob("val/masks/*.png"))
    line = done.stdout.splitlines()[1]
    assert line == f"protocol: whole images, in overlapping crops; {labelled:,} labelled pixels"
    rows = Path("m.csv").read_text().splitlines()
    assert len(rows) == 1 + len(SIZES) and sum(int(row.split(",")[1]) for row in rows[1:]) == labelled
    assert as_json(spec, "--weights", str(weights), "--data", "scenes", "--views", "1")["protocol"] == "centre crop"


def train(spec: str, out: str, *more: str) -> None:
    done = invoke("train", spec, "--data", "scenes", "--steps", "1", "--batch", "1", "--out", out, "--seed", "0",
                  "--quiet", *more)  # fmt: skip
    assert done.exit_code == 0, done.output


@pytest.mark.ci
def test_runs_that_read_images_in_different_sizes_are_averaged(scenes: Path) -> None:
    """Of twice the same run the mean is that of one; and another one may have other crops and scores."""
    spec, _ = bright_network(Path("net"))
    train(spec, "one")
    text = Path(spec).read_text().replace("1x12x12", "1x20x20").replace("kernel=1", "kernel=5")
    Path("net/large.net").write_text(text)
    train("net/large.net", "large")
    one, two, both = (as_json(*runs, "--views", "whole") for runs in (["one"], ["one", "one"], ["one", "large"]))
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-6) and counted(two) == counted(one)
    assert both["protocol"] == "mean softmax of 2 networks, whole images, in overlapping crops"
    assert both["pixels"] == one["pixels"] and both["loss"] != one["loss"]


def test_runs_whose_specs_differ_need_the_option(scenes: Path) -> None:
    spec, _ = bright_network(Path("net"))
    train(spec, "one")
    done = invoke("train", spec, "--data", "scenes", "--steps", "1", "--batch", "1", "--out", "all", "--quiet",
                  "--set", "test.views=whole")  # fmt: skip
    assert done.exit_code == 0 and "validation images, centre crop" in done.stdout
    done = invoke("eval", "one", "all")
    assert done.exit_code == 1
    assert "the spec of one says test views=1, that of all test views=whole" in done.stderr
    assert invoke("eval", "one", "all", "--views", "whole", "--quiet").exit_code == 0


def test_of_a_pack_the_squares_that_it_has_are_seen(scenes: Path) -> None:
    done = invoke("pack", scenes, "-o", "packed", "--size", "20", "--processes", "1", "--quiet")
    assert done.exit_code == 0, done.output
    network = strided(Path("net"), channels=3)
    found = as_json(*network, "--data", "packed", "--views", "whole", "--set", "augment.from=20")
    assert found["protocol"] == "whole images, in overlapping crops, as stored: 3x20x20"
    assert 0.5 * len(SIZES) * 400 < found["pixels"] < len(SIZES) * 400  # a third is unlabelled


@pytest.mark.ci
def test_the_worst_images_are_drawn(scenes: Path) -> None:
    spec, weights = bright_network(Path("net"))
    arguments = (spec, "--weights", weights, "--data", scenes, "--views", "whole")
    assert invoke("eval", *arguments, "--mistakes", "m.png").exit_code == 0
    with Image.open("m.png") as image:
        assert image.info["Software"] == "netspec" and min(image.size) > 200


def test_unreadable_images_are_counted(scenes: Path) -> None:
    spec, weights = bright_network(Path("net"))
    (scenes / "val" / "masks" / "1.png").write_bytes(b"")
    done = invoke("eval", spec, "--weights", weights, "--data", scenes, "--views", "whole")
    assert done.exit_code == 0
    assert f"on {len(SIZES) - 1} validation images of scenes (1 more cannot be read)" in done.stdout
    assert "scenes/val/masks/1.png" in done.stderr and "the file is empty" in done.stderr


def test_batch_limits_how_many_crops_are_seen_at_a_time(scenes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, weights = bright_network(Path("net"))
    counts, scores = [], Objective.scores

    def counted_scores(self: Objective, images: torch.Tensor) -> torch.Tensor:
        counts.append(len(images))
        return scores(self, images)

    monkeypatch.setattr(Objective, "scores", counted_scores)
    for batch, most in ((3, 3), (50, scorer.TILES)):
        counts.clear()
        as_json(spec, "--weights", str(weights), "--data", str(scenes), "--views", "whole", "--batch", str(batch))
        assert max(counts) == most


def test_a_class_that_the_network_has_not_is_refused(scenes: Path) -> None:
    spec, weights = bright_network(Path("net"))
    mask_png(scenes / "val" / "masks" / "3.png", np.full((5, 8), 7, np.uint8))
    done = invoke("eval", spec, "--weights", weights, "--data", scenes, "--views", "whole")
    assert done.exit_code == 1 and "3.png: the mask has class 7, and classes are numbered 0 to 1" in done.stderr


def test_probabilities_of_0_can_be_interpolated(scenes: Path) -> None:
    """The softmax of scores that are 200 apart is 0 in float32, and its logarithm no number to interpolate."""
    Path("net").mkdir()
    Path("net/sure.net").write_text("[image] input 1x12x12 range=1\n[a] conv filters=2 kernel=1\n[scores] softmax\n")
    save_file({"a.weight": torch.tensor([[[[0.0]]], [[[400.0]]]]), "a.bias": torch.tensor([0.0, -200.0])},
              "net/w.safetensors")  # fmt: skip
    found = as_json("net/sure.net", "--weights", "net/w.safetensors", "--data", "scenes", "--views", "whole")
    assert 0 < found["loss"] < 104 and len(counted(found)) == 4


def test_networks_of_images_have_no_pixels_to_count(run: Path) -> None:
    done = invoke("eval", run, "--views", "whole")
    assert done.exit_code == 1
    assert "views=whole is for networks whose class scores are maps, and " in done.stderr


def test_another_input_may_make_maps_of_scores(tmp_path: Path) -> None:
    """Where the file's own network has one score for each class: views=10 is refused by the commands that test."""
    text = "[image] input 3x8x8\n[c] conv filters=2 kernel=1\n[p] avgpool kernel=8\ntrain batch=4\ntest views=10\n"
    (tmp_path / "n.net").write_text(text)
    arguments = (tmp_path / "n.net", "--input", "3x16x16")
    assert invoke("check", tmp_path / "n.net").exit_code == 0 and invoke("summary", *arguments).exit_code == 0
    done = invoke("train", *arguments, "--data", "synthetic", "--steps", "1", "--out", tmp_path / "run")
    assert done.exit_code == 1 and "the class scores of p are maps, 2x2x2" in done.stderr
