"""``netspec train --gpus``: several processes train what one does, and leave a run like any other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import multi_device
import pytest
import torch
from click.testing import CliRunner, Result
from run_folders import newest_checkpoint, read_log

from netspec.cli import main
from netspec.train.processes import devices
from netspec.train.processes.environment import FOLDER
from netspec.train.processes.launching import Ended

STEPS = ("--steps", "34")
"""An epoch has 32."""


def netspec(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments])


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> multi_device.TrainProcess:
    """A run on two devices, by the file's groups."""
    return multi_device.finish(
        tmp_path_factory.mktemp("two"), *multi_device.ARGUMENTS, *STEPS, "--gpus", "2", "--out", "run"
    )


@pytest.fixture(scope="module")
def one(two: multi_device.TrainProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run on one."""
    folder = tmp_path_factory.mktemp("one") / "run"
    spec = str(two.folder / "tiny.net")
    done = netspec("train", spec, *multi_device.ARGUMENTS[1:], *STEPS, "--out", str(folder))
    assert done.exit_code == 0, done.output
    return folder


def close(a: Any, b: Any) -> None:
    """The same numbers but for rounding, in containers of the same shape."""
    if isinstance(a, torch.Tensor):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key, value in a.items():
            close(value, b[key])
    else:
        assert a == pytest.approx(b, rel=1e-4, abs=1e-6)


@pytest.mark.ci
def test_two_train_what_one_does(two: multi_device.TrainProcess, one: Path) -> None:
    run = two.folder / "run"
    assert len(read_log(run)) == len(read_log(one)) == 36
    for here, there in zip(read_log(run), read_log(one), strict=True):
        close(here, there)
    for key in ("weights", "optimiser", "average", "epoch", "found", "tally", "validated", "metrics_bytes"):
        if key != "metrics_bytes":
            close(newest_checkpoint(run)[key], newest_checkpoint(one)[key])


@pytest.mark.ci
def test_one_process_speaks_and_nothing_is_left(two: multi_device.TrainProcess) -> None:
    lines = two.out.splitlines()
    assert [line.split()[0] for line in lines] == ["top-1", "34", "1,024", "run:"]
    assert two.err == ""
    assert two.temporary_files() == []
    assert json.loads((two.folder / "run" / "run.json").read_text())["gpus"] == 2


@pytest.mark.parametrize(
    ("environment", "speaks"),
    [({}, True), ({"RANK": "0"}, True), ({"RANK": "1"}, False), ({FOLDER: "crew", "RANK": "0"}, False)],
    ids=["alone", "torchrun's first", "another of torchrun's", "of a launcher that has spoken"],
)
def test_the_spec_s_warnings_are_told_once(
    environment: dict[str, str], speaks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "cut.net"
    spec.write_text("[x] input 3x8x8\n[f] fc outputs=4 neuron=relu\n[prob] softmax\n")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = netspec("train", str(spec), "--data", "nowhere")
    assert done.exit_code == 2 and "nowhere" in done.stderr
    assert ("warning[relu-on-scores]" in done.stderr) == speaks


@pytest.mark.ci
def test_the_checkpoint_holds_whole_tensors(two: multi_device.TrainProcess, one: Path) -> None:
    state, alone = newest_checkpoint(two.folder / "run"), newest_checkpoint(one)
    shapes = {key: tensor.shape for key, tensor in alone["weights"].items()}
    assert {key: tensor.shape for key, tensor in state["weights"].items()} == shapes
    assert shapes["conv.weight"] == (8, 3, 3, 3)
    velocities = state["optimiser"]["velocities"]
    assert {key: tensor.shape for key, tensor in velocities.items()} == {key: shapes[key] for key in velocities}
    assert {key: tensor.shape for key, tensor in state["average"]["weights"].items()} == shapes


@pytest.mark.ci
@pytest.mark.parametrize("command", [("eval",), ("export", "-o", "w.safetensors"), ("filters", "-o", "f.png")])
def test_what_takes_a_run_takes_this_one(
    two: multi_device.TrainProcess, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = netspec(command[0], str(two.folder / "run"), *command[1:])
    assert done.exit_code == 0, done.output


@pytest.mark.ci
def test_it_goes_on_on_one(two: multi_device.TrainProcess, one: Path, tmp_path: Path) -> None:
    """And says that the last bits may differ."""
    shutil.copytree(two.folder / "run", tmp_path / "two")
    shutil.copytree(one, tmp_path / "one")
    done = netspec("train", "--resume", str(tmp_path / "two"), "--gpus", "1", "--steps", "40")
    assert done.exit_code == 0, done.output
    assert "gpus 2 -> 1: the last bits of the numbers may differ" in done.stderr
    assert netspec("train", "--resume", str(tmp_path / "one"), "--steps", "40").exit_code == 0
    close(newest_checkpoint(tmp_path / "two")["weights"], newest_checkpoint(tmp_path / "one")["weights"])


@pytest.mark.slow  # processes of their own
@pytest.mark.parametrize("options", [("--gpus", "2"), ("--gpus", "4"), ("--gpus", "2", "--split", "hybrid")])
def test_what_one_began_goes_on_on_several(one: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    for name in ("one", "several"):
        shutil.copytree(one, tmp_path / name)
    done = multi_device.finish(tmp_path, "--resume", "several", *options, "--steps", "40")
    assert f"gpus 1 -> {options[1]}: the last bits of the numbers may differ" in done.err
    assert netspec("train", "--resume", str(tmp_path / "one"), "--steps", "40").exit_code == 0
    close(newest_checkpoint(tmp_path / "several")["weights"], newest_checkpoint(tmp_path / "one")["weights"])


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def launch(arguments: object, processes: int) -> None:
        raise AssertionError("processes were started")

    monkeypatch.setattr(devices, "launch", launch)
    monkeypatch.chdir(tmp_path)
    Path("tiny.net").write_text(multi_device.SPEC)


@pytest.mark.slow  # two trainings on several processes
def test_a_group_on_which_no_layer_lives(tmp_path: Path) -> None:
    """A layer with a connection table lives whole on one group; here all of them do, and the other holds nothing."""
    text = multi_device.SPEC.replace("kernel=3 ", "kernel=3 gpu=0 table=0,1,2,0+1,1+2,0+2,0+1+2,1 ", 1)
    (tmp_path / "whole.net").write_text(text.replace("reads=all ", "gpu=0 "))
    command = ("whole.net", *multi_device.ARGUMENTS[1:], "--steps", "4")
    multi_device.finish(tmp_path, *command, "--gpus", "2", "--out", "several")
    done = netspec("train", str(tmp_path / "whole.net"), *command[1:], "--out", str(tmp_path / "alone"))
    assert done.exit_code == 0, done.output
    close(newest_checkpoint(tmp_path / "several")["weights"], newest_checkpoint(tmp_path / "alone")["weights"])


@pytest.mark.usefixtures("nothing_starts")
def test_devices_that_cannot_share_the_groups() -> None:
    done = netspec("train", *multi_device.ARGUMENTS, "--gpus", "3")
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        "Error: 3 devices cannot share 2 GPU groups: 2 / 3 = 0.6667 groups a device",
        "  take a divisor of 2 or a multiple of it: --gpus 2 or --gpus 4",
        "  or divide the batch, which any number can share: --split batch",
    ]


@pytest.mark.usefixtures("nothing_starts")
def test_a_file_without_groups() -> None:
    Path("tiny.net").write_text(multi_device.SPEC.replace("gpus 2\n", "").replace(" reads=all", ""))
    done = netspec("train", *multi_device.ARGUMENTS, "--gpus", "2", "--split", "groups")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: tiny has no GPU groups to split over 2 devices\n")


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--batch", "1"), "1 image at a time cannot be shared by 2 devices: batch 1"),
        (
            ("--batch", "33", "--split", "hybrid"),
            "--split hybrid shares the batch equally, and 2 devices do not divide",
        ),
    ],
)
def test_a_batch_that_cannot_be_shared(options: tuple[str, ...], told: str) -> None:
    done = netspec("train", *multi_device.ARGUMENTS, "--gpus", "2", "--split", "batch", *options)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {told}")


@pytest.mark.usefixtures("nothing_starts")
def test_more_gpus_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    done = netspec("train", *multi_device.ARGUMENTS, "--gpus", "2")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: 2 GPUs asked for, and there is 1\n")


@pytest.mark.usefixtures("nothing_starts")
def test_gpus_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    done = netspec("train", *multi_device.ARGUMENTS, "--gpus", "2", "--device", "cuda")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: 2 GPUs asked for, and there are 0\n")


@pytest.mark.ci
@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--gpus", "3"), "3 devices cannot share 2 GPU groups"),
        (("--gpus", "64", "--split", "batch"), "32 images at a time cannot be shared by 64 devices"),
        (("--gpus", "3", "--split", "hybrid"), "--split hybrid shares the batch equally, and 3 devices do not divide"),
    ],
)
def test_a_run_that_other_devices_cannot_go_on_with(
    two: multi_device.TrainProcess, options: list[str], told: str
) -> None:
    done = netspec("train", "--resume", str(two.folder / "run"), "--steps", "40", *options)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {told}")


@pytest.mark.usefixtures("nothing_starts")
def test_standard_input_cannot_be_read_by_all() -> None:
    done = CliRunner().invoke(main, ["train", "-", *multi_device.ARGUMENTS[1:], "--gpus", "2"], input=multi_device.SPEC)
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: several processes cannot all read the spec from standard input\n  give its file's name\n"
    )


@pytest.mark.usefixtures("nothing_starts")
def test_as_many_processes_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """By torchrun, which says so in the environment."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    done = netspec("train", *multi_device.ARGUMENTS, "--gpus", "4")
    assert done.exit_code == 2
    assert done.stderr == "Error: --gpus 4, and there are 2 processes\n"


@pytest.mark.usefixtures("nothing_starts")
def test_the_processes_are_given_the_words_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, int]] = []

    def launch(arguments: Any, processes: int) -> Ended:
        asked.append((arguments, processes))
        return Ended(130, ("the last line",))

    monkeypatch.setattr(devices, "launch", launch)
    done = netspec("train", *multi_device.ARGUMENTS, "--gpus", "2")
    assert asked == [(("train", *multi_device.ARGUMENTS, "--gpus", "2"), 2)]
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "the last line\n")
