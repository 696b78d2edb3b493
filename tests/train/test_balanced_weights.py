"""``class_weights=balanced``: a run begins with the numbers that its training images give, and keeps them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mask_files import mask_folder, mask_png, two_squares
from processes import invoke

import netspec
from netspec.train.data.balance import balanced_weights, count_classes
from netspec.train.data.packing import packing
from netspec.train.data.sources.masks.folder import open_mask_folder
from netspec.train.data.sources.masks.listing import list_masks
from netspec.train.data.sources.packed import open_packed
from netspec.train.data.splits import Data, Frame

SPEC = """net seg
[image] input 3x16x16 range=1
[scores] conv filters={classes} kernel=1 init=he  # a comment
train epochs=1 batch=4 class_weights={weights}
"""
IMAGES, CLASSES, SIZE = 5, 4, (30, 40)
"""The images of ``scenes``, their classes, of which the last does not occur in training, and their size."""


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("seg.net").write_text(SPEC.format(classes=CLASSES, weights="balanced"))
    root = mask_folder(Path("scenes"), {"train": IMAGES, "val": 1}, SIZE)
    (root / "classes.txt").write_text("ground\nred\ngreen\nblue\n")
    return root


def counted(data: Data) -> list[int]:
    seen: list[tuple[int, int]] = []
    counts = count_classes(data, CLASSES, 2, lambda done, total: seen.append((done, total)))
    assert seen == [(done, IMAGES) for done in range(1, IMAGES + 1)]
    return counts


def test_all_classes_count_the_same() -> None:
    """8 and 6 of 14 images: 14 / (2 * 8) and 14 / (2 * 6)."""
    assert balanced_weights([8, 0, 6]) == [0.875, None, 1.16667]
    assert balanced_weights([0, 0]) == [None, None]


def test_labelled_pixels_of_masks_are_counted_in_the_size_of_their_files(scenes: Path) -> None:
    masks = np.stack([two_squares(seed, SIZE)[1] for seed in range(IMAGES)])
    expected = [int((masks == number).sum()) for number in range(CLASSES)]
    assert counted(open_mask_folder(scenes, Frame(3, 16, 16), CLASSES)) == expected
    (scenes / "train" / "masks" / "4.png").write_bytes(b"no PNG")  # it is left out
    expected = [int((masks[:4] == number).sum()) for number in range(CLASSES)]
    assert counted(open_mask_folder(scenes, Frame(3, 16, 16), CLASSES)) == expected


def test_packs_have_the_masks_as_stored(scenes: Path) -> None:
    packing.pack(list_masks(scenes), Path("packed"), 16, processes=1)
    pixels = json.loads(Path("packed/manifest.json").read_text())["splits"]["train"]["pixels"]
    assert counted(open_packed(Path("packed"))) == pixels[:CLASSES]


def test_run_has_the_numbers_that_check_data_prints(scenes: Path) -> None:
    report = json.loads(invoke("check-data", "scenes", "--format", "json").stdout)
    *weights, absent = report["balanced_weights"]
    assert absent is None
    done = invoke("train", "seg.net", "--data", "scenes", "--out", "run", "--threads", "1")
    assert done.exit_code == 0, done.output
    counted_in = "counted in the masks of 5 training images; spec.net has the numbers\n"
    assert f"class_weights=balanced: {min(weights):.6g} to {max(weights):.6g}, {counted_in}" in done.stderr
    assert "warning: class_weights=balanced: the weight of 1 class without a training image is 1: blue" in done.stderr
    net, text = netspec.load("run/spec.net"), Path("run/spec.net").read_text()
    assert net.graph.train.class_weights == (*weights, 1.0) and "# a comment" in text
    written = ",".join(f"{weight:.6g}" for weight in (*weights, 1))
    assert f"class_weights={written}" in text
    netspec.compile(net)
    # the same command finds the run finished, and another continues it, without counting again
    mask_png(scenes / "train" / "masks" / "1.png", np.zeros(SIZE, np.uint8))
    again = invoke("train", "seg.net", "--data", "scenes", "--out", "run", "--threads", "1", "--quiet")
    assert "run is finished already" in again.stdout and "balanced" not in again.stderr
    assert invoke("train", "seg.net", "--resume", "run", "--epochs", "2", "--quiet").exit_code == 0
    assert Path("run/spec.net").read_text() == text
    other = invoke("train", "seg.net", "--resume", "run", "--set", "train.class_weights=none")
    assert other.exit_code == 1 and "was trained with another spec" in other.stderr
    Path("five.net").write_text(SPEC.format(classes=CLASSES + 1, weights="balanced"))
    other = invoke("train", "five.net", "--resume", "run", "--epochs", "3")
    assert other.exit_code == 1 and "filters: 4 -> 5" in other.stderr


@pytest.mark.ci  # two trainings
def test_run_is_that_of_a_spec_with_the_numbers(scenes: Path) -> None:
    arguments = ("--data", "scenes", "--threads", "1", "--quiet")
    assert invoke("train", "seg.net", "--out", "run", *arguments).exit_code == 0
    assert invoke("train", "run/spec.net", "--out", "same", *arguments).exit_code == 0
    one, two = (Path(name, "metrics.jsonl").read_text().splitlines()[-1] for name in ("run", "same"))
    assert one == two and Path("run/spec.net").read_text() == Path("same/spec.net").read_text()
    # but its numbers were written by hand, and may be others than those that would be counted
    other = invoke("train", "seg.net", "--resume", "same", "--epochs", "2")
    assert other.exit_code == 1 and ",1 -> balanced" in other.stderr


def test_images_with_a_class_each_are_not_opened(tmp_path: Path) -> None:
    """Of the digits, 1,438 are for training; the run's spec has the numbers for a network with another input too."""
    spec = tmp_path / "digits.net"
    layers = "[image] input 1x2x2\n[c] conv filters=2 kernel=3 neuron=relu\n[scores] fc outputs=10\n"
    spec.write_text(f"{layers}train batch=64 class_weights=balanced\n")
    arguments = ("--data", "digits", "--input", "1x8x8", "--steps", "1", "--threads", "1", "--out", tmp_path / "run")
    done = invoke("train", spec, *arguments)
    assert done.exit_code == 0, done.output
    assert "counted in 1,438 training images; spec.net has the numbers" in done.stderr
    weights = netspec.load(tmp_path / "run" / "spec.net", input=(1, 8, 8)).graph.train.class_weights
    assert isinstance(weights, tuple) and sum(1 / (10 * weight) for weight in weights) == pytest.approx(1, rel=1e-5)


def test_without_images_there_are_no_numbers(scenes: Path) -> None:
    done = invoke("compile", "seg.net", "-o", "seg.py")
    assert done.exit_code == 1 and not Path("seg.py").exists()
    assert "error[class-weights]: class_weights=balanced are numbers that training images give" in done.stderr
    assert "seg.net:4:24" in done.stderr
    done = invoke("compile", "seg.net", "-o", "seg.py", "--set", "train.class_weights=balanced")
    assert done.exit_code == 1 and "--set:1:7" in done.stderr
    with pytest.raises(netspec.SpecError, match="class_weights=balanced are numbers"):
        netspec.torch_module(netspec.load("seg.net"))
    for command in ("check", "summary", "plan"):
        assert invoke(command, "seg.net").exit_code == 0
    assert invoke("compile", "seg.net", "-o", "seg.onnx").exit_code == 0
