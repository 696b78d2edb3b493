"""Networks that cannot be trained are rejected before anything is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from processes import invoke

import netspec
from netspec.ir.graph import Graph
from netspec.train.errors import TrainError
from netspec.train.requirements import require_trainable

WEIGHTLESS = "[image] input 10x1x1\n[prob] softmax\n"
NORMALISED = "[image] input {image}\n[bn] batchnorm\n[fc] fc outputs=2\n[prob] softmax\ntrain batch={batch}\n"


def load_graph(text: str) -> Graph:
    return netspec.loads(text).graph


def train(text: str, *arguments: str) -> Result:
    return invoke("train", "-", "--data", "synthetic", *arguments, text=text)


@pytest.fixture(autouse=True)
def _in_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_network_without_weights_is_rejected(tmp_path: Path) -> None:
    done = train(WEIGHTLESS)
    assert (done.exit_code, done.stderr) == (1, "Error: nothing to learn: the network has no weights\n")
    assert not list(tmp_path.iterdir())


UNREAD = "[image] input 3x4x4\n[unread] fc outputs=3\n[mean] avgpool kernel=4 inputs=image\n[prob] softmax\n"
"""A spec in which the loss does not depend on the weights."""


@pytest.mark.parametrize("loss", ["", "[flat] flatten inputs=mean\n[cost] crossentropy\n"])
def test_weights_that_the_loss_does_not_depend_on_are_rejected(tmp_path: Path, loss: str) -> None:
    done = train(UNREAD + loss)
    assert done.exit_code == 1, done.output
    assert "nothing to learn: the loss depends on no weights" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [("time", "-"), ("verify", "-"), ("check-data", "synthetic", "--net", "-")])
@pytest.mark.parametrize("text", [WEIGHTLESS, UNREAD])
def test_other_commands_reject_untrainable_networks(command: tuple[str, ...], text: str) -> None:
    done = invoke(*command, text=text)
    assert done.exit_code == 1, done.exception
    assert "nothing to learn" in done.stderr


def test_batch_normalisation_of_single_numbers_is_rejected() -> None:
    for image in ("6", "6x1x1"):
        graph = load_graph(NORMALISED.format(image=image, batch=1))
        with pytest.raises(TrainError, match="bn normalises each channel over the batch"):
            require_trainable(graph, 1)
        require_trainable(graph, 2)
    require_trainable(load_graph(NORMALISED.format(image="6x2x1", batch=1)), 1)


def test_training_ends_after_the_steps_of_the_spec() -> None:
    text = NORMALISED.format(image="3x2x1", batch=8) + "\n"
    done = train(text.replace("batch=8", "batch=8 steps=3"))
    assert "\n3 steps, " in done.stdout, done.output
    assert "\n2 steps, " in train(text.replace("batch=8", "batch=8 steps=3"), "--steps", "2").stdout


def test_batch_option_is_checked() -> None:
    text = NORMALISED.format(image="3x1x1", batch=8)
    rejected = train(text, "--steps", "1", "--batch", "1")
    assert rejected.exit_code == 1
    assert "one image has one number per channel" in rejected.stderr
    assert train(text, "--steps", "1").exit_code == 0


@pytest.mark.parametrize("change", [{"lr": 1e300}, {"lr": float("inf")}, {"lr": float("nan")},
                                    {"lr": 1e30, "decay": 1e30}])  # fmt: skip
def test_rate_or_decay_beyond_float32_is_rejected(change: dict[str, float]) -> None:
    graph = load_graph("[image] input 4\n[fc] fc outputs=2\n")
    parameters = {key: parameter._replace(**change) for key, parameter in graph.parameters.items()}  # type: ignore[arg-type]
    with pytest.raises(TrainError, match=r"of fc\.weight is .*, which is not a finite float32 number"):
        require_trainable(replace(graph, parameters=parameters), 8)


MAPS = "[image] input 3x4x4\n[c] conv filters={filters} kernel=1\n"


@pytest.mark.parametrize(
    ("filters", "more", "message", "notes"),
    [
        (1, "", "with one class there is nothing to tell it from",
         ("the classes of pixels have a map each, also if there are two", "netspec.torch_module and compile")),
        (256, "", "masks have at most 255 classes, as one byte of each pixel says its class", ()),
        (2, "[s] sumsquares\n", "no loss compares the maps of c with masks: s does not read the classes",
         ("add a crossentropy of the class scores",)),
        (2, "[m] mirror\n[aux] crossentropy\n[loss] crossentropy inputs=c\n",
         "the scores of m are those of the mirrored image", ("a second mirror layer",)),
        (2, "[d] conv filters=2 kernel=1 update_every=1\ntrain accumulate=2\n",
         "and d is updated by the mean gradient of some images", ("leave update_every= out",)),
        (2, "augment mixup=0.2\n", "augment mixup= mixes the classes of whole images, and not those of pixels",
         ("leave mixup= out",)),
        (2, "augment cutmix=1\n", "augment cutmix= mixes the classes of whole images", ("leave cutmix= out",)),
        (2, "augment policy=randaugment\n", "augment policy= moves the pixels of images", ("leave policy= out",)),
        (2, "[m] mirror\n", "the class scores are those of the mirrored image", ("a second mirror layer",)),
    ],
)  # fmt: skip
def test_maps_of_scores_that_do_not_fit_masks_are_rejected(
    filters: int, more: str, message: str, notes: tuple[str, ...], tmp_path: Path
) -> None:
    text = MAPS.format(filters=filters) + more
    with pytest.raises(TrainError) as caught:
        require_trainable(load_graph(text), 2)
    assert message in caught.value.message
    assert len(caught.value.notes) == len(notes)
    assert all(note.startswith(start) for note, start in zip(caught.value.notes, notes, strict=True))
    for command in (("train", "-", "--data", "synthetic"), ("verify", "-"), ("time", "-")):
        done = invoke(*command, text=text)
        assert (done.exit_code, message in done.stderr) == (1, True), done.output
    assert not list(tmp_path.iterdir())


def test_maps_of_scores_are_trained_on_masks() -> None:
    require_trainable(load_graph(MAPS.format(filters=255) + "[p] softmax\n"), 2)
    done = train(MAPS.format(filters=2) + "train batch=64 steps=2\n")
    assert done.exit_code == 0, done.output
    assert "labels: a class for each of 4 x 4 pixels, from row 0 and column 0 on" in done.stderr


def test_batch_must_be_divisible_into_its_parts() -> None:
    graph = load_graph("[image] input 4\n[fc] fc outputs=2\ntrain batch=12 accumulate=4\n")
    require_trainable(graph, 8)
    with pytest.raises(TrainError, match="a batch of 10 images cannot be divided into 4 equal parts") as caught:
        require_trainable(graph, 10)
    assert caught.value.notes == ("10 / 4 = 2.5: --batch 8 or --batch 12",)
    with pytest.raises(TrainError) as caught:
        require_trainable(graph, 3)
    assert caught.value.notes == ("3 / 4 = 0.75: --batch 4",)


def test_batch_normalisation_of_parts_of_one_image_is_rejected() -> None:
    graph = load_graph(NORMALISED.format(image="6", batch=8).rstrip() + " accumulate=4\n")
    with pytest.raises(TrainError, match="each of the 4 parts of the batch is one image") as caught:
        require_trainable(graph, 4)
    assert caught.value.notes == ("train with a larger one: --batch 8 or more",)
    require_trainable(graph, 8)
