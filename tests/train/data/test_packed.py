"""Reading and training from a pack: the same images as in the folder, the stored statistics, and damaged packs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from click.testing import Result
from image_files import image_folder
from processes import invoke
from run_folders import launch, lines_in, newest_checkpoint, wait_until

from netspec.train.data.batches.loader import Loader
from netspec.train.data.packing import packing
from netspec.train.data.sources import shards
from netspec.train.data.sources.folder import open_folder
from netspec.train.data.sources.listing import list_folder
from netspec.train.data.sources.packed import open_packed
from netspec.train.data.splits import DecodedSplit, Frame, with_cache
from netspec.train.errors import TrainError

SIZE = 16
FRAME = Frame(3, SIZE, SIZE)
SPEC = """\
net tiny
[image] input 3x12x12 range=1 mean=image
[fc] fc outputs=2 init=gaussian(0.01)
[prob] softmax
train epochs=2 batch=8 optimizer=sgd(lr=0.01)
augment crop=12 from={stored} flip=horizontal colour=pca(0.1)
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder ``photos`` and its ``pack``."""
    root = tmp_path_factory.mktemp("packed")
    image_folder(root / "photos" / "train", {"cat": 15, "dog": 15})
    image_folder(root / "photos" / "val", {"cat": 2, "dog": 2})
    (root / "photos" / "train" / "cat" / "1.jpg").write_bytes(b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD", 8)
        packing.pack(list_folder(root / "photos"), root / "pack", SIZE, 1)
    return root


@pytest.fixture
def pack(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack of 30 training images, the second unreadable, in shards of 8, and 4 validation images, to be changed."""
    monkeypatch.setattr(shards, "SHARD", 8)
    copytree(packed, tmp_path, dirs_exist_ok=True)
    return tmp_path / "pack"


def train(data: Path, stored: int = SIZE) -> Result:
    arguments = ["train", "-", "--data", str(data), "--out", str(data) + "-run", "--threads", "1"]
    return invoke(*arguments, text=SPEC.format(stored=stored))


def test_pack_has_the_readable_images_of_its_folder(pack: Path) -> None:
    data, folder = open_packed(pack, FRAME), open_folder(pack.parent / "photos", FRAME)
    readable = [place for place in range(30) if place != 1]
    assert isinstance(data.train, DecodedSplit) and with_cache(data).train is data.train
    assert data.classes == folder.classes
    assert data.train.labels.tolist() == folder.train.labels[readable].tolist()
    for in_pack, in_folder in enumerate(readable):
        assert data.train.read(in_pack).tolist() == folder.train.read(in_folder).tolist()
        assert data.train.name(in_pack) == folder.train.name(in_folder)
    assert data.train.name(1) == "train/cat/10.jpg"
    assert data.validation is not None and len(data.validation.labels) == 4
    assert "1 image could not be read when it was packed" in data.notes[0]


def test_damaged_list_of_paths_is_an_error_where_one_is_needed(pack: Path) -> None:
    (pack / "train-files.json").write_text("[")
    with pytest.raises(TrainError, match=r"train-files.json cannot be read"):
        open_packed(pack).train.name(1)


def test_loader_reads_batches_from_a_pack(pack: Path) -> None:
    data = open_packed(pack)
    order = np.arange(29)[::-1].copy()
    with Loader(3, lambda problem: None) as loader:
        reading = loader.run(data.train, order, 4, keep_partial=False)
        batches = list(reading)
    assert [batch.indices.tolist() for batch in batches] == order[:28].reshape(7, 4).tolist()
    for batch in batches:
        for image, label, place in zip(batch.pixels, batch.labels, batch.indices, strict=True):
            assert image.tolist() == data.train.read(place).tolist() and label == data.train.labels[place]
    assert reading.finish().as_dict() == {"drawn": 29, "used": 28, "skipped": 0, "dropped": 1, "unreached": 0}


def test_statistics_are_stored_in_the_pack(pack: Path) -> None:
    statistics = open_packed(pack).statistics
    assert statistics is not None and statistics.images == 29
    images = np.array([open_packed(pack).train.read(place) for place in range(29)], np.float64)
    assert statistics.mean == pytest.approx(images.mean(axis=0))
    pixels = images.transpose(1, 0, 2, 3).reshape(3, -1)
    assert statistics.axes @ statistics.axes.T == pytest.approx(np.cov(pixels, bias=True))


def test_training_from_a_pack_counts_its_images(pack: Path) -> None:
    done = train(pack)
    assert done.exit_code == 0, done.output
    assert "6 steps, 58 images drawn: 48 used" in done.stdout
    assert "training set: 29 images, 0 unreadable" in done.stdout
    assert "on 4 validation images" in done.stdout


def test_pack_and_folder_give_the_same_losses(pack: Path) -> None:
    """The images, their order and their crops are the same, and so are the losses."""
    folder = pack.parent / "photos"
    (folder / "train" / "cat" / "1.jpg").unlink()
    losses = []
    for data in (folder, pack):
        assert train(data).exit_code == 0
        lines = Path(f"{data}-run", "metrics.jsonl").read_text().splitlines()
        losses.append([json.loads(line).get("loss") for line in lines])
    assert losses[0] == losses[1]


def test_wrong_stored_size_is_reported_with_both_sizes(pack: Path) -> None:
    done = train(pack, stored=20)
    assert done.exit_code == 1
    assert f"Error: {pack} is packed as 3x16x16, the network's images are stored as 3x20x20" in done.stderr
    with pytest.raises(TrainError) as caught:
        open_packed(pack, Frame(3, 12, 12))
    assert caught.value.notes[0].startswith("say augment from=16 for crops from the packed size")
    with pytest.raises(TrainError) as caught:
        open_packed(pack, Frame(1, 16, 16))
    assert "a pack has 3 channels" in caught.value.notes[0]


def truncate(pack: Path) -> None:
    path = pack / "train-00001.npy"
    path.write_bytes(path.read_bytes()[:-1])


def label_out_of_range(pack: Path) -> None:
    labels = np.load(pack / "train-labels.npy")
    labels[4] = 2
    np.save(pack / "train-labels.npy", labels)


def manifest(text: str) -> Callable[[Path], None]:
    def write(pack: Path) -> None:
        (pack / "manifest.json").write_text(text)

    return write


def changed(**values: object) -> Callable[[Path], None]:
    def write(pack: Path) -> None:
        content = json.loads((pack / "manifest.json").read_text())
        (pack / "manifest.json").write_text(json.dumps(content | values))

    return write


def unfinished(pack: Path) -> None:
    (pack / ".packing").mkdir()
    (pack / "manifest.json").rename(pack / ".packing" / "manifest.json")


def pickled_labels(pack: Path) -> None:
    np.save(pack / "train-labels.npy", np.array([{}], object))


def labels_of_another_type(pack: Path) -> None:
    np.save(pack / "train-labels.npy", np.load(pack / "train-labels.npy").astype(np.int64))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, r"train-00001.npy has 6,271 bytes, 6,272 are expected"),
        (lambda pack: (pack / "train-00002.npy").unlink(), r"the pack lacks .*train-00002.npy: No such file"),
        (label_out_of_range, r"label 2 of row 4 is out of range; the 2 classes are numbered 0 to 1"),
        (lambda pack: (pack / "mean.npy").write_bytes(b"x"), r"mean.npy cannot be read"),
        (lambda pack: np.save(pack / "mean.npy", np.zeros((3, 4, 4))), r"statistics are those of another size"),
        (labels_of_another_type, r"train-labels.npy is damaged: int64, shape \(30,\)"),
        (changed(colours={}), r"manifest.json: the colours are damaged: KeyError\('eigenvalues'\)"),
        (pickled_labels, r"train-labels.npy cannot be read: .*allow_pickle=False"),
        (manifest("{"), r"manifest.json is not the manifest of a pack"),
        (manifest("[]"), r"manifest.json is not the manifest of a pack"),
        (manifest('{"format": "other"}'), r"manifest.json is not the manifest of a pack: .*other"),
        (changed(size="8"), r"manifest.json is not the manifest of a pack: TypeError\(\"size is '8'\"\)"),
        (changed(splits={"train": {}}), r"manifest.json is not the manifest of a pack: KeyError\('folder'\)"),
        (changed(version=2), r"is of version 2 with 8 images a shard; this is version 1"),
        (unfinished, r"the pack .* is not finished"),
    ],
)
def test_damaged_pack_is_reported(pack: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(pack)
    with pytest.raises(TrainError, match=message):
        open_packed(pack)


def test_shard_deleted_after_opening_is_reported(pack: Path) -> None:
    data = open_packed(pack)
    data.train.read(0)
    (pack / "train-00000.npy").unlink()  # already open, and so still readable
    (pack / "train-00001.npy").unlink()
    assert data.train.read(1).any()
    with pytest.raises(TrainError, match=r"the pack lacks .*train-00001.npy"):
        data.train.read(8)


def test_shard_truncated_while_reading_is_reported(pack: Path) -> None:
    data = open_packed(pack)
    assert data.train.read(0).any()
    os.truncate(pack / "train-00000.npy", 3 * FRAME.bytes)
    assert data.train.read(0).any()
    with pytest.raises(TrainError, match=r"train-00000.npy has become shorter: 2,304 bytes are left"):
        data.train.read(5)


def test_shard_with_a_damaged_header_is_reported(pack: Path) -> None:
    path = pack / "train-00000.npy"
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(TrainError, match=r"train-00000.npy is damaged: it does not begin as a shard of 3x16x16"):
        open_packed(pack).train.read(0)


def test_pack_is_readable_without_preadv(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = open_packed(pack)
    expected = [data.train.read(place).tolist() for place in range(29)]
    monkeypatch.delattr(os, "preadv")
    assert [data.train.read(place).tolist() for place in range(29)] == expected


def test_more_shards_than_open_files_are_readable(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.train.data.sources.packed.MAX_OPEN_FILES", 1)
    data, folder = open_packed(pack), open_folder(pack.parent / "photos", FRAME)
    for place in (0, 28, 5, 12, 28):
        assert data.train.read(place).tolist() == folder.train.read(place + (place > 0)).tolist()


@pytest.mark.ci
@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be truncated")
def test_training_on_a_truncated_pack_fails_and_can_resume(tmp_path: Path) -> None:
    image_folder(tmp_path / "photos" / "train", {"cat": 20, "dog": 20})
    packing.pack(list_folder(tmp_path / "photos"), tmp_path / "pack", SIZE, 1)
    shard = tmp_path / "pack" / "train-00000.npy"
    whole = shard.read_bytes()
    (tmp_path / "tiny.net").write_text(SPEC.format(stored=SIZE))
    process = launch(tmp_path, "tiny.net", "--data", "pack", "--out", "run", "--epochs", "100000", "--threads", "1")
    wait_until(lambda: lines_in(tmp_path / "run" / "metrics.jsonl") > 3 or not process.is_alive())
    os.truncate(shard, len(whole) // 2)
    process.join(60)
    err = (tmp_path / "err").read_text()
    assert process.exitcode == 1, err
    assert f"Error: pack/train-00000.npy has become shorter: {len(whole) // 2:,} bytes are left\n  put the file" in err
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "failed"
    shard.write_bytes(whole)
    step = newest_checkpoint(tmp_path / "run")["step"]
    process = launch(tmp_path, "--resume", "run", "--steps", str(step + 5))
    process.join(60)
    assert process.exitcode == 0, (tmp_path / "err").read_text()
