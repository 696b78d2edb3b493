"""Trainings of dense networks on images and their masks: what is learnt and written, resuming, and several devices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import multi_device
import numpy as np
import pytest
import torch
from mask_files import mask_folder
from matplotlib.axes import Axes
from processes import invoke
from reporters import QUIET, Collector, InterruptAt
from run_folders import newest_checkpoint, read_log, same_result

from netspec.net import loads
from netspec.passes.score_grid import UNLABELLED
from netspec.train.config import Request
from netspec.train.data.source import open_source
from netspec.train.data.sources.synthetic_masks import Scenes
from netspec.train.data.splits import Frame, Pixels
from netspec.train.errors import TrainError
from netspec.train.learning.pixels import PixelEvaluation
from netspec.train.reporting.board import Board
from netspec.train.run import train as run_train
from netspec.train.runs import plot
from netspec.train.runs.same_data import fingerprint, require_same_data

SPEC = """\
net dense
[image] input 3x12x12 range=1 mean=image
[in] conv filters=8 kernel=3 init=gaussian(0.2) neuron=relu
[down] conv filters=16 kernel=2 stride=2 init=gaussian(0.2) bias=none
[norm] batchnorm neuron=relu
[side] conv filters=4 kernel=1 init=gaussian(0.1)
[aux] crossentropy loss_weight=0.4
[drop] dropout rate=0.2 inputs=norm
[up] deconv filters=8 kernel=2 stride=2 init=gaussian(0.2) neuron=relu
[both] concat inputs=in,up
[scores] conv filters=4 kernel=1 init=gaussian(0.1)
[loss] crossentropy
train epochs=2 batch=32 optimizer=adam(lr=0.01) accumulate=2 ema=0.9 schedule=plateau(patience=1, times=3)
augment from=14 pad=1 flip=horizontal
"""
"""The 10 x 10 pixels in the middle of the image have scores, every second of them also those of an auxiliary loss."""


def train(out: Path, reporter: Any = QUIET, text: str = SPEC, **request: Any) -> Any:
    return run_train(loads(text), "dense", Request("synthetic", out=out, threads=1, **request), reporter)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run."""
    folder = tmp_path_factory.mktemp("dense") / "run"
    result = train(folder)
    assert isinstance(result.evaluation, PixelEvaluation)
    assert result.evaluation.pixels_right > 0.8 and result.evaluation.mean_iou > 0.7  # four classes: chance is 0.25
    return folder


def test_metrics_are_named_in_the_log_and_the_run(run: Path) -> None:
    validations = [line for line in read_log(run) if "val_loss" in line]
    assert [(line["step"], line["epoch"], line["val_images"]) for line in validations] == [(32, 1, 256), (64, 2, 256)]
    last = validations[-1]
    assert set(last) == {"step", "epoch", "val_loss", "pixels_right", "mean_iou", "iou", "val_pixels", "val_images"}
    assert list(last["iou"]) == ["texture 0", "texture 1", "texture 2", "texture 3"]
    assert last["mean_iou"] == pytest.approx(sum(last["iou"].values()) / 4)
    assert 256 * 70 < last["val_pixels"] < 256 * 100
    result = json.loads((run / "run.json").read_text())["result"]
    assert (result["pixels_right"], result["iou"]) == (last["pixels_right"], last["iou"])


def test_console_says_what_is_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dense.net").write_text(SPEC)
    done = invoke("train", "dense.net", "--data", "synthetic", "--steps", "2", "--out", "run", "--threads", "1")
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith(
        "labels: a class for each of 10 x 10 pixels, from row 1 and column 1 on\n"
        "labels of aux: 5 x 5 pixels, 2 apart, from row 1 and column 1 on\n"
    )
    evaluation = json.loads(Path("run/run.json").read_text())["result"]
    right, iou = (f"{100 * evaluation[key]:.1f} %" for key in ("pixels_right", "mean_iou"))
    assert f"  pixels right {right}  mean IoU {iou}\n" in done.stderr
    assert done.stdout.startswith(f"pixels right {right}, mean IoU {iou}, loss ")
    again = invoke("train", "--resume", "run")
    assert again.exit_code == 0 and f"pixels right {right}, mean IoU {iou}, loss " in again.stdout


@pytest.mark.ci  # a training
def test_resumed_run_has_the_result_of_an_uninterrupted_one(run: Path, tmp_path: Path) -> None:
    interrupted = train(tmp_path / "run", InterruptAt(40))
    assert (interrupted.state, interrupted.step) == ("interrupted", 40)
    done = invoke("train", "--resume", str(tmp_path / "run"), "--quiet")
    assert done.exit_code == 0, done.output
    assert same_result(tmp_path / "run", run)


@pytest.mark.ci  # several processes
def test_two_devices_train_like_one(tmp_path: Path) -> None:
    """Batches of 223 images are divided unequally; those of the validation, of 223 and 33, are not divided."""
    (tmp_path / "tiny.net").write_text(SPEC.replace("accumulate=2", ""))
    arguments = (*multi_device.ARGUMENTS, "--steps", "4", "--batch", "223")
    multi_device.finish(tmp_path, *arguments, "--gpus", "2", "--split", "batch", "--out", "two")
    spec, *others = arguments
    assert invoke("train", str(tmp_path / spec), *others, "--out", str(tmp_path / "one")).exit_code == 0
    logs = read_log(tmp_path / "two"), read_log(tmp_path / "one")
    assert len(logs[0]) == len(logs[1]) > 4
    for line, expected in zip(*logs, strict=True):
        assert line.pop("iou", {}) == pytest.approx(expected.pop("iou", {}), rel=1e-4)
        assert line == pytest.approx(expected, rel=1e-4)
    two, one = (newest_checkpoint(tmp_path / run)["weights"] for run in ("two", "one"))
    for key, tensor in one.items():
        torch.testing.assert_close(two[key], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.ci  # several processes
def test_verify_finds_no_difference(tmp_path: Path) -> None:
    spec = tmp_path / "dense.net"
    spec.write_text(SPEC)
    done = invoke("verify", spec, "--gpus", "2,4", "--split", "batch", "--steps", "2")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("  same\n") == 2


def test_validation_without_labelled_pixels_has_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Scenes.read

    def unlabelled(split: Scenes, index: int) -> Pixels:
        image = read(split, index).copy()
        if split.split == "val":
            image[-1] = UNLABELLED
        return image

    monkeypatch.setattr(Scenes, "read", unlabelled)
    reporter = Collector()
    result = train(tmp_path / "run", reporter, epochs=2, batch=512)
    assert result.evaluation is None
    assert reporter.warnings == ["none of the validation images can be read, or none of their pixels is labelled"]


@pytest.mark.usefixtures("with_curves")
def test_curves_are_of_pixels(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    draw = Axes.plot

    def recorded(axes: Axes, *numbers: Any, label: str, **how: Any) -> Any:
        drawn.append(label)
        return draw(axes, *numbers, label=label, **how)

    monkeypatch.setattr(Axes, "plot", recorded)
    assert plot.draw_curves(run / "metrics.jsonl", tmp_path / "curves.png", "dense")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert drawn == ["training", "validation", "pixels", "1 - mean IoU"]


@pytest.mark.ci  # imports TensorBoard
def test_tensorboard_has_each_class(run: Path, tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs the extra tensorboard"
    )
    board = Board(tmp_path, 0)
    lines = read_log(run)
    for line in lines:
        board.add(line)
    board.add({"step": 99, "iou": {"texture 0": None}})
    board.close()
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    found = [event.value for event in events.Scalars("validation IoU/texture 2")]
    assert found == pytest.approx([line["iou"]["texture 2"] for line in lines if "iou" in line])
    assert len(events.Scalars("validation/mean IoU")) == len(events.Scalars("validation IoU/texture 0")) == 2


def test_statistics_are_those_of_the_images_alone(run: Path) -> None:
    """Not of their masks."""
    state = newest_checkpoint(run)["preparation"]
    assert state["mean"].shape == (3, 14, 14) and state["axes"].shape == (3, 3)
    images = Scenes(Frame(3, 14, 14), 4, 1024, (0, 2), "train")
    mean = np.mean([images.read(index)[:3] for index in range(512)], axis=0) / 255
    np.testing.assert_allclose(state["mean"].numpy(), mean, atol=1e-6)


def test_changed_names_of_images_or_masks_are_noticed(tmp_path: Path) -> None:
    """Before a run continues, and by processes that train together."""
    root = mask_folder(tmp_path / "data", {"train": 4, "val": 2})
    graph = loads(SPEC.replace("filters=4", "filters=3")).graph
    then = fingerprint(open_source(str(root), graph, 0))
    require_same_data(then, open_source(str(root), graph, 0))
    for names, difference in (
        (("class 0", "class 2", "class 1"), "3 classes then and now, but in another order"),
        (("class 0", "sky", "class 2"), "3 classes then, 3 now; gone: class 1; new: sky"),
    ):
        (root / "classes.txt").write_text("\n".join(names))
        with pytest.raises(TrainError, match="the data have changed since the run began") as caught:
            require_same_data(then, open_source(str(root), graph, 0))
        assert caught.value.notes[0] == difference
    (root / "classes.txt").unlink()
    name = next((root / "val" / "masks").iterdir()).stem
    for folder in ("images", "masks"):
        (file,) = (root / "val" / folder).glob(f"{name}.*")
        file.rename(file.with_stem("other"))
    with pytest.raises(TrainError, match="the data have changed since the run began") as caught:
        require_same_data(then, open_source(str(root), graph, 0))
    assert caught.value.notes[0] == "2 validation images then and now, but with other names or classes"
