"""What a generated program does not do, and what it says then."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from building import Builder
from little import NORMALISED, little, refused
from programs import Here, written

import netspec
from netspec.ir.ops import Linear, Relu
from netspec.train.data.sources.listing import held_out


def test_only_unreadable_images_are_an_error(images: Path, tmp_path: Path, here: Here) -> None:
    for path in images.rglob("*.*"):
        path.write_bytes(b"no picture")
    few, none = "the training images that can be read do not fill a batch", "none of the training images can be read"
    for mean, complaint in (("none", few), ("image", none)):
        done = here(written(little(mean=mean), tmp_path), "--data", images, "--steps", "1")
        assert (done.returncode, done.stderr.splitlines()[-1]) == (1, f"error: {complaint}")


def test_another_number_of_classes_says_both_numbers(images: Path, tmp_path: Path, here: Here) -> None:
    (images / "dogwood").mkdir()
    done = here(written(little(), tmp_path), "--data", images)
    refused(done, 1, f"error: {images} has 4 class folders, the network has 3 outputs\n")


def test_what_is_wrong_with_the_data_is_said(images: Path, tmp_path: Path, here: Here) -> None:
    path = written(little(), tmp_path)
    refused(here(path, "--data", tmp_path), 1, f"error: {tmp_path} has 1 class folders")
    refused(here(path, "--data", images, "--batch", "99"), 1, "fewer than a batch of 99: see --batch")
    folder = tmp_path / "divided"
    shutil.copytree(images, folder / "train")
    (folder / "val" / "dogwood").mkdir(parents=True)
    complaint = f"{folder / 'val'} has classes that are not in {folder / 'train'}: dogwood"
    refused(here(path, "--data", folder), 1, complaint)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "one of the arguments --data --synthetic is required"),
        (("--data", "x", "--synthetic"), "not allowed with argument --data"),
        (("--synthetic", "--steps", "0"), "0 is not from 1 to 2147483647"),
        (("--synthetic", "--batch", "many"), "invalid positive value: 'many'"),
        (("--synthetic", "--seed", "-1"), "-1 is not from 0 to 9223372036854775807"),
        (("--synthetic", "--seed", "1180591620717411303424"), "1180591620717411303424 is not from 0 to "),
        (("--synthetic", "--device", "abacus"), "--device abacus: "),
        (("--data", "/no-such-folder"), "--data: there is no folder /no-such-folder"),
        (("--synthetic", "--out", "."), "--out: . is no file"),
        (("--synthetic", "--out", "/no-such-folder/w.pt"), "/no-such-folder is no folder"),
    ],
    ids=[
        "no data",
        "both",
        "no steps",
        "no number",
        "negative seed",
        "large seed",
        "no device",
        "no folder of data",
        "folder to write",
        "no folder to write in",
    ],
)
def test_a_wrong_command_line(arguments: tuple[str, ...], complaint: str, tmp_path: Path, here: Here) -> None:
    refused(here(written(little(), tmp_path), *arguments), 2, complaint)


def test_a_folder_that_cannot_be_opened(
    images: Path, tmp_path: Path, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated: an administrator, as whom tests may run, has every permission."""
    listed = Path.iterdir

    def denied(folder: Path) -> Iterator[Path]:
        if folder.name == "birch":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", denied)
    refused(here(written(little(), tmp_path), "--data", images), 1, f"Permission denied: '{images / 'birch'}'\n")


def test_images_that_are_all_held_out(images: Path, tmp_path: Path, here: Here) -> None:
    for path in images.rglob("*.*"):
        if not held_out(f"{path.parent.name}/{path.name}"):
            path.unlink()
    held = len(list(images.rglob("*.*")))
    complaint = f"error: {images} has no images to train on, and {held} for validation: add images, or divide them"
    done = here(written(little(), tmp_path), "--data", images, "--batch", "1")
    refused(done, 1, f"{complaint} into folders train/ and val/\n")


def test_a_batch_that_no_memory_holds(tmp_path: Path, here: Here) -> None:
    """100,000 pictures of 1.6 GB are more than processors can address."""
    graph = netspec.loads(
        "[image] input 1x20000x20000\n[conv1] conv filters=1 kernel=1 stride=20000 rounding=down\n[fc] fc outputs=3\n"
    ).graph
    done = here(written(graph, tmp_path), "--synthetic", "--batch", "100000")
    refused(done, 1, "error: not enough memory for a batch of 100000; see --batch\n")


def test_a_net_of_vectors_takes_only_made_up_ones(tmp_path: Path, here: Here) -> None:
    builder = Builder("vectors")
    builder.add("out", Linear(4), builder.add("relu", Relu(), builder.add("in", Linear(6), builder.input(5))))
    graph = builder.graph()
    path = written(replace(graph, train=replace(graph.train, batch=8)), tmp_path)
    refused(here(path, "--data", tmp_path), 2, "the network reads 5, not grey or RGB images")
    assert here(path, "--synthetic", "--steps", "2").returncode == 0


def test_a_diverging_training_is_stopped(tmp_path: Path, here: Here) -> None:
    graph = little()
    parameters = {key: replace(p, lr=1e30) for key, p in graph.parameters.items()}
    done = here(written(replace(graph, parameters=parameters), tmp_path), "--synthetic", "--steps", "20")
    refused(done, 1, "error: training has diverged: the loss is nan")


def test_a_network_without_weights_has_nothing_to_learn(tmp_path: Path, here: Here) -> None:
    done = here(written(netspec.loads("[image] input 10x1x1\n[prob] softmax\n").graph, tmp_path), "--synthetic")
    refused(done, 1, "error: nothing to learn: the network has no weights\n")


def test_class_scores_that_are_maps_are_no_classes(tmp_path: Path, here: Here) -> None:
    text = "[image] input 3x4x4\n[conv] conv filters=5 kernel=1\n[prob] softmax\n"
    done = here(written(netspec.loads(text).graph, tmp_path), "--synthetic")
    refused(done, 1, "error: the class scores are an image of 5x4x4: training needs one score per class\n")


def test_batch_normalisation_of_one_number_needs_two_images(tmp_path: Path, here: Here) -> None:
    path = written(netspec.loads(NORMALISED).graph, tmp_path)
    refused(here(path, "--synthetic"), 2, "--batch: bn normalises over the batch")
    assert here(path, "--synthetic", "--steps", "1", "--batch", "2").returncode == 0


@pytest.mark.parametrize("lr", [1e300, float("inf"), float("nan")])
def test_rates_beyond_float32_are_refused(lr: float, tmp_path: Path, here: Here) -> None:
    graph = little()
    parameters = {key: replace(p, lr=lr) for key, p in graph.parameters.items()}
    graph = replace(graph, parameters=parameters, train=replace(graph.train, lr=lr))
    done = here(written(graph, tmp_path), "--synthetic")
    refused(done, 1, f"error: the learning rate of conv1.weight is {lr:g}: that is no float32 number\n")


def test_more_threads_than_torch_survives(tmp_path: Path, here: Here) -> None:
    done = here(written(little(), tmp_path), "--synthetic", "--threads", "1000000")
    refused(done, 2, "--threads: no more than 1024")


def test_a_batch_that_its_parts_do_not_divide(tmp_path: Path, here: Here) -> None:
    graph = netspec.loads(NORMALISED.replace("batch=1", "batch=8 accumulate=4")).graph
    path = written(graph, tmp_path)
    refused(here(path, "--synthetic", "--batch", "6"), 2, "--batch: 6 images cannot be divided into 4 equal parts")
    refused(here(path, "--synthetic", "--batch", "4"), 2, "--batch: bn normalises over the batch and needs 8 images")
    assert here(path, "--synthetic", "--steps", "2").returncode == 0
