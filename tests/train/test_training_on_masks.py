"""Trainings on folders of images and masks: crops of drawn sizes, packs, resuming, and files that change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from mask_files import mask_folder, mask_png, two_squares
from PIL import Image
from processes import invoke
from run_folders import read_log

SPEC = """net seg
[image] input 3x16x16 range=1 mean=channel std=channel
[conv] conv filters=8 kernel=3 pad=1 init=he bias=none
[norm] batchnorm neuron=relu
[scores] conv filters=3 kernel=1 init=he
train epochs=3 batch=4 optimizer=sgd(lr=0.1, momentum=0.9)
augment from=20,30 flip=horizontal
test from=24
"""


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Thirteen training images, one with an RGB mask, and two of validation."""
    monkeypatch.chdir(tmp_path)
    Path("seg.net").write_text(SPEC)
    root = mask_folder(Path("scenes"), {"train": 13, "val": 2})
    Image.new("RGB", (40, 30)).save(root / "train" / "masks" / "5.png")
    return root


def train(*arguments: str) -> Result:
    return invoke("train", *arguments, "--threads", "1", "--quiet")


def new(out: str, *more: str, data: str = "scenes") -> Result:
    done = train("seg.net", "--data", data, "--out", out, "--seed", "3", *more)
    assert done.exit_code == 0, done.output
    return done


def test_a_resumed_run_has_the_result_of_an_uninterrupted_one(scenes: Path) -> None:
    new("whole", "--steps", "8")
    new("part", "--steps", "4")
    assert train("--resume", "part", "--steps", "8").exit_code == 0
    assert read_log(Path("part"))[-1] == read_log(Path("whole"))[-1]
    assert read_log(Path("whole"))[-1]["mean_iou"] > 0.3


def test_a_mask_that_cannot_be_used_is_left_out_and_named(scenes: Path) -> None:
    done = new("run")
    assert done.stderr.count("scenes/train/masks/5.png skipped: the mask has colours, not class numbers") == 1
    (line,) = map(json.loads, Path("run/unreadable.jsonl").read_text().splitlines())
    assert line["path"] == "scenes/train/masks/5.png"
    assert "training set: 13 images, 1 unreadable" in done.stdout
    assert "9 steps, 39 images drawn: 36 used, 3 unreadable, 0 dropped" in done.stdout


def test_data_that_have_changed_are_refused(scenes: Path) -> None:
    new("run", "--steps", "4")
    for folder in ("images", "masks"):
        (scenes / "train" / folder / "1.png").rename(scenes / "train" / folder / "zz.png")
    done = train("--resume", "run", "--steps", "8")
    assert done.exit_code == 1 and "13 training images then and now, but with other names or classes" in done.stderr


def test_a_class_beyond_the_scores_ends_the_training_with_the_files_name(scenes: Path) -> None:
    """In a mask that is not among those that are looked at first, 8 of 13: it is the third by name."""
    mask = two_squares(10)[1]
    mask[mask == 2] = 7
    mask_png(scenes / "train" / "masks" / "10.png", mask)
    done = train("seg.net", "--data", "scenes", "--out", "run")
    assert done.exit_code == 1 and Path("run").is_dir()
    assert "scenes/train/masks/10.png: the mask has class 7, and classes are numbered 0 to 2" in done.stderr


@pytest.mark.ci
def test_a_pack_of_the_size_of_the_images_gives_the_same_run(scenes: Path) -> None:
    """Images that are square and stored in one size are the same in a folder and in its pack."""
    for split, count in (("train", 8), ("val", 2)):
        for number in range(count):
            image, mask = two_squares(number + count, (24, 24))
            (Path("square") / split / "images").mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(f"square/{split}/images/{number}.png")
            mask_png(Path(f"square/{split}/masks/{number}.png"), mask)
    assert invoke("pack", "square", "-o", "packed", "--size", "24", "--quiet").exit_code == 0
    numbers = ("--set", "image.mean=0.4,0.4,0.4", "--set", "image.std=0.2,0.2,0.2")
    for name in ("square", "packed"):
        new(f"of-{name}", "--set", "augment.from=24", *numbers, data=name)
    assert read_log(Path("of-square")) == read_log(Path("of-packed"))


def test_what_validation_leaves_out_is_said(scenes: Path) -> None:
    """Of crops of 16 x 16 pixels, 4 x 4 have scores without padding: 6.25 %."""
    Path("few.net").write_text(SPEC.replace("kernel=3 pad=1", "kernel=13"))
    done = invoke("train", "few.net", "--data", "scenes", "--out", "few", "--steps", "1", "--threads", "1")
    assert done.exit_code == 0, done.output
    note = "validation uses the centre crop of each image; netspec eval --views whole measures all of it"
    (warning,) = json.loads(Path("few/run.json").read_text())["warnings"]
    assert warning.startswith("only 4 x 4 of the 16 x 16 pixels of a crop have scores: 6.2 % of it is learnt")
    assert note in done.stderr and f"warning: {warning}" in done.stderr
    done = invoke("train", "seg.net", "--data", "scenes", "--out", "all", "--steps", "1", "--threads", "1")
    assert note in done.stderr and "have scores" not in done.stderr
