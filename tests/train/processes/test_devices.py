"""``netspec train --gpus``: several processes train like one, and write the same kind of run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import multi_device
import pytest
import torch
from processes import invoke
from run_folders import newest_checkpoint, read_log

from netspec.train.processes import devices
from netspec.train.processes.environment import FOLDER
from netspec.train.processes.launching import Ended

STEPS = ("--steps", "34")
"""Two steps more than an epoch."""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> multi_device.TrainProcess:
    """A run on two devices, split by the spec's groups."""
    return multi_device.finish(
        tmp_path_factory.mktemp("two"), *multi_device.ARGUMENTS, *STEPS, "--gpus", "2", "--out", "run"
    )


@pytest.fixture(scope="module")
def one(two: multi_device.TrainProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run on one device."""
    folder = tmp_path_factory.mktemp("one") / "run"
    spec = str(two.folder / "tiny.net")
    done = invoke("train", spec, *multi_device.ARGUMENTS[1:], *STEPS, "--out", str(folder))
    assert done.exit_code == 0, done.output
    return folder


def assert_close(a: Any, b: Any) -> None:
    """Check that two nested containers have the same numbers, up to rounding."""
    if isinstance(a, torch.Tensor):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key, value in a.items():
            assert_close(value, b[key])
    else:
        assert a == pytest.approx(b, rel=1e-4, abs=1e-6)


@pytest.mark.ci
def test_two_devices_train_like_one(two: multi_device.TrainProcess, one: Path) -> None:
    run = two.folder / "run"
    assert len(read_log(run)) == len(read_log(one)) == 36
    for line, expected in zip(read_log(run), read_log(one), strict=True):
        assert_close(line, expected)
    for key in ("weights", "optimiser", "average", "epoch", "found", "tally", "validated"):
        assert_close(newest_checkpoint(run)[key], newest_checkpoint(one)[key])


@pytest.mark.ci
def test_only_one_process_prints_and_no_files_are_left(two: multi_device.TrainProcess) -> None:
    lines = two.out.splitlines()
    assert [line.split()[0] for line in lines] == ["top-1", "34", "training", "run:"]
    assert two.err == ""
    assert two.temporary_files() == []
    assert json.loads((two.folder / "run" / "run.json").read_text())["gpus"] == 2


@pytest.mark.parametrize(
    ("environment", "prints"),
    [({}, True), ({"RANK": "0"}, True), ({"RANK": "1"}, False), ({FOLDER: "world", "RANK": "0"}, False)],
    ids=["single process", "rank 0 of torchrun", "rank 1 of torchrun", "worker of netspec"],
)
def test_warnings_about_the_spec_are_printed_once(
    environment: dict[str, str], prints: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "cut.net"
    spec.write_text("[x] input 3x8x8\n[f] fc outputs=4 neuron=relu\n[prob] softmax\n")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = invoke("train", str(spec), "--data", "nowhere")
    assert done.exit_code == 2 and "nowhere" in done.stderr
    assert ("warning[relu-on-scores]" in done.stderr) == prints


@pytest.mark.ci
def test_checkpoint_has_whole_tensors(two: multi_device.TrainProcess, one: Path) -> None:
    state, alone = newest_checkpoint(two.folder / "run"), newest_checkpoint(one)
    shapes = {key: tensor.shape for key, tensor in alone["weights"].items()}
    assert {key: tensor.shape for key, tensor in state["weights"].items()} == shapes
    assert shapes["conv.weight"] == (8, 3, 3, 3)
    velocities = state["optimiser"]["velocities"]
    assert {key: tensor.shape for key, tensor in velocities.items()} == {key: shapes[key] for key in velocities}
    assert {key: tensor.shape for key, tensor in state["average"]["weights"].items()} == shapes


@pytest.mark.ci
@pytest.mark.parametrize("command", [("eval",), ("export", "-o", "w.safetensors"), ("filters", "-o", "f.png")])
def test_other_commands_accept_a_run_on_two_devices(
    two: multi_device.TrainProcess, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = invoke(command[0], str(two.folder / "run"), *command[1:])
    assert done.exit_code == 0, done.output


@pytest.mark.ci
def test_run_on_two_devices_resumes_on_one(two: multi_device.TrainProcess, one: Path, tmp_path: Path) -> None:
    shutil.copytree(two.folder / "run", tmp_path / "two")
    shutil.copytree(one, tmp_path / "one")
    done = invoke("train", "--resume", str(tmp_path / "two"), "--gpus", "1", "--steps", "40")
    assert done.exit_code == 0, done.output
    assert "gpus 2 -> 1: the last bits of the numbers may differ" in done.stderr
    assert invoke("train", "--resume", str(tmp_path / "one"), "--steps", "40").exit_code == 0
    assert_close(newest_checkpoint(tmp_path / "two")["weights"], newest_checkpoint(tmp_path / "one")["weights"])


@pytest.mark.slow  # starts several processes
def test_run_with_adam_on_two_devices_resumes_on_one(tmp_path: Path) -> None:
    """Device 0 does not have ``fc``, which is updated twice per batch, but writes the checkpoint with its numbers.

    The gradients of the convolution's biases are 0 up to rounding, which a smaller ``eps`` would magnify.
    """
    text = multi_device.SPEC.replace("sgd(lr=0.02)", "adam(lr=0.01, eps=1e-3, weight_decay=0.01) accumulate=2")
    text = text.replace("accumulate=2", "accumulate=2 clip_gradients=norm(0.1)")
    (tmp_path / "adam.net").write_text(text.replace("reads=all ", "gpu=1 update_every=1 "))
    command = ("adam.net", *multi_device.ARGUMENTS[1:])
    multi_device.finish(tmp_path, *command, "--steps", "10", "--gpus", "2", "--out", "two")
    state = newest_checkpoint(tmp_path / "two")["optimiser"]
    assert state["updates"] == {0: 10, 1: 20}
    assert [list(state[kind]) for kind in ("velocities", "means")] == [[], list(state["squares"])]
    assert state["means"]["fc.weight"].count_nonzero() > 0
    done = invoke("train", "--resume", str(tmp_path / "two"), "--gpus", "1", "--steps", "14")
    assert done.exit_code == 0, done.output
    spec = str(tmp_path / "adam.net")
    done = invoke("train", spec, *command[1:], "--steps", "14", "--out", str(tmp_path / "one"))
    assert done.exit_code == 0, done.output
    for key in ("weights", "optimiser"):
        assert_close(newest_checkpoint(tmp_path / "two")[key], newest_checkpoint(tmp_path / "one")[key])


@pytest.mark.slow  # several processes
@pytest.mark.parametrize("options", [("--gpus", "2"), ("--gpus", "4"), ("--gpus", "2", "--split", "hybrid")])
def test_run_on_one_device_resumes_on_several(one: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    for name in ("one", "several"):
        shutil.copytree(one, tmp_path / name)
    done = multi_device.finish(tmp_path, "--resume", "several", *options, "--steps", "40")
    assert f"gpus 1 -> {options[1]}: the last bits of the numbers may differ" in done.err
    assert invoke("train", "--resume", str(tmp_path / "one"), "--steps", "40").exit_code == 0
    assert_close(newest_checkpoint(tmp_path / "several")["weights"], newest_checkpoint(tmp_path / "one")["weights"])


@pytest.fixture
def no_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def launch(arguments: object, processes: int) -> None:
        raise AssertionError("processes were started")

    monkeypatch.setattr(devices, "launch", launch)
    monkeypatch.chdir(tmp_path)
    Path("tiny.net").write_text(multi_device.SPEC)


@pytest.mark.slow  # two trainings on several processes
def test_device_without_layers_trains(tmp_path: Path) -> None:
    """Layers with connection tables are on one group. Here all layers are, so that the other device has none."""
    text = multi_device.SPEC.replace("kernel=3 ", "kernel=3 gpu=0 table=0,1,2,0+1,1+2,0+2,0+1+2,1 ", 1)
    (tmp_path / "whole.net").write_text(text.replace("reads=all ", "gpu=0 "))
    command = ("whole.net", *multi_device.ARGUMENTS[1:], "--steps", "4")
    multi_device.finish(tmp_path, *command, "--gpus", "2", "--out", "several")
    done = invoke("train", str(tmp_path / "whole.net"), *command[1:], "--out", str(tmp_path / "alone"))
    assert done.exit_code == 0, done.output
    assert_close(newest_checkpoint(tmp_path / "several")["weights"], newest_checkpoint(tmp_path / "alone")["weights"])


@pytest.mark.usefixtures("no_processes")
def test_number_of_devices_must_fit_the_groups() -> None:
    done = invoke("train", *multi_device.ARGUMENTS, "--gpus", "3")
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        "Error: 3 devices cannot share 2 GPU groups: 2 / 3 = 0.6667 groups a device",
        "  take a divisor of 2 or a multiple of it: --gpus 2 or --gpus 4",
        "  or divide the batch, which any number can share: --split batch",
    ]


@pytest.mark.usefixtures("no_processes")
def test_spec_without_groups_cannot_be_split_by_groups() -> None:
    Path("tiny.net").write_text(multi_device.SPEC.replace("gpus 2\n", "").replace(" reads=all", ""))
    done = invoke("train", *multi_device.ARGUMENTS, "--gpus", "2", "--split", "groups")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: tiny has no GPU groups to split over 2 devices\n")


@pytest.mark.usefixtures("no_processes")
@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--batch", "1"), "2 devices cannot share a batch of 1"),
        (("--batch", "33", "--split", "hybrid"), "--split hybrid needs equal shares, and 2 shares do not divide"),
    ],
)
def test_batch_that_cannot_be_shared_is_an_error(options: tuple[str, ...], error: str) -> None:
    done = invoke("train", *multi_device.ARGUMENTS, "--gpus", "2", "--split", "batch", *options)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {error}")


@pytest.mark.usefixtures("no_processes")
def test_message_on_a_small_batch_names_the_devices_that_were_asked_for() -> None:
    done = invoke("train", *multi_device.ARGUMENTS, "--gpus", "64", "--batch", "4")
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        "Error: 64 devices in 32 rows of 2 GPU groups cannot share a batch of 4",
        "  each row needs an image: --batch 32 or more",
    ]


@pytest.mark.usefixtures("no_processes")
def test_more_gpus_than_available_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    done = invoke("train", *multi_device.ARGUMENTS, "--gpus", "2")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: 2 GPUs requested, but this machine has 1\n")


@pytest.mark.usefixtures("no_processes")
def test_gpus_without_cuda_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    done = invoke("train", *multi_device.ARGUMENTS, "--gpus", "2", "--device", "cuda")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: 2 GPUs requested, but this machine has 0\n")


@pytest.mark.ci
@pytest.mark.usefixtures("no_processes")
@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--gpus", "3"), "3 devices cannot share 2 GPU groups"),
        (("--gpus", "64", "--split", "batch"), "64 devices cannot share a batch of 32"),
        (("--gpus", "3", "--split", "hybrid"), "--split hybrid needs equal shares, and 3 shares do not divide"),
    ],
)
def test_resuming_on_unsuitable_devices_is_an_error(
    two: multi_device.TrainProcess, options: list[str], error: str
) -> None:
    done = invoke("train", "--resume", str(two.folder / "run"), "--steps", "40", *options)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {error}")


@pytest.mark.usefixtures("no_processes")
def test_spec_from_standard_input_is_an_error() -> None:
    done = invoke("train", "-", *multi_device.ARGUMENTS[1:], "--gpus", "2", text=multi_device.SPEC)
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: several processes cannot all read the spec from standard input\n  give its file's name\n"
    )


@pytest.mark.usefixtures("no_processes")
def test_gpus_must_agree_with_torchruns_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchrun sets WORLD_SIZE in the environment."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    done = invoke("train", *multi_device.ARGUMENTS, "--gpus", "4")
    assert done.exit_code == 2
    assert done.stderr == "Error: --gpus is 4, but 2 processes were started\n"


@pytest.mark.usefixtures("no_processes")
def test_workers_get_the_arguments_and_their_output_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[tuple[Any, int]] = []

    def launch(arguments: Any, processes: int) -> Ended:
        launched.append((arguments, processes))
        return Ended(130, ("the last line",))

    monkeypatch.setattr(devices, "launch", launch)
    done = invoke("train", *multi_device.ARGUMENTS, "--gpus", "2")
    assert launched == [(("train", *multi_device.ARGUMENTS, "--gpus", "2"), 2)]
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "the last line\n")
