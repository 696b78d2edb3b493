"""Packing an image folder: what is written, what is counted, and that a killed packing goes on to the same bytes."""

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
from click.testing import CliRunner, Result
from pictures import flat, tree

from netspec.cli import main
from netspec.train import files
from netspec.train.data.packing import outfolder, packing, sealing
from netspec.train.data.picture import Frame
from netspec.train.data.sources import shards
from netspec.train.data.sources.decode import read_image
from netspec.train.data.sources.listing import list_folder
from netspec.train.errors import RequestError, TrainError
from netspec.train.locking import exclusive_lock

SIZE = 16
FRAME = Frame(3, SIZE, SIZE)

STOPPING = """
import sys, time
from netspec.train.data.packing import packing
from netspec.train.data.sources import shards
shards.SHARD, packing.CHUNK = 8, 4
real, left = packing.read_image, int(sys.argv.pop(1))
def stopping(path, frame):
    global left
    left -= 1
    if left == 0:
        time.sleep(600)
    return real(path, frame)
packing.read_image = stopping
from netspec.cli import main
main()
"""
"""The command, which waits to be killed at its so many-th image. (With one process, which these changes reach.)"""


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """50 images to train on in shards of 8, one of them empty; 6 to validate on, one of them cut off."""
    monkeypatch.setattr(shards, "SHARD", 8)
    monkeypatch.setattr(packing, "CHUNK", 4)
    root = tmp_path / "photos"
    tree(root / "train", {"cat": 30, "dog": 20})
    tree(root / "val", {"cat": 3, "dog": 3})
    (root / "train/cat/13.jpg").write_bytes(b"")
    whole = (root / "val/dog/1.jpg").read_bytes()
    (root / "val/dog/1.jpg").write_bytes(whole[: len(whole) // 2])
    return root


def pack(root: Path, out: Path, *more: str) -> Result:
    arguments = ["pack", str(root), "-o", str(out), "--size", str(SIZE), "--processes", "1", *more]
    return CliRunner().invoke(main, arguments)


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def test_what_is_packed_is_what_decoding_gives(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = pack(photos, out)
    assert done.exit_code == 0, done.output
    listing = list_folder(photos)
    labels = np.load(out / "train-labels.npy")
    rows = np.concatenate([np.load(out / f"train-{number:05d}.npy") for number in range(7)])
    assert rows.shape == (50, 3, SIZE, SIZE) and rows.dtype == np.uint8
    assert json.loads((out / "train-files.json").read_text()) == list(listing.train.names)
    for row, name, label, known in zip(rows, listing.train.names, labels, listing.train.labels, strict=True):
        if name == "cat/13.jpg":
            assert label == -1 and not row.any()
        else:
            assert label == known and row.tolist() == read_image(photos / "train" / name, FRAME).tolist()


def test_the_counts_add_up_and_the_unreadable_are_named(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = pack(photos, out)
    assert done.stdout.splitlines() == [
        "train: 50 images = 49 packed + 1 unreadable",
        "val: 6 images = 5 packed + 1 unreadable",
        f"2 classes, {sum(len(content) for content in contents(out).values()) / 1000:.1f} kB: {out}",
    ]
    assert "warning: left out, cannot be read: train/cat/13.jpg: the file is empty" in done.stderr
    assert [json.loads(line) for line in (out / "unreadable.jsonl").read_text().splitlines()] == [
        {"split": "train", "path": "train/cat/13.jpg", "reason": "the file is empty"},
        {"split": "val", "path": "val/dog/1.jpg", "reason": json.loads(
            (out / "unreadable.jsonl").read_text().splitlines()[1])["reason"]},
    ]  # fmt: skip
    assert pack(photos, tmp_path / "again", "--strict", "--quiet").exit_code == 1


def test_mean_and_colours_are_those_of_the_readable_images(photos: Path, tmp_path: Path) -> None:
    """Against numpy's own mean and covariance of all pixels at once."""
    out = tmp_path / "out"
    pack(photos, out)
    rows = np.concatenate([np.load(out / f"train-{number:05d}.npy") for number in range(7)]).astype(np.float64)
    good = rows[np.load(out / "train-labels.npy") >= 0]
    assert len(good) == 49
    assert np.load(out / "mean.npy") == pytest.approx(good.mean(axis=0))
    found = json.loads((out / "manifest.json").read_text())["colours"]
    pixels = good.transpose(1, 0, 2, 3).reshape(3, -1)
    assert np.array(found["mean"]) == pytest.approx(pixels.mean(axis=1))
    assert np.array(found["covariance"]) == pytest.approx(np.cov(pixels, bias=True))
    values, vectors = np.array(found["eigenvalues"]), np.array(found["eigenvectors"])
    assert vectors @ np.diag(values) @ vectors.T == pytest.approx(np.cov(pixels, bias=True))


def test_any_number_of_processes_writes_the_same(photos: Path, tmp_path: Path) -> None:
    pack(photos, tmp_path / "one")
    done = pack(photos, tmp_path / "two", "--processes", "2")
    assert done.exit_code == 0, done.output
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.ci
def test_a_packing_that_fails_at_any_write_goes_on_to_the_same_bytes(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file is written by one function: it fails once at each call, after which the command is given again."""
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
    # The source's mark, 8 shards, labels and files of 2 splits, the mean, the unreadable, the manifest.
    assert failures == 1 + 8 + 2 * 2 + 3


@pytest.mark.ci  # several processes
def test_kill_9_and_again(photos: Path, tmp_path: Path) -> None:
    pack(photos, tmp_path / "whole")
    out = tmp_path / "out"
    options = ["pack", str(photos), "-o", str(out), "--size", str(SIZE), "--quiet", "--processes", "1"]
    # The second and third attempts begin with the 9th and the 33rd image of 50: what is whole is not read again.
    for place, shard in ((12, "train-00000.npy"), (28, "train-00003.npy"), (21, "train-00006.npy")):
        command = [sys.executable, "-c", STOPPING, str(place), *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            _wait_for(out / shard)
            time.sleep(0.1)  # to be within the next shard
            process.kill()
        assert process.returncode == -signal.SIGKILL
        assert not (out / "manifest.json").exists()
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("train-0*.npy")}
    assert len(before) == 7
    command = [sys.executable, "-c", STOPPING, "0", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before  # gone on, not begun again
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.ci  # several processes
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_the_readers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    tree(tmp_path / "photos", {"cat": 400}, size=(200, 200))
    command = [sys.executable, "-m", "netspec", "pack", str(tmp_path / "photos"), "-o", str(tmp_path / "out")]
    with subprocess.Popen([*command, "--processes", "2", "--quiet"]) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        started: list[str] = []
        deadline = time.monotonic() + 60
        while len(started) < 3 and time.monotonic() < deadline:  # two readers, and Python's own helper
            started = children.read_text().split()
        process.kill()
    deadline = time.monotonic() + 30
    while any(_runs(pid) for pid in started) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(started) == 3 and not any(_runs(pid) for pid in started)


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    assert path.exists()


def test_a_finished_pack_says_so(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pack(photos, out)
    before = contents(out)
    done = pack(photos, out)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{out} is already a complete pack of this folder; nothing was done\ntrain: 50 ")
    assert contents(out) == before


@pytest.mark.parametrize("change", ["a file more", "a file of another size", "another size", "unfinished"])
def test_a_pack_of_another_source_is_left_alone(photos: Path, tmp_path: Path, change: str) -> None:
    out = tmp_path / "out"
    pack(photos, out)
    if change == "a file more":
        flat((1, 2, 3)).save(photos / "train/cat/new.png")
    elif change == "a file of another size":
        flat((1, 2, 3), (99, 50)).save(photos / "train/cat/1.jpg")
    elif change == "unfinished":
        (out / ".packing").mkdir()
        (out / "manifest.json").rename(out / ".packing" / "manifest.json")
        (photos / "train/cat/1.jpg").unlink()
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.is_file()}
    done = pack(photos, out, *(["--size", "32"] if change == "another size" else []))
    assert done.exit_code == 2
    assert "pack of another source" in done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.is_file()} == before


def test_a_folder_with_something_else_in_it_is_left_alone(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("x")
    done = pack(photos, tmp_path / "out")
    assert done.exit_code == 2 and "is a folder with something in it" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]
    assert "is a file" in pack(photos, tmp_path / "out" / "thesis.tex").stderr


def test_a_pack_does_not_go_into_its_source(photos: Path) -> None:
    done = pack(photos, photos / "packed")
    assert done.exit_code == 2 and "lies in" in done.stderr and not (photos / "packed").exists()


def test_the_lock_is_let_go_of_before_its_folder_is_removed(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows removes no folder with a file in it that is open."""
    free: list[bool] = []

    def remove(kept: Path, ignore_errors: bool = False) -> None:
        with exclusive_lock(kept / "lock"):  # a lock that is held would be an exception
            free.append(True)

    monkeypatch.setattr(outfolder.shutil, "rmtree", remove)
    assert pack(photos, tmp_path / "out").exit_code == 0 and free == [True]


def test_two_at_once_are_one_too_many(photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    listing = list_folder(photos)
    with (
        outfolder.claim(photos, tmp_path / "out", "same"),
        pytest.raises(RequestError, match="another process is packing into"),
        outfolder.claim(photos, tmp_path / "out", "same"),
    ):
        pass
    assert packing.pack(listing, tmp_path / "other", SIZE, 1).splits["train"].stored == 49


def test_a_file_that_goes_away_while_packing_is_counted(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the listing and the reading: what has been deleted is unreadable, what has been replaced is read."""
    listing = list_folder(photos)
    (photos / "train/dog/0.jpg").unlink()
    flat((9, 9, 9)).save(photos / "train/dog/1.jpg", quality=100)
    packed = packing.pack(listing, tmp_path / "out", SIZE, 1)
    assert packed.splits["train"] == sealing.Counts(50, 48, 2)
    assert "the file is no longer there" in (tmp_path / "out" / "unreadable.jsonl").read_text()
    place = listing.train.names.index("dog/1.jpg")
    stored = np.load(tmp_path / "out" / f"train-{place // 8:05d}.npy")[place % 8]
    assert abs(stored.astype(int) - 9).max() <= 2


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    tree(tmp_path / "photos", {"cat": 2})
    for path in (tmp_path / "photos" / "cat").iterdir():
        path.write_bytes(b"")
    done = pack(tmp_path / "photos", tmp_path / "out")
    assert done.exit_code == 1 and "none of the 2 training images" in done.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_reader_that_is_killed_is_told(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netspec.train.data.packing.processes import in_processes

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
def test_what_cannot_be_packed(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    done = CliRunner().invoke(main, ["pack", *arguments])
    assert done.exit_code == code and message in done.stderr and not Path("out").exists()
