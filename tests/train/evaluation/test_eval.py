"""``netspec eval``: one run or several, other data, other weights, and what cannot be evaluated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from image_files import image_folder
from processes import invoke
from tiny_network import SPEC, png_pixels, train_tiny

from netspec.cli.eval_results import as_text, class_table
from netspec.cli.runs import Unread
from netspec.train.data.splits import Unreadable
from netspec.train.evaluation.mistakes import Mistakes
from netspec.train.evaluation.outcome import Outcome
from netspec.train.learning.validation import hits, predicted_classes
from netspec.train.runs import checkpoint
from netspec.train.runs.runfolder import read_metrics
from netspec.train.runs.saved import open_run


def eval_json(*arguments: object) -> dict[str, Any]:
    done = invoke("eval", *arguments, "--format", "json", "--quiet")
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def wide_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a network for larger images of the same classes."""
    spec = (
        SPEC.replace("3x12x12", "3x16x16").replace("crop=12 from=14", "crop=16 from=20").replace("range=1", "range=255")
    )
    return train_tiny(tmp_path_factory.mktemp("another") / "run", spec=spec.replace("net tiny", "net wide"), steps=4)


@pytest.mark.ci
def test_one_view_agrees_with_validation_in_training(run: Path) -> None:
    found = eval_json(run, "--views", 1)
    last = [line for line in read_metrics(run / "metrics.jsonl") if "val_loss" in line][-1]
    assert (found["n"], found["protocol"]) == (last["val_images"], "centre crop")
    assert found["top1"] == pytest.approx(last["top1"])
    assert found["top5"] == pytest.approx(last["top5"]) == 1.0
    assert found["loss"] == pytest.approx(last["val_loss"], rel=1e-5)


def test_json_has_the_protocol_the_data_and_the_classes(run: Path) -> None:
    found = eval_json(run)
    assert found["net"] == "tiny"
    assert found["spec_sha256"] == json.loads((run / "run.json").read_text())["spec_sha256"]
    assert found["protocol"] == "mean softmax of 10 views (corners, centre, mirror images)"
    (one,) = found["runs"]
    assert (one["run"], one["step"], one["views"], one["distinct_views"]) == (str(run), 8, 10, 10)
    assert found["data"] == {"source": "synthetic", "split": "validation", "images": 256, "used": 256, "unreadable": 0}
    assert [one["n"] for one in found["classes"]] == [64] * 4
    correct = sum(one["n"] * one["top1"] for one in found["classes"])
    assert correct == pytest.approx(256 * found["top1"])
    assert sum(images for _, _, images in found["confusions"]) == pytest.approx(256 * (1 - found["top1"]))


@pytest.mark.ci
def test_train_and_validation_add_up_to_all(run: Path) -> None:
    results = {split: eval_json(run, "--views", 1, "--split", split) for split in ("validation", "train", "all")}
    assert [results[split]["n"] for split in results] == [256, 1024, 1280]
    correct = {split: found["top1"] * found["n"] for split, found in results.items()}
    assert correct["all"] == pytest.approx(correct["validation"] + correct["train"])


def test_text_output_lists_each_class(run: Path) -> None:
    done = invoke("eval", run, "--views", 1)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("top-1 ") and lines[0].endswith(" on 256 validation images of synthetic")
    assert lines[1] == "protocol: centre crop"
    assert lines[2].startswith(f"{run}: tiny, step 8, spec ")
    assert lines[4].split() == ["class", "n", "top-1"]
    assert [line.split()[:3] for line in lines[6:]] == [["texture", str(k), "64"] for k in range(4)]


@pytest.mark.ci  # two trainings
def test_networks_with_different_input_sizes_are_averaged(run: Path, wide_run: Path) -> None:
    one, two, both = eval_json(run), eval_json(wide_run), eval_json(run, wide_run)
    assert [one_run["net"] for one_run in both["runs"]] == ["tiny", "wide"]
    assert (both["net"], both["spec_sha256"]) == (None, None)
    assert both["protocol"].startswith("mean softmax of 2 networks, mean softmax of 10 views")
    assert both["n"] == 256
    assert both["loss"] <= (one["loss"] + two["loss"]) / 2  # -ln is convex (Jensen)
    twice = eval_json(run, run)
    assert twice["top1"] == one["top1"]
    assert twice["loss"] == pytest.approx(one["loss"], rel=1e-12)


def test_networks_with_different_classes_are_not_averaged(run: Path, tmp_path: Path) -> None:
    other = train_tiny(tmp_path / "run", spec=SPEC.replace("outputs=4", "outputs=3"), steps=1)
    done = invoke("eval", run, other)
    assert done.exit_code == 1
    assert "do not have the same classes: their predictions cannot be averaged" in done.stderr
    assert f"{run} has 4, {other} 3" in done.stderr


def test_unreadable_images_are_left_out_and_renamed_classes_rejected(tmp_path: Path) -> None:
    image_folder(tmp_path / "photos/train", dict.fromkeys("abcd", 10))
    image_folder(tmp_path / "photos/val", dict.fromkeys("abcd", 3))
    out = tmp_path / "run"
    train_tiny(out, data=tmp_path / "photos", steps=1)
    (tmp_path / "photos/val/b/1.jpg").write_bytes(b"no image")
    done = invoke("eval", out, "--format", "json")
    assert done.exit_code == 0
    assert done.stderr.startswith(f"warning: {tmp_path}/photos/val/b/1.jpg left out: ")
    found = json.loads(done.stdout)
    assert (found["data"]["images"], found["data"]["used"], found["data"]["unreadable"]) == (12, 11, 1)
    assert [one["n"] for one in found["classes"]] == [3, 2, 3, 3]
    assert "on 11 validation images of" in invoke("eval", out).stdout.splitlines()[0]
    (tmp_path / "photos/val/a").rename(tmp_path / "photos/val/e")
    (tmp_path / "photos/train/a").rename(tmp_path / "photos/train/e")
    done = invoke("eval", out)
    assert done.exit_code == 1
    assert f"the classes of {tmp_path}/photos are not those that {out} was trained on" in done.stderr
    assert "class 0 of" in done.stderr


def test_different_class_names_are_a_warning(run: Path, tmp_path: Path) -> None:
    image_folder(tmp_path, dict.fromkeys("abcd", 30))
    done = invoke("eval", run, "--data", tmp_path, "--views", 1)
    assert done.exit_code == 0
    assert "a tenth, chosen by a hash of their paths" in done.stderr
    assert "has other names for the classes; they are taken in their order: class 0" in done.stderr


def test_missing_training_data_are_reported(run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "copy"))
    path = checkpoint.list_checkpoints(folder / "checkpoints")[-1]
    state = checkpoint.load(path)
    torch.save({**state, "settings": {**state["settings"], "data": "gone/away"}}, path)
    done = invoke("eval", folder)
    assert done.exit_code == 2
    assert f"gone/away is what {folder} was trained on; --data names something else" in done.stderr
    torch.save({**state, "settings": {}}, path)
    done = invoke("eval", folder)
    assert (done.exit_code, done.stderr.splitlines()[0]) == (
        2, f"Error: {folder} does not say what it was trained on; --data names what to test on:",
    )  # fmt: skip


def test_data_given_as_a_run_gets_a_suggestion(run: Path, tmp_path: Path) -> None:
    image_folder(tmp_path / "photos", {"cat": 1})
    for data in ("synthetic", str(tmp_path / "photos")):
        done = invoke("eval", run, data)
        assert (done.exit_code, done.stderr) == (2, f"Error: {data} is not a run; did you mean --data {data}?\n")
    done = invoke("eval", run, run.parent)
    assert done.exit_code == 1 and "is not a run: it contains no checkpoints" in done.stderr


def test_nan_weights_are_an_error(run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "copy"))
    path = checkpoint.list_checkpoints(folder / "checkpoints")[-1]
    state = checkpoint.load(path)
    state["weights"]["conv1.weight"][0] = torch.nan
    torch.save(state, path)
    done = invoke("eval", folder)
    assert done.exit_code == 1
    assert "the class scores of 256 images are not numbers (NaN)" in done.stderr


@pytest.mark.ci
def test_weights_option_replaces_the_runs_weights(run: Path, tmp_path: Path) -> None:
    other = train_tiny(tmp_path / "run", steps=4)
    found = eval_json(run, "--weights", other)
    assert found["loss"] == eval_json(other)["loss"] != eval_json(run)["loss"]
    assert found["weights"]["file"].endswith("step-000000004.pt")
    done = invoke("eval", run, run, "--weights", other)
    assert (done.exit_code, done.stderr) == (2, "Error: --weights is for one run, and there are 2\n")


@pytest.mark.ci
def test_spec_with_weights_is_evaluated_like_a_run(run: Path, tmp_path: Path) -> None:
    (tmp_path / "TINY.NET").write_text(SPEC)
    found = eval_json(tmp_path / "TINY.NET", "--weights", run, "--data", "synthetic")
    own = eval_json(run)
    assert found["loss"] == own["loss"] and found["confusions"] == own["confusions"]
    assert (found["runs"][0]["run"], found["weights"]["file"]) == (
        str(tmp_path / "TINY.NET"), own["runs"][0]["checkpoint"],
    )  # fmt: skip
    done = invoke("eval", tmp_path / "TINY.NET", "--weights", run)
    assert (done.exit_code, done.stderr) == (
        2, f"Error: {tmp_path / 'TINY.NET'} is a spec; --data names what to test it on\n",
    )  # fmt: skip
    done = invoke("eval", tmp_path / "TINY.NET", "--data", "synthetic")
    assert done.exit_code == 1 and "is a spec, not a run" in done.stderr


@pytest.mark.ci
def test_confusion_matrix_is_drawn_and_never_overwrites_other_files(run: Path, tmp_path: Path) -> None:
    done = invoke("eval", run, "--confusion", tmp_path / "c.png")
    assert done.exit_code == 0 and f"wrote {tmp_path / 'c.png'}" in done.stderr
    pixels = png_pixels((tmp_path / "c.png").read_bytes())
    assert pixels.shape[1] > pixels.shape[0] > 500
    assert invoke("eval", run, "--confusion", tmp_path / "c.jpg").exit_code == 2
    assert invoke("eval", run, "--confusion", tmp_path / "c.png").exit_code == 0
    (tmp_path / "mine.png").write_bytes(b"a photograph")
    done = invoke("eval", run, "--confusion", tmp_path / "mine.png")
    assert done.exit_code == 2
    assert done.stderr.endswith("was not written by netspec and stays as it is; --confusion names another file\n")


def test_predicted_class_of_a_tie_is_a_wrong_one() -> None:
    scores = torch.tensor([[1.0, 2.0, 2.0], [3.0, 1.0, 0.0], [0.0, 0.0, 5.0], [-torch.inf, 1.0, 1.0]]).double()
    labels = torch.tensor([1, 0, 0, 0])
    assert predicted_classes(scores, labels).tolist() == [2, 0, 2, 1]
    assert hits(scores, labels)[0].tolist() == [False, True, False, False]
    assert np.array_equal(predicted_classes(torch.zeros(2, 1), torch.tensor([0, 0])), [0, 0])


def test_missing_validation_images_suggest_another_split(run: Path, tmp_path: Path) -> None:
    image_folder(tmp_path, dict.fromkeys(("texture 0", "texture 1", "texture 2", "texture 3"), 2))
    done = invoke("eval", run, "--data", tmp_path, "--quiet")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        f"Error: {tmp_path} has no validation images",
        "  --split train or --split all tests on the others",
    ]
    assert eval_json(run, "--data", tmp_path, "--split", "all")["n"] == 8


def test_text_output_lists_only_the_worst_of_many_classes(run: Path) -> None:
    classes = 60
    confusion = np.diag(np.arange(1, classes + 1))
    confusion[7, 8] = 72  # class 7: 8 of 80 right
    confusion[0, 0] = 0  # class 0: no images
    used, names = int(confusion.sum()), tuple(f"c{number}" for number in range(classes))
    correct = confusion.diagonal().copy()
    more = ((1,), (1,), Mistakes([], 255))
    outcome = Outcome("photos", "all", names, 2000, used, 1.0, confusion, correct, *more)
    lines, table = as_text(outcome, [open_run(run, print)]), class_table(outcome)
    assert lines[0].endswith(f"on {used:,} images of photos ({2000 - used} more cannot be read)")
    assert table.rows[0] == ("c7", "80", "10.0 %")
    assert len(table.rows) == 20 and not any(row[0] == "c0" for row in table.rows)
    assert table.notes == ("the 20 worst of 60 classes; --format json has all",)


def test_only_the_first_ten_unreadable_images_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    warn = Unread()
    for number in (*range(15), 0):
        warn(Unreadable(f"{number}.jpg", "empty"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[-1] == "warning: more images cannot be read; the result counts them"


@pytest.mark.ci
def test_set_changes_a_spec_and_is_rejected_for_a_run(run: Path, tmp_path: Path) -> None:
    spec = tmp_path / "tiny.net"
    spec.write_text(SPEC.replace("outputs=4", "outputs=9"))
    done = invoke("eval", spec, "--weights", run, "--data", "synthetic")
    assert done.exit_code == 1 and "fc4.bias is 9 in the network and 4 in the file" in done.stderr
    assert "--fresh" not in done.stderr  # only training has this option
    found = eval_json(spec, "--weights", run, "--data", "synthetic", "--set", "fc4.outputs=4")
    assert found["loss"] == eval_json(run)["loss"]
    rejected = [
        invoke("eval", run, *more)
        for more in (
            ["--set", "fc4.outputs=4"],
            ["--weights", run, "--set", "fc4.outputs=4"],
            ["--history"],
            ["--dialect", "v2"],
        )
    ]
    assert {(done.exit_code, done.stderr) for done in rejected} == {
        (
            2,
            "Error: --set, --input, --params, --history and --dialect control how a spec is read, but there is none; "
            "a run keeps its network\n",
        )
    }
