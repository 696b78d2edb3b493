"""Packing an image folder: what is written and counted, and continuing after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from image_files import image_folder, one_colour
from multi_device import all_end
from processes import invoke
from run_folders import wait_until

from netspec.train import files
from netspec.train.data.packing import outfolder, packing, sealing
from netspec.train.data.packing.processes import in_processes
from netspec.train.data.sources import shards
from netspec.train.data.sources.decode import read_image
from netspec.train.data.sources.listing import list_folder
from netspec.train.data.splits import Frame
from netspec.train.errors import RequestError, TrainError
from netspec.train.locking import exclusive_lock

SIZE = 16
FRAME = Frame(3, SIZE, SIZE)

PAUSING = """
import sys, time
from netspec.train.data.packing import packing
from netspec.train.data.sources import folder, shards
shards.SHARD, packing.CHUNK = 8, 4
read_image, images_left = folder.read_image, int(sys.argv.pop(1))
def pausing(path, frame):
    global images_left
    images_left -= 1
    if images_left == 0:
        time.sleep(600)
    return read_image(path, frame)
folder.read_image = pausing
from netspec.cli import main
main()
"""
"""The command with an image number before its arguments: it pauses before reading this image, to be killed.

It works only with one process, since other processes would not have these changes."""


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with 50 training images, one of them empty, and 6 validation images, one truncated; in shards of 8."""
    monkeypatch.setattr(shards, "SHARD", 8)
    monkeypatch.setattr(packing, "CHUNK", 4)
    root = tmp_path / "photos"
    image_folder(root / "train", {"cat": 30, "dog": 20})
    image_folder(root / "val", {"cat": 3, "dog": 3})
    (root / "train/cat/13.jpg").write_bytes(b"")
    whole = (root / "val/dog/1.jpg").read_bytes()
    (root / "val/dog/1.jpg").write_bytes(whole[: len(whole) // 2])
    return root


def pack(root: Path, out: Path, *more: str) -> Result:
    arguments = ["pack", str(root), "-o", str(out), "--size", str(SIZE), "--processes", "1", *more]
    return invoke(*arguments)


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def test_packed_images_are_the_decoded_ones(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = pack(photos, out)
    assert done.exit_code == 0, done.output
    listing = list_folder(photos)
    labels = np.load(out / "train-labels.npy")
    rows = np.concatenate([np.load(out / f"train-{number:05d}.npy") for number in range(7)])
    assert rows.shape == (50, 3, SIZE, SIZE) and rows.dtype == np.uint8
    assert json.loads((out / "train-files.json").read_text()) == list(listing.train.names)
    for row, name, label, expected in zip(rows, listing.train.names, labels, listing.train.labels, strict=True):
        if name == "cat/13.jpg":
            assert label == -1 and not row.any()
        else:
            assert label == expected and row.tolist() == read_image(photos / "train" / name, FRAME).tolist()


def test_counts_add_up_and_unreadable_images_are_named(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = pack(photos, out)
    assert done.stdout.splitlines() == [
        "train: 50 images = 49 packed + 1 unreadable",
        "val: 6 images = 5 packed + 1 unreadable",
        f"2 classes, {sum(len(content) for content in contents(out).values()) / 1000:.1f} kB: {out}",
    ]
    assert "warning: train/cat/13.jpg left out: the file is empty" in done.stderr
    first, second = (json.loads(line) for line in (out / "unreadable.jsonl").read_text().splitlines())
    assert first == {"split": "train", "path": "train/cat/13.jpg", "reason": "the file is empty"}
    assert (second["split"], second["path"]) == ("val", "val/dog/1.jpg") and "truncated" in second["reason"].lower()
    assert pack(photos, tmp_path / "again", "--strict", "--quiet").exit_code == 1


def test_statistics_are_those_of_the_readable_images(photos: Path, tmp_path: Path) -> None:
    """Compared with NumPy's mean and covariance of all pixels."""
    out = tmp_path / "out"
    pack(photos, out)
    rows = np.concatenate([np.load(out / f"train-{number:05d}.npy") for number in range(7)]).astype(np.float64)
    good = rows[np.load(out / "train-labels.npy") >= 0]
    assert len(good) == 49
    assert np.load(out / "mean.npy") == pytest.approx(good.mean(axis=0))
    colours = json.loads((out / "manifest.json").read_text())["colours"]
    pixels = good.transpose(1, 0, 2, 3).reshape(3, -1)
    assert np.array(colours["mean"]) == pytest.approx(pixels.mean(axis=1))
    assert np.array(colours["covariance"]) == pytest.approx(np.cov(pixels, bias=True))
    values, vectors = np.array(colours["eigenvalues"]), np.array(colours["eigenvectors"])
    assert vectors @ np.diag(values) @ vectors.T == pytest.approx(np.cov(pixels, bias=True))


@pytest.mark.ci
def test_number_of_processes_does_not_change_the_pack(photos: Path, tmp_path: Path) -> None:
    pack(photos, tmp_path / "one")
    done = pack(photos, tmp_path / "two", "--processes", "2")
    assert done.exit_code == 0, done.output
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.ci
def test_packing_continues_after_a_failure_of_any_write(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All files are written by one function. It fails at each of its calls in turn, and the command is repeated."""
    pack(photos, tmp_path / "whole")
    expected = contents(tmp_path / "whole")
    real = files.write_atomically
    failures = 0
    for fail_at in range(1, 100):
        calls = 0

        def write(path: Path, content: bytes, fail_at: int = fail_at) -> None:
            nonlocal calls
            calls += 1
            if calls == fail_at:
                raise OSError(28, "No space left on device", str(path))
            real(path, content)

        for module in (packing, sealing, outfolder):
            monkeypatch.setattr(module, "write_atomically", write)
        out = tmp_path / f"out{fail_at}"
        first = pack(photos, out)
        if first.exit_code == 0:
            break
        failures += 1
        assert first.exit_code == 1 and "No space left on device" in first.stderr, first.output
        assert not (out / "manifest.json").exists()
        assert pack(photos, out).exit_code == 0
        assert contents(out) == expected
    # The record of the source, 8 shards, labels and file names of 2 splits, mean, unreadable files, manifest.
    assert failures == 1 + 8 + 2 * 2 + 3


@pytest.mark.ci  # several processes
def test_packing_continues_after_kills(photos: Path, tmp_path: Path) -> None:
    pack(photos, tmp_path / "whole")
    out = tmp_path / "out"
    options = ["pack", str(photos), "-o", str(out), "--size", str(SIZE), "--quiet", "--processes", "1"]
    # Complete shards are not read again: the second and third attempts begin with the 9th and the 33rd image of 50.
    for place, shard in ((12, "train-00000.npy"), (28, "train-00003.npy"), (21, "train-00006.npy")):
        command = [sys.executable, "-c", PAUSING, str(place), *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            wait_until((out / shard).exists)
            time.sleep(0.1)  # to get into the next shard
            process.kill()
        assert process.returncode == -signal.SIGKILL
        assert not (out / "manifest.json").exists()
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("train-0*.npy")}
    assert len(before) == 7
    command = [sys.executable, "-c", PAUSING, "0", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before  # not written again
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.ci  # several processes
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_reader_processes_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    image_folder(tmp_path / "photos", {"cat": 400}, size=(200, 200))
    command = [sys.executable, "-m", "netspec", "pack", str(tmp_path / "photos"), "-o", str(tmp_path / "out")]
    with subprocess.Popen([*command, "--processes", "2", "--quiet"]) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        started: list[str] = []
        deadline = time.monotonic() + 60
        while len(started) < 3 and time.monotonic() < deadline:  # two readers and Python's resource tracker
            started = children.read_text().split()
        process.kill()
    assert len(started) == 3 and all_end([int(pid) for pid in started], 30)


def test_finished_pack_is_left_alone(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pack(photos, out)
    before = contents(out)
    done = pack(photos, out)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{out} is already a complete pack of this folder; nothing was done\ntrain: 50 ")
    assert contents(out) == before


@pytest.mark.parametrize("change", ["new file", "replaced file", "other size", "unfinished"])
def test_pack_of_another_source_is_not_overwritten(photos: Path, tmp_path: Path, change: str) -> None:
    out = tmp_path / "out"
    pack(photos, out)
    if change == "new file":
        one_colour((1, 2, 3)).save(photos / "train/cat/new.png")
    elif change == "replaced file":
        one_colour((1, 2, 3), (99, 50)).save(photos / "train/cat/1.jpg")
    elif change == "unfinished":
        (out / ".packing").mkdir()
        (out / "manifest.json").rename(out / ".packing" / "manifest.json")
        (photos / "train/cat/1.jpg").unlink()
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.is_file()}
    done = pack(photos, out, *(["--size", "32"] if change == "other size" else []))
    assert done.exit_code == 2
    assert "pack of another source" in done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.is_file()} == before


def test_folder_with_other_files_is_not_used(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("x")
    done = pack(photos, tmp_path / "out")
    assert done.exit_code == 2 and "is a folder with something in it" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]
    assert "is a file" in pack(photos, tmp_path / "out" / "thesis.tex").stderr


def test_folder_that_cannot_be_made_is_a_wrong_request(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    out = tmp_path / "file" / "out"
    done = pack(photos, out)
    assert done.exit_code == 2 and done.stderr.endswith(f"Error: cannot make the folder {out}: Not a directory\n")


def test_pack_inside_its_source_is_rejected(photos: Path) -> None:
    done = pack(photos, photos / "packed")
    assert done.exit_code == 2 and "lies in" in done.stderr and not (photos / "packed").exists()


def test_lock_is_released_before_its_folder_is_removed(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows cannot remove a folder with an open file in it."""
    released: list[bool] = []

    def remove(kept: Path, ignore_errors: bool = False) -> None:
        with exclusive_lock(kept / "lock"):  # raises if the lock is held
            released.append(True)

    monkeypatch.setattr(outfolder.shutil, "rmtree", remove)
    assert pack(photos, tmp_path / "out").exit_code == 0 and released == [True]


def test_second_process_cannot_pack_into_the_same_folder(photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="Windows has no file locks of this kind")
    listing = list_folder(photos)
    with (
        outfolder.claim(photos, tmp_path / "out", "same"),
        pytest.raises(RequestError, match="another process is packing into"),
        outfolder.claim(photos, tmp_path / "out", "same"),
    ):
        pass
    assert packing.pack(listing, tmp_path / "other", SIZE, 1).splits["train"].stored == 49


def test_files_changed_while_packing_are_read_or_counted(photos: Path, tmp_path: Path) -> None:
    """A file deleted after the listing is unreadable, and a replaced one is read with its new content."""
    listing = list_folder(photos)
    (photos / "train/dog/0.jpg").unlink()
    one_colour((9, 9, 9)).save(photos / "train/dog/1.jpg", quality=100)
    packed = packing.pack(listing, tmp_path / "out", SIZE, 1)
    assert packed.splits["train"] == sealing.Counts(50, 48, 2)
    assert "the file is no longer there" in (tmp_path / "out" / "unreadable.jsonl").read_text()
    place = listing.train.names.index("dog/1.jpg")
    stored = np.load(tmp_path / "out" / f"train-{place // 8:05d}.npy")[place % 8]
    assert abs(stored.astype(int) - 9).max() <= 2


def test_source_without_readable_images_is_an_error(tmp_path: Path) -> None:
    image_folder(tmp_path / "photos", {"cat": 2})
    for path in (tmp_path / "photos" / "cat").iterdir():
        path.write_bytes(b"")
    done = pack(tmp_path / "photos", tmp_path / "out")
    assert done.exit_code == 1 and "none of the 2 training images" in done.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_killed_reader_process_is_reported() -> None:
    with pytest.raises(TrainError, match="a process that reads images was killed"):
        list(in_processes(os._exit, iter([1]), 2))


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (("nowhere", "-o", "out"), "there is no folder nowhere", 2),
        (("empty", "-o", "out"), "empty holds no folders", 1),
        (("empty",), "Missing option '-o'", 2),
        (("photos", "--output", "out", "--val-labels", "nowhere.txt"), "--val-labels is for images without", 1),
    ],
)
def test_arguments_that_cannot_be_packed_are_rejected(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    done = invoke("pack", *arguments)
    assert done.exit_code == code and message in done.stderr and not Path("out").exists()
