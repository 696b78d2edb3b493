"""``netspec eval --mistakes``: the wrongly classified images, listed by a network whose outputs are known."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import one_colour
from processes import invoke
from safetensors.torch import save_file
from tiny_network import SPEC, png_pixels, train_tiny

from netspec.cli.eval_files import as_csv
from netspec.train.data.packing.packing import pack
from netspec.train.data.sources.listing import list_folder
from netspec.train.data.splits import InMemorySplit
from netspec.train.evaluation.mistakes import Mistake, Mistakes
from netspec.train.evaluation.outcome import Outcome

BLACK, WHITE = (0.7, 0.2, 0.1), (0.1, 0.3, 0.6)
"""The network's probabilities of the classes a, b and c for black and for white images."""

KNOWN = """net known
[image] input 3x2x2 range=1
[pool] avgpool kernel=2
[fc] fc outputs=3
[prob] softmax
train epochs=1 batch=2 optimizer=sgd(lr=0.1)
test views=1
"""

HEAD = ",".join(Outcome.mistake_columns)


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
    """The arguments that test the known network on ``photos``, in whose folder the process is."""
    monkeypatch.chdir(tmp_path)
    bias = torch.tensor(BLACK).log()
    weight = torch.zeros(3, 3)
    weight[:, 0] = torch.tensor(WHITE).log() - bias
    save_file({"fc.weight": weight, "fc.bias": bias}, "known.safetensors")
    Path("known.net").write_text(KNOWN)
    for path in ("train/a/0", "train/b/0", "train/c/0", "val/a/0", "val/b/1", "val/c/2"):
        save("black" if path == "val/b/1" else "white", f"{path}.png")
    return ("known.net", "--weights", "known.safetensors", "--data", "photos", "--batch", 2, "--quiet")


def save(colour: str, name: str) -> None:
    path = Path("photos", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    one_colour(colour, (2, 2)).save(path)


def test_mistakes_are_listed_with_the_most_confident_first(known: tuple[object, ...]) -> None:
    save("black", 'val/c/a "dark", room.png')
    save("black", os.fsdecode(b"val/c/\xe9t\xe9.png"))
    Path("photos/val/a/1.png").write_bytes(b"no image")
    done = invoke("eval", *known, "--mistakes", "list.csv")
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("warning: photos/val/a/1.png left out")
    content = Path("list.csv").read_bytes()
    assert content.splitlines() == [
        HEAD.encode(),
        b"val/b/1.png,b,a,0.7,0.2,2",
        b'"val/c/a ""dark"", room.png",c,a,0.7,0.1,3',
        b"val/c/\xe9t\xe9.png,c,a,0.7,0.1,3",
        b"val/a/0.png,a,c,0.6,0.1,3",
    ]
    names = [row["image"] for row in csv.DictReader(content.decode("utf-8", "surrogateescape").splitlines())]
    assert all(Path("photos", name).is_file() for name in names)


def test_standard_output_has_only_the_list(known: tuple[object, ...]) -> None:
    done = invoke("eval", *known, "--mistakes", "-")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [HEAD, "val/b/1.png,b,a,0.7,0.2,2", "val/a/0.png,a,c,0.6,0.1,3"]
    assert done.stderr.startswith("top-1 33.33 %, ") and "class  n    top-1" in done.stderr
    done = invoke("eval", *known, "--mistakes", "-", "--format", "json")
    assert (done.exit_code, done.stderr) == (
        2, "Error: --mistakes - and --format json both go to standard output: name a file for one of them\n",
    )  # fmt: skip


def test_a_list_in_json_has_the_same_numbers(known: tuple[object, ...]) -> None:
    assert invoke("eval", *known, "--mistakes", "list.json").exit_code == 0
    rows = json.loads(Path("list.json").read_text())
    assert [tuple(row) for row in rows] == [Outcome.mistake_columns] * 2
    assert [tuple(row.values()) for row in rows] == [
        ("val/b/1.png", "b", "a", 0.7, 0.2, 2),
        ("val/a/0.png", "a", "c", 0.6, 0.1, 3),
    ]
    save("black", os.fsdecode(b"val/c/\xe9.png"))
    assert invoke("eval", *known, "--mistakes", "list.json").exit_code == 0  # its own file
    assert os.fsencode(json.loads(Path("list.json").read_text())[1]["image"]) == b"val/c/\xe9.png"
    Path("list.json").write_text("[]\n")
    assert invoke("eval", *known, "--mistakes", "list.json").exit_code == 0


@pytest.mark.ci
def test_packed_images_have_the_names_of_their_files(known: tuple[object, ...]) -> None:
    pack(list_folder(Path("photos")), Path("packed"), 2, 1)
    of_folder = invoke("eval", *known, "--split", "all", "--mistakes", "-").stdout
    assert of_folder.count("train/") == 2 and of_folder.count("val/") == 2
    assert invoke("eval", *known, "--data", "packed", "--split", "all", "--mistakes", "-").stdout == of_folder


def test_only_lists_of_netspec_are_overwritten(known: tuple[object, ...]) -> None:
    Path("list.csv").write_text(f"{HEAD}\nold\n")
    assert invoke("eval", *known, "--mistakes", "list.csv").exit_code == 0
    assert Path("list.csv").read_text().count("\n") == 3
    Path("mine.csv").write_text(f"{HEAD},remark\n")
    Path("mine.json").write_text('[{"image": "a.png"}]')
    Path("mine.png").write_bytes(b"a photograph")
    refusals = {
        "mine.csv": "mine.csv was not written by netspec and stays as it is; --mistakes names another file",
        "mine.png": "mine.png was not written by netspec and stays as it is; --mistakes names another file",
        "list.txt": "--mistakes list.txt: the file's name must end with .csv, .json or .png",
        "mine.json": "mine.json was not written by netspec and stays as it is; --mistakes names another file",
        "gone/list.csv": "--mistakes gone/list.csv: there is no folder gone",
    }
    for name, message in refusals.items():
        done = invoke("eval", *known, "--mistakes", name)
        assert (done.exit_code, done.stderr) == (2, f"Error: {message}\n")
    done = invoke("eval", *known, "--mistakes", "a.png", "--confusion", f"../{Path.cwd().name}/a.png")
    assert (done.exit_code, done.stderr) == (2, "Error: --confusion and --mistakes both name a.png\n")


def test_result_is_printed_even_if_the_list_cannot_be_written(
    known: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    done = invoke("eval", *known, "--mistakes", "list.csv")
    assert (done.exit_code, done.stderr) == (2, "Error: cannot write list.csv: No space left on device\n")
    assert done.stdout.startswith("top-1 33.33 %, ")
    assert not list(Path().glob("*list.csv*"))


def test_mistakes_are_drawn_in_a_png(known: tuple[object, ...]) -> None:
    done = invoke("eval", *known, "--mistakes", "sheet.png")
    assert (done.exit_code, done.stderr) == (0, "")
    pixels = png_pixels(Path("sheet.png").read_bytes())[..., :3]
    height, width = pixels.shape[:2]
    left, right = pixels[height // 2, : width // 2], pixels[height // 2, width // 2 :]
    assert (left == 0).all(axis=1).mean() > 0.8  # val/b/1.png
    assert (right == 255).all(axis=1).mean() > 0.8  # val/a/0.png
    assert invoke("eval", *known, "--mistakes", "sheet.png").exit_code == 0


def test_without_matplotlib_each_picture_is_a_warning(
    known: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = invoke("eval", *known, "--mistakes", "m.png", "--confusion", "c.png")
    assert done.exit_code == 0
    how = "because matplotlib is not installed: pip install 'netspec-compiler[plots]'"
    assert done.stderr.splitlines() == [f"warning: {name} is not drawn, {how}" for name in ("c.png", "m.png")]


@pytest.mark.ci  # two trainings
def test_list_of_averaged_views_and_runs_agrees_with_the_confusions(run: Path, tmp_path: Path) -> None:
    spec = SPEC.replace("3x12x12", "3x16x16").replace("crop=12 from=14", "crop=16 from=20")
    wide = train_tiny(tmp_path / "wide", spec=spec, steps=4)
    arguments = ("eval", run, wide, "--views", 10, "--split", "all", "--mistakes", tmp_path / "list.csv")
    found = json.loads(invoke(*arguments, "--format", "json").stdout)
    rows = list(csv.DictReader((tmp_path / "list.csv").read_text().splitlines()))
    classes = [one["class"] for one in found["classes"]]
    pairs = Counter((row["right"], row["answer"]) for row in rows)
    assert pairs == {(classes[right], classes[answer]): images for right, answer, images in found["confusions"]}
    assert len(rows) == round(found["n"] * (1 - found["top1"])) > 0
    shares = [float(row["answer_probability"]) for row in rows]
    assert shares == sorted(shares, reverse=True)
    for row in rows:
        part, place = row["image"].rstrip("]").split("[")
        assert part in ("train", "val") and row["right"] == f"texture {int(place) % 4}"


def test_ties_rank_the_right_class_last_and_keep_the_order_of_the_images() -> None:
    split = InMemorySplit(np.zeros((4, 1, 1, 1), np.uint8), np.zeros(4, np.int64), "image {}".format)
    mistakes = Mistakes([split, split], peak=255)
    mistakes.add(0, np.array([1, 3]), np.array([1, 0]), torch.tensor([[0.2, 0.4, 0.4], [0.5, 0.25, 0.25]]).log())
    mistakes.add(1, np.array([0, 2]), np.array([2, 2]), torch.tensor([[0.0, 1.0, 0.0], [0.4, 0.4, 0.2]]).log())
    first, second, third = mistakes
    assert (first, second.answer, second.rank) == (Mistake(1, 0, 2, 1, 3, 1.0, 0.0), 2, 2)
    assert [(one.split, one.index) for one in (second, third)] == [(0, 1), (1, 2)]
    assert [mistakes.name(one) for one in mistakes] == ["image 0", "image 1", "image 2"]
    assert third.right_share == pytest.approx(0.2) and third.rank == 3
    assert len(mistakes) == 3


def test_names_that_no_encoding_has_do_not_fail() -> None:
    split = InMemorySplit(np.zeros((1, 1, 1, 1), np.uint8), np.zeros(1, np.int64), "\udcff\ud800[{}]".format)
    mistakes = Mistakes([split], peak=255)
    mistakes.add(0, np.array([0]), np.array([0]), torch.tensor([[0.25, 0.75]]).log())
    none = np.zeros((2, 2), np.int64)
    tested = Outcome("it", "validation", ("犬", "a\nb"), 1, 1, 0.0, none, none[0], (1,), (1,), mistakes)
    expected = '�[0],犬,"a\nb",0.75,0.25,2\n'.encode()
    assert as_csv(tested) == f"{HEAD}\n".encode() + b"\xff" + expected
