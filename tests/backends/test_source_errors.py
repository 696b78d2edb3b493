"""Error messages of generated programs."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from building import Builder
from programs import RunHere, load_program, write_program
from small_network import NORMALISED, assert_fails, small_graph

import netspec
from netspec.ir.ops import Linear, Relu
from netspec.train.data.sources.listing import held_out


def test_error_if_all_images_are_unreadable(images: Path, tmp_path: Path, run_here: RunHere) -> None:
    for path in images.rglob("*.*"):
        path.write_bytes(b"no image")
    few, none = "the training images that can be read do not fill a batch", "none of the training images can be read"
    for mean, message in (("none", few), ("image", none)):
        result = run_here(write_program(small_graph(mean=mean), tmp_path), "--data", images, "--steps", "1")
        assert (result.returncode, result.stderr.splitlines()[-1]) == (1, f"error: {message}")


def test_error_if_class_folders_and_outputs_differ(images: Path, tmp_path: Path, run_here: RunHere) -> None:
    (images / "dogwood").mkdir()
    result = run_here(write_program(small_graph(), tmp_path), "--data", images)
    assert_fails(result, 1, f"error: {images} has 4 class folders, the network has 3 outputs\n")


def test_errors_of_data_folders(images: Path, tmp_path: Path, run_here: RunHere) -> None:
    path = write_program(small_graph(), tmp_path)
    assert_fails(run_here(path, "--data", tmp_path), 1, f"error: {tmp_path} has 1 class folders")
    assert_fails(run_here(path, "--data", images, "--batch", "99"), 1, "fewer than a batch of 99: see --batch")
    folder = tmp_path / "divided"
    shutil.copytree(images, folder / "train")
    (folder / "val" / "dogwood").mkdir(parents=True)
    message = f"{folder / 'val'} has classes that are not in {folder / 'train'}: dogwood"
    assert_fails(run_here(path, "--data", folder), 1, message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "one of the arguments --data --synthetic is required"),
        (("--data", "x", "--synthetic"), "not allowed with argument --data"),
        (("--synthetic", "--steps", "0"), "0 is not between 1 and 2147483647"),
        (("--synthetic", "--batch", "many"), "invalid positive value: 'many'"),
        (("--synthetic", "--seed", "-1"), "-1 is not between 0 and 9223372036854775807"),
        (("--synthetic", "--seed", "1180591620717411303424"), "1180591620717411303424 is not between 0 and "),
        (("--synthetic", "--device", "abacus"), "--device abacus: "),
        (("--data", "/no-such-folder"), "--data: there is no folder /no-such-folder"),
        (("--synthetic", "--out", "."), "--out: . is not a file"),
        (("--synthetic", "--out", "/no-such-folder/w.pt"), "/no-such-folder is not a folder"),
    ],
    ids=[
        "no data",
        "data and synthetic",
        "zero steps",
        "batch is no number",
        "negative seed",
        "large seed",
        "unknown device",
        "missing data folder",
        "output is a folder",
        "missing output folder",
    ],
)
def test_errors_of_the_command_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, run_here: RunHere
) -> None:
    assert_fails(run_here(write_program(small_graph(), tmp_path), *arguments), 2, message)


def test_error_if_a_folder_cannot_be_opened(
    images: Path, tmp_path: Path, run_here: RunHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated, because tests may run as root, who has every permission."""
    iterdir = Path.iterdir

    def denied(folder: Path) -> Iterator[Path]:
        if folder.name == "birch":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", denied)
    assert_fails(
        run_here(write_program(small_graph(), tmp_path), "--data", images),
        1,
        f"Permission denied: '{images / 'birch'}'\n",
    )


def test_error_if_all_images_are_held_out(images: Path, tmp_path: Path, run_here: RunHere) -> None:
    for path in images.rglob("*.*"):
        if not held_out(f"{path.parent.name}/{path.name}"):
            path.unlink()
    held = len(list(images.rglob("*.*")))
    message = f"error: {images} has no images to train on, and {held} for validation: add images, or divide them"
    result = run_here(write_program(small_graph(), tmp_path), "--data", images, "--batch", "1")
    assert_fails(result, 1, f"{message} into folders train/ and val/\n")


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("remote process exited or there was a network error", "error: process 0 has lost another process"),
        ("[pair.cc:535] Connection closed by peer", "error: process 0 has lost another process"),
        ("ncclUnhandledCudaError\nCuda failure 2 'out of memory'", "error: not enough memory for a batch of 4; see"),
        ("ncclSystemError: System call failed\nError while creating shared memory segment", None),
    ],
)
def test_errors_of_several_processes(
    reason: str, message: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = load_program(small_graph(), tmp_path)
    world = program.World()
    world.size = 2
    monkeypatch.setattr(program, "join_world", lambda device: world)

    def train(*arguments: object, **options: object) -> None:
        raise torch.distributed.DistBackendError(f"NCCL error in: file, NCCL version 2.28.9\n{reason}")

    monkeypatch.setattr(program, "train", train)
    monkeypatch.setattr(sys, "argv", ["program.py", "--synthetic", "--batch", "4", "--device", "cpu"])
    with pytest.raises(SystemExit if message is not None else torch.distributed.DistBackendError) as ended:
        program.main()
    assert str(ended.value).startswith(message or "NCCL error in")


def test_error_if_a_batch_does_not_fit_into_memory(tmp_path: Path, run_here: RunHere) -> None:
    """100,000 images of 1.6 GB are more than a process can address."""
    graph = netspec.loads(
        "[image] input 1x20000x20000\n[conv1] conv filters=1 kernel=1 stride=20000 rounding=down\n[fc] fc outputs=3\n"
    ).graph
    result = run_here(write_program(graph, tmp_path), "--synthetic", "--batch", "100000")
    assert_fails(result, 1, "error: not enough memory for a batch of 100000; see --batch\n")


def test_network_of_vectors_accepts_only_synthetic_data(tmp_path: Path, run_here: RunHere) -> None:
    builder = Builder("vectors")
    builder.add("out", Linear(4), builder.add("relu", Relu(), builder.add("in", Linear(6), builder.input(5))))
    graph = builder.graph()
    path = write_program(replace(graph, train=replace(graph.train, batch=8)), tmp_path)
    assert_fails(run_here(path, "--data", tmp_path), 2, "the network reads 5, not grey or RGB images")
    assert run_here(path, "--synthetic", "--steps", "2").returncode == 0


def test_diverging_training_stops_with_an_error(tmp_path: Path, run_here: RunHere) -> None:
    graph = small_graph()
    parameters = {key: p._replace(lr=1e30) for key, p in graph.parameters.items()}
    result = run_here(write_program(replace(graph, parameters=parameters), tmp_path), "--synthetic", "--steps", "20")
    assert_fails(result, 1, "error: training has diverged: the loss is nan")


def test_error_if_the_network_has_no_weights(tmp_path: Path, run_here: RunHere) -> None:
    result = run_here(
        write_program(netspec.loads("[image] input 10x1x1\n[prob] softmax\n").graph, tmp_path), "--synthetic"
    )
    assert_fails(result, 1, "error: nothing to learn: the network has no weights\n")


def test_error_if_maps_of_scores_do_not_fit_masks(tmp_path: Path, run_here: RunHere) -> None:
    text = "[image] input 3x4x4\n[conv] conv filters=1 kernel=1\n"
    path = write_program(netspec.loads(text).graph, tmp_path)
    reason = "the class scores are an image of 1x4x4: with one class there is nothing to tell it from"
    program = path.read_text()
    assert f"The program does not train it:\n{reason}.\n" in program
    assert "class Net(" in program and "def initialise(" in program and "def train(" not in program
    assert_fails(run_here(path, "--synthetic"), 1, f"error: {reason}\n")


def test_error_if_batch_normalisation_has_one_number_per_channel(tmp_path: Path, run_here: RunHere) -> None:
    path = write_program(netspec.loads(NORMALISED).graph, tmp_path)
    assert_fails(run_here(path, "--synthetic"), 2, "--batch: bn normalises over the batch")
    assert run_here(path, "--synthetic", "--steps", "1", "--batch", "2").returncode == 0


@pytest.mark.parametrize("lr", [1e300, float("inf"), float("nan")])
def test_error_if_rates_exceed_float32(lr: float, tmp_path: Path, run_here: RunHere) -> None:
    graph = small_graph()
    parameters = {key: p._replace(lr=lr) for key, p in graph.parameters.items()}
    graph = replace(graph, parameters=parameters, train=replace(graph.train, lr=lr))
    result = run_here(write_program(graph, tmp_path), "--synthetic")
    assert_fails(
        result, 1, f"error: the learning rate of conv1.weight is {lr:g}, which is not a finite float32 number\n"
    )


def test_error_if_there_are_too_many_threads(tmp_path: Path, run_here: RunHere) -> None:
    result = run_here(write_program(small_graph(), tmp_path), "--synthetic", "--threads", "1000000")
    assert_fails(result, 2, "--threads: no more than 1024")


def test_error_if_a_batch_does_not_divide_into_equal_parts(tmp_path: Path, run_here: RunHere) -> None:
    graph = netspec.loads(NORMALISED.replace("batch=1", "batch=8 accumulate=4")).graph
    path = write_program(graph, tmp_path)
    assert_fails(
        run_here(path, "--synthetic", "--batch", "6"), 2, "--batch: 6 images cannot be divided into 4 equal parts"
    )
    assert_fails(
        run_here(path, "--synthetic", "--batch", "4"), 2, "--batch: bn normalises over the batch and needs 8 images"
    )
    assert run_here(path, "--synthetic", "--steps", "2").returncode == 0
