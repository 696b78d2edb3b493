"""Opening runs and checkpoints, whole, damaged and other people's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_network import SPEC

from netspec.train.data.picture import Frame
from netspec.train.errors import RequestError, TrainError
from netspec.train.runs import checkpoint
from netspec.train.runs.reading import read_checkpoint, sha256
from netspec.train.runs.saved import Saved, open_run


def opened(path: Path) -> tuple[Saved, list[str]]:
    told: list[str] = []
    return open_run(path, told.append), told


def copied(run: Path, tmp_path: Path) -> tuple[Path, list[Path]]:
    """A copy of the run, and its checkpoints, the oldest first."""
    folder = Path(shutil.copytree(run, tmp_path / "copy"))
    return folder, checkpoint.saved(folder / "checkpoints")


def rewritten(path: Path, **changes: Any) -> None:
    """Give a checkpoint other values; ``None`` takes one away."""
    state = checkpoint.load(path)
    state.update(changes)
    torch.save({key: value for key, value in state.items() if value is not None}, path)


def test_a_run_and_its_checkpoint_say_the_same(run: Path) -> None:
    whole, told = opened(run)
    newest = checkpoint.saved(run / "checkpoints")[-1]
    alone, _ = opened(newest)
    assert told == []
    assert (whole.path, whole.folder, alone.folder, whole.step) == (newest, run, run, 8)
    assert (whole.name, whole.data, whole.graph.name) == (str(run), "synthetic", "tiny")
    assert whole.classes == alone.classes == tuple(f"texture {number}" for number in range(4))
    assert whole.net.source.text == SPEC
    assert alone.state.keys() == whole.state.keys()


def test_the_module_has_the_weights_and_is_not_in_training(run: Path) -> None:
    saved, _ = opened(run)
    module = saved.objective("cpu").module
    assert not module.training
    weights = checkpoint.load(saved.path)["weights"]
    assert all(torch.equal(tensor, weights[key]) for key, tensor in module.state_dict().items())


def test_the_preparation_is_the_trainings(run: Path) -> None:
    saved, _ = opened(run)
    prepare = saved.preparation(Frame(3, 14, 14), 255, "cpu")
    assert torch.equal(prepare.mean, checkpoint.load(saved.path)["preparation"]["mean"])
    assert tuple(prepare.mean.shape) == (3, 14, 14)
    with pytest.raises(TrainError, match="subtracts a mean image of 3x14x14, the pictures are 3x16x16"):
        saved.preparation(Frame(3, 16, 16), 255, "cpu")


def test_a_moving_average_is_what_a_network_is_judged_by(run: Path, tmp_path: Path) -> None:
    folder, (*_, newest) = copied(run, tmp_path)
    average = {key: tensor + 1 for key, tensor in checkpoint.load(newest)["weights"].items()}
    rewritten(newest, average={"updates": 8, "weights": average})
    saved, _ = opened(folder)
    assert all(torch.equal(saved.weights[key], tensor) for key, tensor in average.items())


def test_a_folder_that_is_no_run(run: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="is no run, but a run's folder of checkpoints") as caught:
        open_run(run / "checkpoints", print)
    assert caught.value.notes == (f"did you mean {run}?",)
    with pytest.raises(TrainError, match="is no run: there are no checkpoints in it") as caught:
        opened(tmp_path)
    assert "a folder that netspec train writes" in caught.value.notes[0]
    with pytest.raises(TrainError) as caught:
        opened(run.parent)
    assert caught.value.notes == (f"1 run in it: {run}",)
    assert caught.value.exit_code == 1


def test_a_name_that_is_not_there(run: Path) -> None:
    with pytest.raises(RequestError, match="there is no run and no checkpoint called") as caught:
        opened(run.with_name("rum"))
    assert caught.value.notes == (f"did you mean {run}?",)
    assert caught.value.exit_code == 2


def test_a_damaged_newest_checkpoint_gives_way_to_the_one_before(run: Path, tmp_path: Path) -> None:
    folder, (before, newest) = copied(run, tmp_path)
    newest.write_bytes(newest.read_bytes()[:1000])
    saved, (told,) = opened(folder)
    assert saved.path == before
    assert str(newest) in told and told.endswith(f"taking the checkpoint before it, {before.name}")


def test_no_readable_checkpoint(run: Path, tmp_path: Path) -> None:
    folder, found = copied(run, tmp_path)
    for path in found:
        path.write_bytes(b"")
    with pytest.raises(TrainError, match=r"no checkpoint of .* can be read") as caught:
        opened(folder)
    assert len(caught.value.notes) == len(found) == 2


def test_one_wrong_bit_in_a_tensor_is_found(run: Path, tmp_path: Path) -> None:
    _, (*_, newest) = copied(run, tmp_path)
    data = bytearray(newest.read_bytes())
    weight = checkpoint.load(newest)["weights"]["conv1.weight"].numpy().tobytes()
    data[data.index(weight) + 10] ^= 1
    newest.write_bytes(data)
    with pytest.raises(TrainError, match=r"is damaged: the checksum of .* in it is wrong"):
        read_checkpoint(newest)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"format": 99}, "is of format 99, this netspec reads"),
        ({"format": None}, "is no checkpoint of netspec's"),
        ({"classes": None}, "is an incomplete checkpoint: it lacks classes"),
        ({"weights": "none"}, "is an incomplete checkpoint: it lacks weights"),
        ({"spec": "net other\n"}, "contradicts itself"),
    ],
)
def test_what_is_no_whole_checkpoint(run: Path, tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    _, (*_, newest) = copied(run, tmp_path)
    rewritten(newest, **changes)
    with pytest.raises(TrainError, match=complaint):
        read_checkpoint(newest)


def test_a_changed_spec_is_refused_and_the_checkpoint_alone_is_not(run: Path, tmp_path: Path) -> None:
    folder, (*_, newest) = copied(run, tmp_path)
    (folder / "spec.net").write_text(SPEC.replace("views=10", "views=1"))
    with pytest.raises(TrainError, match=r"is not the spec that .* was trained as") as caught:
        opened(folder)
    assert caught.value.notes[-1].endswith(str(newest))
    assert opened(newest)[0].graph.test.views == 10


def test_weights_that_are_not_the_specs(run: Path, tmp_path: Path) -> None:
    folder, (*_, newest) = copied(run, tmp_path)
    weights = checkpoint.load(newest)["weights"]
    weights["conv9.weight"] = weights.pop("fc4.weight")
    weights["fc4.bias"] = torch.zeros(5)
    rewritten(newest, weights=weights)
    saved, _ = opened(folder)
    with pytest.raises(TrainError, match="are not those of its spec") as caught:
        saved.objective("cpu")
    assert caught.value.notes == (
        "fc4.weight is missing",
        "conv9.weight has no place in the network",
        "fc4.bias is 5 in the file, 4 in the network",
    )


def test_a_spec_that_no_longer_checks(run: Path, tmp_path: Path) -> None:
    folder, (*_, newest) = copied(run, tmp_path)
    text = SPEC.replace("kernel=5", "kernal=5")
    rewritten(newest, spec=text, spec_sha256=sha256(text))
    (folder / "spec.net").unlink()
    with pytest.raises(TrainError, match="does not check with this version") as caught:
        opened(folder)
    assert caught.value.notes[0].startswith("unknown-key: ")


@pytest.mark.parametrize(
    ("text", "range_"),
    [
        (SPEC, 1),
        (SPEC.replace("range=1 ", ""), 255),
        (SPEC.replace("range=1 ", "").replace("default conv", "default input range=1\ndefault conv"), 1),
    ],
    ids=["said", "not said", "said by a default"],
)
def test_older_checkpoints_keep_the_range_that_was_the_default(
    text: str, range_: int, run: Path, tmp_path: Path
) -> None:
    _, files = copied(run, tmp_path)
    held = checkpoint.load(files[-1])["preparation"]
    older = {key: value for key, value in held.items() if key not in ("range", "std")}
    rewritten(files[-1], spec=text, spec_sha256=sha256(text), preparation=older)
    saved, _ = opened(files[-1])
    assert saved.graph.preprocessing.range == range_
    assert saved.preparation(Frame(3, 14, 14), 255, "cpu").range == range_


def test_a_checkpoint_keeps_its_range_whatever_becomes_the_default(run: Path, tmp_path: Path) -> None:
    _, files = copied(run, tmp_path)
    held, text = checkpoint.load(files[-1])["preparation"], SPEC.replace("range=1 ", "")
    rewritten(files[-1], spec=text, spec_sha256=sha256(text), preparation=held)
    assert opened(files[-1])[0].graph.preprocessing.range == held["range"] == 1
