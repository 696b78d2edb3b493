"""``netspec eval`` of dense networks, against numbers worked out from the images and masks."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bright_network import bright_network
from click.testing import Result
from mask_files import mask_png
from PIL import Image
from processes import invoke


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def scene(root: Path, name: str, brightness: int, mask: np.ndarray) -> None:
    """Write an image of one brightness, and its mask."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    Image.new("L", (12, 12), brightness).save(root / "images" / f"{name}.png")
    mask_png(root / "masks" / f"{name}.png", mask.astype(np.uint8))


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two images of validation, both bright. In the first, 36 of 144 pixels are dark by its mask, in the second all are
    bright but 12, which are unlabelled; and one for training."""
    monkeypatch.chdir(tmp_path)
    bright_network(Path("net"))
    dark = np.ones((12, 12))
    dark[:6, :6] = 0
    unlabelled = np.ones((12, 12))
    unlabelled[0] = 255
    scene(Path("scenes/train"), "0", 0, np.zeros((12, 12)))
    scene(Path("scenes/val"), "1", 255, unlabelled)
    scene(Path("scenes/val"), "2", 255, dark)
    return Path("scenes")


def run(*arguments: str) -> Result:
    return invoke("eval", "net/bright.net", "--weights", "net/w.safetensors", "--data", "scenes", *arguments)


def as_json(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--format", "json", "--quiet")
    assert done.exit_code == 0, done.output
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_text_has_the_numbers_worked_out_by_hand(scenes: Path) -> None:
    """All 276 labelled pixels are predicted bright, and 36 are dark. The score of bright is a half above the other,
    so that a bright pixel loses ln(1 + e^-0.5) and a dark one ln(1 + e^0.5)."""
    done = run()
    assert done.exit_code == 0, done.output
    loss = (240 * softplus(-0.5) + 36 * softplus(0.5)) / 276
    lines = done.stdout.splitlines()
    assert lines[0] == (
        f"pixels right {100 * 240 / 276:.2f} %, mean IoU {100 * (240 / 276) / 2:.2f} %, loss {loss:.4g} "
        "on 2 validation images of scenes"
    )
    assert lines[1] == "protocol: centre crop; 276 labelled pixels"
    assert [line.split() for line in lines[-2:]] == [
        ["class", "0", "36", "0.0", "%", "0.0", "%"],
        ["class", "1", "240", "100.0", "%", "87.0", "%"],
    ]


def test_json_has_all_of_it(scenes: Path) -> None:
    result = as_json("--split", "all")
    assert result["data"] == {"source": "scenes", "split": "all", "images": 3, "used": 3, "unreadable": 0}
    assert (result["n"], result["pixels"], result["protocol"]) == (3, 420, "centre crop")
    assert result["pixels_right"] == pytest.approx((144 + 240) / 420)
    assert result["classes"] == [
        {"class": "class 0", "pixels": 180, "right": 144 / 180, "iou": 144 / 180},
        {"class": "class 1", "pixels": 240, "right": 1.0, "iou": 240 / 276},
    ]
    assert result["mean_iou"] == pytest.approx((144 / 180 + 240 / 276) / 2)
    assert result["confusions"] == [[0, 1, 36]]
    assert result["weights"]["file"] == "net/w.safetensors"


def test_images_with_wrong_pixels_are_listed_worst_first(scenes: Path) -> None:
    mask = np.zeros((12, 12))
    mask[0, 0] = 1
    scene(scenes / "val", "3", 255, mask)
    scene(scenes / "val", "4", 0, np.full((12, 12), 255))  # without a labelled pixel
    assert run("--mistakes", "m.csv", "--quiet").exit_code == 0
    with Path("m.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["image", "pixels", "pixels_right", "mean_iou"],
        ["val/images/3.png", "144", f"{1 / 144:.6g}", f"{1 / 144 / 2:.6g}"],
        ["val/images/2.png", "144", "0.75", f"{0.75 / 2:.6g}"],
    ]
    done = run("--mistakes", "m.csv", "--quiet")  # its own file
    assert done.exit_code == 0
    assert run("--mistakes", "-", "--quiet").stdout.splitlines()[1].startswith("val/images/3.png,144,0.00694")


@pytest.mark.ci
def test_pictures_are_drawn(scenes: Path) -> None:
    assert run("--confusion", "c.png", "--mistakes", "m.png").exit_code == 0
    for name in ("c.png", "m.png"):
        with Image.open(name) as image:
            assert image.info["Software"] == "netspec" and min(image.size) > 200
    scene(scenes / "val", "2", 255, np.ones((12, 12)))
    assert run("--mistakes", "m.png").exit_code == 0  # nothing is wrong


def test_the_scores_of_a_network_without_padding_belong_to_the_middle(scenes: Path) -> None:
    bright_network(Path("net"), kernel=5)
    result = as_json()
    assert result["pixels"] == 2 * 64  # 8 x 8 of 12 x 12, of which row 0 is none, and 4 x 4 are dark
    assert result["confusions"] == [[0, 1, 16]]


def test_several_networks_are_averaged(scenes: Path) -> None:
    """Of two equal networks the mean is that of one. Runs: copies of one, since specs cannot be averaged."""
    trained = invoke("train", "net/bright.net", "--data", "scenes", "--steps", "1", "--batch", "1", "--out", "run",
                     "--seed", "0", "--quiet")  # fmt: skip
    assert trained.exit_code == 0, trained.output
    one, two = (
        json.loads(invoke("eval", *runs, "--format", "json", "--quiet").stdout) for runs in (["run"], ["run", "run"])
    )
    for key in ("loss", "pixels_right", "mean_iou"):
        assert two[key] == pytest.approx(one[key], rel=1e-12)
    assert two["protocol"] == "mean softmax of 2 networks, centre crop" and one["confusions"] == two["confusions"]
    logged = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert logged[-1]["mean_iou"] == pytest.approx(one["mean_iou"])
    assert logged[-1]["val_loss"] == pytest.approx(one["loss"], rel=1e-5)


def test_networks_that_do_not_match_are_refused(scenes: Path) -> None:
    arguments = ("--data", "scenes", "--steps", "1", "--batch", "1", "--seed", "0", "--quiet")
    assert invoke("train", "net/bright.net", *arguments, "--out", "run").exit_code == 0
    bright_network(Path("net"), kernel=5)
    assert invoke("train", "net/bright.net", *arguments, "--out", "run5").exit_code == 0
    done = invoke("eval", "run", "run5")
    assert done.exit_code == 1
    assert re.search(r"run and run5 give other pixels of an image a class: their predictions cannot be averaged",
                     done.stderr)  # fmt: skip
    assert "run: 12 x 12 pixels" in done.stderr and "run5: 8 x 8 pixels" in done.stderr
    assert "--views whole averages predictions for all pixels" in done.stderr
    bright_network(Path("net"))
    resized = ("--set", "test.from=14", "--out", "run14")
    assert invoke("train", "net/bright.net", *arguments, *resized).exit_code == 0
    done = invoke("eval", "run", "run14")
    assert done.exit_code == 1 and "in images of 1x12x12" in done.stderr and "in images of 1x14x14" in done.stderr
    assert invoke("eval", "run", "run14", "--views", "whole").exit_code == 0


def test_what_cannot_be_tested_is_refused(scenes: Path) -> None:
    done = run("--views", "10")
    assert done.exit_code == 1 and "views=10 is for networks that give an image one class" in done.stderr
    for number in (1, 2):
        mask_png(scenes / "val" / "masks" / f"{number}.png", np.full((12, 12), 255, np.uint8))
    done = run()
    assert done.exit_code == 1 and "none of the pixels of 2 images of scenes is labelled" in done.stderr


def test_unreadable_images_are_counted(scenes: Path) -> None:
    (scenes / "val" / "masks" / "1.png").write_bytes(b"")
    done = run()
    assert done.exit_code == 0
    assert "on 1 validation images of scenes (1 more cannot be read)" in done.stdout
    assert "scenes/val/masks/1.png" in done.stderr and "the file is empty" in done.stderr
