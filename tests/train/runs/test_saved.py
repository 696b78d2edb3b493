"""Opening runs and checkpoints, complete, damaged, and of other origin."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_network import SPEC

from netspec.train.data.splits import Frame
from netspec.train.errors import RequestError, TrainError
from netspec.train.runs import checkpoint
from netspec.train.runs.reading import read_checkpoint, sha256
from netspec.train.runs.saved import Saved, open_run


def open_with_warnings(path: Path) -> tuple[Saved, list[str]]:
    warnings: list[str] = []
    return open_run(path, warnings.append), warnings


def copy_run(run: Path, tmp_path: Path) -> tuple[Path, list[Path]]:
    """Copy a run, and return the copy's folder and its checkpoints, oldest first."""
    folder = Path(shutil.copytree(run, tmp_path / "copy"))
    return folder, checkpoint.list_checkpoints(folder / "checkpoints")


def rewrite(path: Path, **changes: Any) -> None:
    """Replace values of a checkpoint. ``None`` removes one."""
    state = checkpoint.load(path)
    state.update(changes)
    torch.save({key: value for key, value in state.items() if value is not None}, path)


def test_run_and_its_checkpoint_open_as_the_same(run: Path) -> None:
    whole, warnings = open_with_warnings(run)
    newest = checkpoint.list_checkpoints(run / "checkpoints")[-1]
    alone, _ = open_with_warnings(newest)
    assert warnings == []
    assert (whole.path, whole.folder, alone.folder, whole.step) == (newest, run, run, 8)
    assert (whole.name, whole.data, whole.graph.name) == (str(run), "synthetic", "tiny")
    assert whole.classes == alone.classes == tuple(f"texture {number}" for number in range(4))
    assert whole.net.source.text == SPEC
    assert alone.state.keys() == whole.state.keys()


def test_module_has_the_weights_and_is_in_eval_mode(run: Path) -> None:
    saved, _ = open_with_warnings(run)
    module = saved.objective("cpu").module
    assert not module.training
    weights = checkpoint.load(saved.path)["weights"]
    assert all(torch.equal(tensor, weights[key]) for key, tensor in module.state_dict().items())


def test_preparation_is_that_of_the_training(run: Path) -> None:
    saved, _ = open_with_warnings(run)
    prepare = saved.preparation(Frame(3, 14, 14), 255, "cpu")
    stored = checkpoint.load(saved.path)["preparation"]
    assert torch.equal(prepare.mean, stored["mean"])
    assert (stored["peak"], stored["range"]) == (255, 1)  # which a program without netspec needs
    assert tuple(prepare.mean.shape) == (3, 14, 14)
    with pytest.raises(TrainError, match="subtracts a mean image of 3x14x14, the images are 3x16x16"):
        saved.preparation(Frame(3, 16, 16), 255, "cpu")


def test_moving_average_is_used_if_there_is_one(run: Path, tmp_path: Path) -> None:
    folder, (*_, newest) = copy_run(run, tmp_path)
    average = {key: tensor + 1 for key, tensor in checkpoint.load(newest)["weights"].items()}
    rewrite(newest, average={"updates": 8, "weights": average})
    saved, _ = open_with_warnings(folder)
    assert all(torch.equal(saved.weights[key], tensor) for key, tensor in average.items())


def test_folder_that_is_not_a_run_gets_a_suggestion(run: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="is the checkpoints folder of a run") as caught:
        open_run(run / "checkpoints", print)
    assert caught.value.notes == (f"did you mean {run}?",)
    with pytest.raises(TrainError, match="is not a run: it contains no checkpoints") as caught:
        open_with_warnings(tmp_path)
    assert "a folder that netspec train writes" in caught.value.notes[0]
    with pytest.raises(TrainError) as caught:
        open_with_warnings(run.parent)
    assert caught.value.notes == (f"1 run in it: {run}",)
    assert caught.value.exit_code == 1


def test_misspelt_run_gets_a_suggestion(run: Path) -> None:
    with pytest.raises(RequestError, match="there is no run or checkpoint called") as caught:
        open_with_warnings(run.with_name("rum"))
    assert caught.value.notes == (f"did you mean {run}?",)
    assert caught.value.exit_code == 2


def test_damaged_checkpoint_falls_back_to_the_one_before(run: Path, tmp_path: Path) -> None:
    folder, (before, newest) = copy_run(run, tmp_path)
    newest.write_bytes(newest.read_bytes()[:1000])
    saved, (warning,) = open_with_warnings(folder)
    assert saved.path == before
    assert str(newest) in warning and warning.endswith(f"taking the checkpoint before it, {before.name}")


def test_run_without_readable_checkpoints_is_an_error(run: Path, tmp_path: Path) -> None:
    folder, found = copy_run(run, tmp_path)
    for path in found:
        path.write_bytes(b"")
    with pytest.raises(TrainError, match=r"no checkpoint of .* can be read") as caught:
        open_with_warnings(folder)
    assert len(caught.value.notes) == len(found) == 2


def test_flipped_bit_in_a_tensor_is_detected(run: Path, tmp_path: Path) -> None:
    _, (*_, newest) = copy_run(run, tmp_path)
    data = bytearray(newest.read_bytes())
    weight = checkpoint.load(newest)["weights"]["conv1.weight"].numpy().tobytes()
    data[data.index(weight) + 10] ^= 1
    newest.write_bytes(data)
    with pytest.raises(TrainError, match=r"is damaged: the checksum of .* in it is wrong"):
        read_checkpoint(newest)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"format": 99}, "is of format 99, this netspec reads"),
        ({"format": None}, "is not a netspec checkpoint"),
        ({"classes": None}, "is an incomplete checkpoint: it lacks classes"),
        ({"weights": "none"}, "is an incomplete checkpoint: it lacks weights"),
        ({"preparation": {"mean": 0, "axes": 0}}, "is an incomplete checkpoint: it lacks preparation.std"),
        ({"spec": "net other\n"}, "contradicts itself"),
    ],
)
def test_incomplete_checkpoint_is_an_error(run: Path, tmp_path: Path, changes: dict[str, Any], error: str) -> None:
    _, (*_, newest) = copy_run(run, tmp_path)
    rewrite(newest, **changes)
    with pytest.raises(TrainError, match=error):
        read_checkpoint(newest)


def test_changed_spec_is_rejected_unless_the_checkpoint_is_named(run: Path, tmp_path: Path) -> None:
    folder, (*_, newest) = copy_run(run, tmp_path)
    (folder / "spec.net").write_text(SPEC.replace("views=10", "views=1"))
    with pytest.raises(TrainError, match=r"is not the spec that .* was trained as") as caught:
        open_with_warnings(folder)
    assert caught.value.notes[-1].endswith(str(newest))
    assert open_with_warnings(newest)[0].graph.test.views == 10


def test_weights_that_do_not_fit_the_spec_are_an_error(run: Path, tmp_path: Path) -> None:
    folder, (*_, newest) = copy_run(run, tmp_path)
    weights = checkpoint.load(newest)["weights"]
    weights["conv9.weight"] = weights.pop("fc4.weight")
    weights["fc4.bias"] = torch.zeros(5)
    rewrite(newest, weights=weights)
    saved, _ = open_with_warnings(folder)
    with pytest.raises(TrainError, match="are not those of its spec") as caught:
        saved.objective("cpu")
    assert caught.value.notes == (
        "fc4.weight is missing",
        "conv9.weight is not in the network",
        "fc4.bias is 5 in the file, 4 in the network",
    )


def test_spec_that_no_longer_checks_is_an_error(run: Path, tmp_path: Path) -> None:
    folder, (*_, newest) = copy_run(run, tmp_path)
    text = SPEC.replace("kernel=5", "kernal=5")
    rewrite(newest, spec=text, spec_sha256=sha256(text))
    (folder / "spec.net").unlink()
    with pytest.raises(TrainError, match="does not check with this version") as caught:
        open_with_warnings(folder)
    assert caught.value.notes[0].startswith("unknown-key: ")
