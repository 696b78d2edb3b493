"""A training ends with the test that the spec's ``test`` line asks for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from image_files import image_folder
from mask_files import mask_folder
from processes import invoke

from netspec.train.errors import TrainError
from netspec.train.evaluation import testing

CLASSES = """\
net tiny
[image] input 3x8x8 mean=channel
[fc] fc outputs=2 init=gaussian(0.01)
[prob] softmax
train epochs=1 batch=8
augment from=10
test views=10
"""

DENSE = """\
net dense
[image] input 3x24x24
[scores] conv filters=3 kernel=1 init=gaussian(0.01)
train epochs=1 batch=4
test views=whole
"""


@pytest.fixture(autouse=True)
def _in_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def train(text: str, *more: str) -> Result:
    return invoke("train", "-", "--data", "photos", "--out", "run", "--quiet", *more, text=text)


def photos() -> None:
    image_folder(Path("photos/train"), {"cat": 6, "dog": 6})
    image_folder(Path("photos/val"), {"cat": 3, "dog": 2})


@pytest.mark.ci  # two trainings
def test_ten_views_are_those_of_eval_and_made_again_if_a_run_goes_on() -> None:
    photos()
    done = train(CLASSES)
    assert (done.exit_code, done.stderr) == (0, "")
    validation, test, *_, last = done.stdout.splitlines()
    assert validation.endswith(" on 5 validation images, centre crop") and last == "run: run"
    assert test.startswith("test: top-1 ")
    assert test.endswith(" on 5 validation images, mean softmax of 10 views (corners, centre, mirror images)")
    written = json.loads(Path("run/test.json").read_text())
    assert written == json.loads(invoke("eval", "run", "--format", "json").stdout)
    assert written["runs"][0]["views"] == 10

    again = invoke("train", "--resume", "run", "--quiet")
    assert again.stdout.splitlines()[2] == "its test with views=10: run/test.json"
    further = invoke("train", "--resume", "run", "--epochs", "2", "--quiet")
    assert further.stdout.splitlines()[1].startswith("test: top-1 ")
    assert json.loads(Path("run/test.json").read_text())["runs"][0]["step"] == 2


@pytest.mark.ci  # a training
def test_whole_images_are_those_of_eval() -> None:
    mask_folder(Path("photos"), {"train": 5, "val": 2})
    done = train(DENSE)
    assert (done.exit_code, done.stderr) == (0, "")
    test = done.stdout.splitlines()[1]
    assert test.startswith("test: pixels right ") and " on 2 validation images, whole images" in test
    assert json.loads(Path("run/test.json").read_text()) == json.loads(invoke("eval", "run", "--format", "json").stdout)


def test_a_test_that_fails_is_no_failed_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise TrainError("no memory")

    photos()
    monkeypatch.setattr(testing, "run_test", fail)
    done = train(CLASSES)
    assert (done.exit_code, done.stderr) == (0, "warning: the test with views=10 failed: no memory\n")
    _, hint, *_, last = done.stdout.splitlines()
    assert (hint, last) == ("to test it as its spec says, with views=10: netspec eval run", "run: run")


def test_an_interrupted_test_leaves_a_finished_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    photos()
    monkeypatch.setattr(testing, "run_test", interrupt)
    done = train(CLASSES)
    assert (done.exit_code, done.stderr) == (130, "interrupted\n")
    assert done.stdout.splitlines()[1].endswith("netspec eval run") and "run: run" in done.stdout
    assert json.loads(Path("run/run.json").read_text())["state"] == "finished"
