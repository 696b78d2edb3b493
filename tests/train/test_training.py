"""Trainings of small networks with ``run.train``: what is learnt, written, counted and rejected."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from building import Builder, net_of
from image_files import image_folder
from reporters import QUIET, Collector, InterruptAt, SlowStep
from rich.console import Console
from run_folders import newest_checkpoint

from netspec.ir.distribution import Normal
from netspec.ir.graph import Graph
from netspec.ir.ops import Conv, CrossEntropy, Dropout, Linear, MaxPool, Relu, Softmax
from netspec.ir.schedules import Plateau
from netspec.ir.settings import Augment, Preprocessing, Train
from netspec.ir.window import Window
from netspec.train import loop
from netspec.train.config import Request
from netspec.train.counter_rng import shuffled
from netspec.train.data.sources import synthetic
from netspec.train.data.sources.folder import open_folder
from netspec.train.data.splits import Frame
from netspec.train.errors import RequestError, TrainError
from netspec.train.learning.validation import Evaluation, ImageEvaluation, evaluate
from netspec.train.reporting.console import Lines, Plan, Reporter, Status, describe, make_reporter
from netspec.train.run import Result
from netspec.train.run import train as run_train
from netspec.train.runs import checkpoint
from netspec.train.runs.plot import NO_MATPLOTLIB
from netspec.train.runs.runfolder import read_metrics


def network(classes: int = 4, lr: float = 0.02, **settings: Any) -> Graph:
    """Return image 3x8x8 -> conv 8 -> relu -> pool -> dropout -> fc -> softmax, with settings like the paper's."""
    builder = Builder("tiny")
    x = builder.add("conv", Conv(8, Window((3, 3))), builder.input(3, 8, 8))
    x = builder.add("pool", MaxPool(Window((2, 2), (2, 2), kind="pool")), builder.add("relu", Relu(), x))
    x = builder.add("fc", Linear(classes), builder.add("drop", Dropout(0.2, "train"), x))
    builder.add("prob", Softmax(), x)
    graph = builder.graph()
    parameters = {
        key: p._replace(lr=lr, decay=5e-4, distribution=Normal(0.0, 0.1)) for key, p in graph.parameters.items()
    }
    defaults = {
        "preprocessing": Preprocessing(1, "image"),
        "augment": Augment(resize=10, flip="horizontal", colour=0.1),
        "train": Train(epochs=2, batch=32, lr=lr),
    }
    return dataclasses.replace(graph, parameters=parameters, **(defaults | settings))


def train(graph: Graph, out: Path, data: object = "synthetic", **request: Any) -> Result:
    return run_train(net_of(graph), "tiny", Request(str(data), out=out, threads=1, **request), QUIET)


def weights(result: Result) -> dict[str, torch.Tensor]:
    """Return the weights in a run's newest checkpoint."""
    tensors: dict[str, torch.Tensor] = newest_checkpoint(result.folder)["weights"]
    return tensors


@pytest.mark.usefixtures("with_curves")
def test_network_learns_and_writes_its_run_folder(tmp_path: Path) -> None:
    result = train(network(), tmp_path / "run", epochs=4)
    assert result.evaluation is not None
    assert result.evaluation.top1 > 0.9  # four classes: chance is 0.25
    assert result.evaluation.top5 == 1.0
    assert sorted(path.name for path in result.folder.iterdir()) == [
        ".lock", "checkpoints", "curves.png", "metrics.jsonl", "run.json", "spec.net",
    ]  # fmt: skip
    assert (result.folder / "spec.net").read_text() == "the spec"
    assert (result.folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    facts = json.loads((result.folder / "run.json").read_text())
    assert (facts["state"], facts["seed"], facts["threads"], facts["device"]) == ("finished", 0, 1, "cpu")
    assert facts["versions"]["torch"] == torch.__version__
    assert facts["result"]["step"] == result.step == 4 * (1024 // 32)
    assert facts["counts"] == result.counts


def test_metrics_file_has_lines_of_steps_and_validations(tmp_path: Path) -> None:
    result = train(network(), tmp_path / "run")
    lines = read_metrics(result.folder / "metrics.jsonl")
    training = [line for line in lines if "loss" in line]
    validation = [line for line in lines if "val_loss" in line]
    assert [(line["step"], line["epoch"]) for line in training] == [(n, 1 + (n > 32)) for n in range(1, 65)]
    assert [(line["step"], line["epoch"]) for line in validation] == [(32, 1), (64, 2)]
    assert set(training[0]) == {"step", "epoch", "loss", "lr", "images_per_s", "waiting"}
    assert set(validation[0]) == {"step", "epoch", "val_loss", "top1", "top5", "val_images"}
    assert training[0]["lr"] == 0.02
    assert all(0 <= line["waiting"] <= 1 for line in training)
    assert training[-1]["loss"] < training[0]["loss"]
    assert validation[-1]["top1"] == pytest.approx(result.evaluation.top1 if result.evaluation else None)


def test_checkpoint_of_step_0_has_the_initial_weights(tmp_path: Path) -> None:
    result = train(network(lr=0.0), tmp_path / "run", epochs=1)
    saved = checkpoint.list_checkpoints(result.folder / "checkpoints")
    assert [path.name for path in saved] == ["step-000000000.pt", "step-000000032.pt"]
    first, last = map(checkpoint.load, saved)
    assert first["epoch"] == 0
    assert last["epoch"] == 1
    assert all(torch.equal(first["weights"][key], last["weights"][key]) for key in first["weights"])
    assert set(first["weights"]) == {"conv.weight", "conv.bias", "fc.weight", "fc.bias"}
    assert last["spec"] == "the spec"
    assert last["classes"] == [f"texture {number}" for number in range(4)]
    mean = last["preparation"]["mean"]
    assert mean.shape == (3, 10, 10)
    images = synthetic.Textures(Frame(3, 10, 10), 4, 1024, (0, 0))
    # Of 1,024 images, only the first ones are measured.
    first_images = [images.read(place) for place in range(synthetic.MEASURED)]
    torch.testing.assert_close(mean.double(), torch.tensor(np.mean(first_images, 0)) / 255, rtol=1e-6, atol=0)


@pytest.mark.ci
def test_same_seed_gives_the_same_weights_with_more_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = weights(train(network(), tmp_path / "a", steps=34))
    monkeypatch.setattr("netspec.train.config.cores_available", lambda: 5)
    torch.manual_seed(99)  # the state of the global generator does not matter, not even for dropout
    two = weights(train(network(), tmp_path / "b", steps=34))
    other = weights(train(network(), tmp_path / "c", steps=34, seed=1))
    assert json.loads((tmp_path / "b" / "run.json").read_text())["workers"] == 5
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not torch.equal(one["fc.weight"], other["fc.weight"])


def test_steps_may_end_a_training_within_an_epoch(tmp_path: Path) -> None:
    """Even if what is left of the epoch is a whole batch: it is not dropped."""
    result = train(network(), tmp_path / "run", batch=256, steps=7)
    assert result.step == 7
    counts = result.counts["train"]
    assert (counts["drawn"], counts["used"], counts["dropped"], counts["unreached"]) == (2048, 1792, 0, 256)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["result"]["epochs"] == 1
    assert [x["step"] for x in read_metrics(tmp_path / "run" / "metrics.jsonl") if "top1" in x] == [4, 7]


def test_fewer_epochs_than_steps_end_a_training(tmp_path: Path) -> None:
    assert train(network(), tmp_path / "run", epochs=1, steps=40).step == 32


def test_steps_override_the_epochs_of_the_spec(tmp_path: Path) -> None:
    assert train(network(), tmp_path / "run", steps=70).step == 70


def test_network_with_its_own_loss_learns(tmp_path: Path) -> None:
    builder = Builder("own")
    builder.add("loss", CrossEntropy(), builder.add("fc", Linear(4), builder.input(3, 8, 8)))
    graph = dataclasses.replace(builder.graph(), preprocessing=Preprocessing(1), train=Train(epochs=1, batch=64))
    result = train(graph, tmp_path / "run")
    assert result.evaluation is not None
    assert result.evaluation.top1 > 0.3


def test_counts_with_unreadable_images_add_up(tmp_path: Path) -> None:
    data = image_folder(tmp_path / "data", {"a": 0, "b": 0})
    for part, count in (("train", 11), ("val", 3)):
        image_folder(data / part, {"a": count, "b": count})
    (data / "a").rmdir()
    (data / "b").rmdir()
    (data / "train" / "a" / "3.jpg").write_bytes(b"")
    (data / "train" / "b" / "7.jpg").write_bytes(b"no image")
    (data / "val" / "a" / "0.jpg").write_bytes(b"\xff\xd8\xff")
    request = Request(str(data), batch=8, epochs=3, out=tmp_path / "run", threads=1)
    collector = Collector()
    result = run_train(net_of(network(classes=2)), "tiny", request, collector)
    # In each of 3 epochs, 2 of 22 images are unreadable, and the others make two batches of 8, with 4 left over.
    assert result.counts["train"] == {
        "images": 22, "unreadable": 2, "drawn": 66, "used": 48, "skipped": 6, "dropped": 12, "unreached": 0,
    }  # fmt: skip
    assert result.counts["validation"] == {"images": 6, "used": 5, "skipped": 1}
    assert result.step == 6
    listed = [json.loads(line) for line in (tmp_path / "run" / "unreadable.jsonl").read_text().splitlines()]
    assert sorted(line["path"] for line in listed) == [
        str(data / "train" / "a" / "3.jpg"), str(data / "train" / "b" / "7.jpg"), str(data / "val" / "a" / "0.jpg"),
    ]  # fmt: skip
    assert sorted(collector.warnings) == sorted(f"{line['path']} skipped: {line['reason']}" for line in listed)


def test_only_the_first_ten_unreadable_images_are_printed(tmp_path: Path) -> None:
    data = image_folder(tmp_path / "data", {"a": 40, "b": 40}, size=(8, 8))
    for number in range(15):
        (data / "a" / f"{number}.jpg").write_bytes(b"")
    request = Request(str(data), batch=8, epochs=1, out=tmp_path / "run", threads=1)
    collector = Collector()
    run_train(net_of(network(classes=2)), "tiny", request, collector)
    assert len(collector.warnings) == 11
    assert collector.warnings[-1] == f"more images cannot be read; all are listed in {tmp_path}/run/unreadable.jsonl"
    assert len((tmp_path / "run" / "unreadable.jsonl").read_text().splitlines()) == 15


def test_unreadable_images_read_ahead_of_a_short_run_are_named(tmp_path: Path) -> None:
    """After one step, the images of the next batches may be known to be unreadable: all that are counted are named."""
    data = image_folder(tmp_path / "data", {"a": 20, "b": 20}, size=(8, 8))
    request = Request(str(data), batch=8, steps=1, out=tmp_path / "run", threads=1)
    names = open_folder(data, Frame(3, 8, 8)).train
    order = shuffled(0, 0, len(names.labels))
    for index in order[8:].tolist():
        (data / names.name(index)).write_bytes(b"")
    graph = network(classes=2, preprocessing=Preprocessing(1), augment=Augment())  # no mean, for which all are read
    result = run_train(net_of(graph), "tiny", request, SlowStep())
    listed = tmp_path / "run" / "unreadable.jsonl"
    assert result.step == 1 and result.counts["train"]["skipped"] == 0
    assert len(listed.read_text().splitlines()) == result.counts["train"]["unreadable"] > 0


def test_without_validation_images_there_is_no_accuracy(tmp_path: Path) -> None:
    data = image_folder(tmp_path / "data", {"cat": 1, "cow": 1})
    result = train(network(classes=2), tmp_path / "run", data, batch=2, epochs=1)
    assert result.evaluation is None
    assert [line for line in read_metrics(tmp_path / "run" / "metrics.jsonl") if "top1" in line] == []


def test_fewer_images_than_a_batch_is_an_error(tmp_path: Path) -> None:
    data = image_folder(tmp_path / "data", {"cat": 3, "cow": 2})
    with pytest.raises(TrainError, match="has 5 training images, a batch has 8") as caught:
        train(network(classes=2), tmp_path / "run", data, batch=8)
    assert caught.value.notes == ("train with a smaller one: --batch 5",)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("mean", ["none", "image"])
def test_fewer_readable_images_than_a_batch_is_an_error(tmp_path: Path, mean: str) -> None:
    data = image_folder(tmp_path / "data", {"cat": 3, "cow": 2})
    for path in (data / "cat").iterdir():
        path.write_bytes(b"")
    graph = network(classes=2, preprocessing=Preprocessing(1, mean), augment=Augment())  # type: ignore[arg-type]
    with pytest.raises(TrainError, match="3 of 5 training images cannot be read; the other 2 do not fill a batch of 4"):
        train(graph, tmp_path / "run", data, batch=4)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "failed"


def test_no_readable_image_is_an_error(tmp_path: Path) -> None:
    data = image_folder(tmp_path / "data", {"cat": 1, "cow": 1})
    for path in data.glob("*/*"):
        path.write_bytes(b"")
    with pytest.raises(TrainError, match="none of the 2 training images can be read"):
        train(network(classes=2), tmp_path / "run", data, batch=2)


def test_diverging_loss_ends_the_training_with_causes(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"the loss is (nan|inf) at step \d+: training has diverged") as caught:
        train(network(lr=1e9), tmp_path / "run")
    assert "learning rate is too high" in caught.value.notes[0]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "failed"
    last = read_metrics(tmp_path / "run" / "metrics.jsonl")[-1]
    assert last["loss"] is None
    assert len(checkpoint.list_checkpoints(tmp_path / "run" / "checkpoints")) >= 1


def test_plateau_cuts_the_rate_if_the_error_stays_the_same(tmp_path: Path) -> None:
    plateau = Plateau(factor=0.5, times=2, patience=1, threshold=0.0)
    graph = network(lr=0.0, train=Train(epochs=5, batch=256, lr=0.5, schedule=plateau))
    train(graph, tmp_path / "run")
    lines = [line for line in read_metrics(tmp_path / "run" / "metrics.jsonl") if "lr" in line]
    assert [line["lr"] for line in lines if line["step"] % 4 == 1] == [0.5, 0.5, 0.25, 0.125, 0.125]
    assert newest_checkpoint(tmp_path / "run")["watch"]["cuts"] == 2


def test_output_folder_with_other_files_is_rejected_and_kept(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").write_text("x")
    with pytest.raises(RequestError, match="a folder with something in it"):
        train(network(), tmp_path / "run")
    (tmp_path / "file").write_text("x")
    with pytest.raises(RequestError, match="is a file"):
        train(network(), tmp_path / "file")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine"]


def test_runs_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    request = Request("synthetic", steps=1, threads=1)
    folders = [run_train(net_of(network()), "my net/x", request, QUIET).folder.as_posix() for _ in range(2)]
    assert folders == ["runs/my-net-x-1", "runs/my-net-x-2"]


def test_missing_cuda_device_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RequestError, match="no CUDA device"):
        train(network(), tmp_path / "run", device="cuda")


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself SIGINT there")
def test_interrupt_finishes_the_step_and_saves(tmp_path: Path) -> None:
    request = Request("synthetic", out=tmp_path / "run", threads=1)
    before = signal.getsignal(signal.SIGINT)
    result = run_train(net_of(network()), "tiny", request, InterruptAt(5))
    assert signal.getsignal(signal.SIGINT) is before
    assert (result.state, result.step) == ("interrupted", 5)
    state = newest_checkpoint(tmp_path / "run")
    assert (state["step"], state["epoch"]) == (5, 0)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "interrupted"
    counts = result.counts["train"]
    assert counts["drawn"] == 1024 == counts["used"] + counts["unreached"]


@pytest.mark.usefixtures("with_curves")
def test_missing_matplotlib_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    request = Request("synthetic", steps=1, out=tmp_path / "run", threads=1)
    collector = Collector()
    run_train(net_of(network()), "tiny", request, collector)
    assert collector.notes == [NO_MATPLOTLIB]
    assert not (tmp_path / "run" / "curves.png").exists()


@pytest.mark.parametrize(("epochs", "expected"), [(3, 3), (20, 20), (90, 18)])
def test_plain_output_of_a_quick_run_stays_short(
    epochs: int, expected: int, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(Console(stderr=True), clock=lambda: 0.0)
    for epoch in range(1, epochs + 1):
        lines.plan(Plan(10 * epochs, epochs))
        for step in range(10):
            lines.progress(Status(10 * (epoch - 1) + step, epoch, 1.0, 100.0, 0.02))
        lines.validated(Status(10 * epoch, epoch, 0.5, 1234.0, 0.02), ImageEvaluation(100, 0.5, 0.9, 0.99))
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == expected
    last = f"epoch {epochs}/{epochs}  step {10 * epochs}/{10 * epochs}  loss 0.5  1,234 images/s, 2 % waiting for data"
    assert printed[-1] == f"{last}  top-1 90.0 %  top-5 99.0 %"


@pytest.mark.ci
def test_speed_of_an_epoch_excludes_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time for training on 64 images excludes a validation of 0.3 seconds."""

    class Speeds(Reporter):
        def validated(self, status: Status, found: Evaluation | None) -> None:
            speeds.append(status.images_per_second)

    def slow_evaluate(*arguments: Any) -> Evaluation | None:
        start = time.perf_counter()
        time.sleep(0.3)
        evaluation = evaluate(*arguments)
        seconds.append(time.perf_counter() - start)
        return evaluation

    speeds: list[float] = []
    seconds: list[float] = []
    monkeypatch.setattr(loop, "evaluate", slow_evaluate)
    start = time.perf_counter()
    request = Request("synthetic", steps=2, out=tmp_path / "run", threads=1)
    run_train(net_of(network()), "tiny", request, Speeds(Console(quiet=True)))
    assert 64 / speeds[0] < time.perf_counter() - start - seconds[0]


def test_speed_below_one_image_per_second_is_printed() -> None:
    line = describe(Status(3, 1, 7.25, 0.437, 0.0), Plan(10, 1))
    assert line == "epoch 1/1  step 3/10  loss 7.25  0.437 images/s, 0 % waiting for data"


def test_slow_run_prints_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter(range(10_000))
    lines = Lines(Console(stderr=True), clock=lambda: float(next(seconds)))
    for step in range(100):
        lines.progress(Status(step, 1, 1.0, 100.0, 0.0))
    # The clock is read once for each step and once more for each line, which makes a line every ten or eleven steps.
    assert len(capsys.readouterr().err.splitlines()) == 10


def test_terminal_shows_a_bar_and_escapes_control_characters() -> None:
    console = Console(force_terminal=True, width=120, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    bar = make_reporter(quiet=False, console=console)
    bar.progress(Status(5, 1, 0.25, 1000.0, 0.125))
    bar.warn("skipped: a\x1b[2Jb\udcff.jpg")
    bar.close()
    text = console.export_text()
    assert "loss 0.25  1,000 images/s  12 % waiting" in text
    assert "warning: skipped: a\\x1b[2Jb\\udcff.jpg" in text
