"""Generated programs as their users run them: in processes that cannot import netspec, on made-up and real files."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import warm
from little import little, losses, paint
from PIL import Image
from places import SPECS
from programs import BLOCKED, Here, imported, network, run, written

import netspec
from netspec import backend
from netspec.ir.graph import Graph
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.picture import Frame
from netspec.train.data.sources.listing import held_out
from netspec.train.judging.views import Predictor, View, views
from netspec.train.learning.objective import Objective, build
from netspec.train.learning.validation import evaluate


def test_blocked_libraries_cannot_be_imported(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("import netspec")
    for cold in (False, True):
        done = run(path, cold=cold)
        assert done.returncode == 1
        assert "netspec is blocked" in done.stderr


def test_on_made_up_pictures_the_loss_goes_down(tmp_path: Path) -> None:
    path = written(little(), tmp_path)
    done = run(path, "--synthetic", "--steps", "60", "--batch", "16", blocked=(*BLOCKED, "PIL"))
    assert (done.returncode, done.stderr) == (0, "")
    assert losses(done.stdout)[-1] < 0.3 * losses(done.stdout)[0]
    assert re.search(
        r"^epoch 2: validation loss [\d.]+, top-1 \d+\.\d\d %, top-5 100\.00 %$", done.stdout, re.MULTILINE
    )


@pytest.mark.ci  # seconds
def test_the_shipped_tiny_alexnet_runs(tmp_path: Path) -> None:
    path = written(netspec.load(SPECS / "alexnet-tiny.net").graph, tmp_path)
    done = run(path, "--synthetic", "--steps", "2", "--batch", "4", cold=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(losses(done.stdout)) == 2


def test_runs_are_repeatable_and_weights_are_written(tmp_path: Path) -> None:
    path, out = written(little(), tmp_path), tmp_path / "weights.pt"
    first = run(path, "--synthetic", "--steps", "3", "--seed", "4", "--out", out)
    assert first.returncode == 0, first.stderr
    state = torch.load(out, weights_only=True)
    out.unlink()
    assert run(path, "--synthetic", "--steps", "3", "--seed", "4", "--out", out).returncode == 0
    again = torch.load(out, weights_only=True)
    assert all(torch.equal(again[key], state[key]) for key in state)
    assert not list(tmp_path.glob("*.part"))
    model = network(imported(path))()
    model.load_state_dict(state)


@pytest.mark.parametrize(
    "graph",
    [
        little(),
        little(mean="image", augment="crop=12 from=14 flip=horizontal colour=pca(0.1)", views=10),
        little(mean="channel", augment="crop=12 from=16", schedule="step(every=1, factor=0.5)"),
        little(augment="colour=pca(0.1)", schedule="plateau(factor=0.1, times=1)"),
    ],
    ids=["plain", "everything", "channel-mean", "colour-only"],
)
def test_on_a_folder_of_images(graph: Graph, images: Path, tmp_path: Path, here: Here) -> None:
    done = here(written(graph, tmp_path), "--data", images, "--epochs", "6", "--batch", "8", "--seed", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert losses(done.stdout)[-1] < losses(done.stdout)[0]
    held = sum(held_out(f"{path.parent.name}/{path.name}") for path in images.rglob("*.*"))
    assert 0 < held < 12
    assert f"{36 - held} training images, {held} for validation; " in done.stdout
    assert done.stdout.count(": validation loss") == 6
    assert ("ten views: loss" in done.stdout) == (graph.test.views == 10)


def test_a_val_folder_is_what_is_validated_on(images: Path, tmp_path: Path, here: Here) -> None:
    folder = tmp_path / "divided"
    shutil.copytree(images, folder / "train")
    paint(folder / "val", images=2)
    done = here(written(little(), tmp_path), "--data", folder, "--steps", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "36 training images, 6 for validation; an epoch is 9 steps and leaves 0 images out" in done.stdout


@pytest.mark.skipif(not warm.HERE, reason="a closed pipe is another error there")
def test_a_reader_that_has_gone(tmp_path: Path) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    os.mkfifo(out)
    words = (str(written(little(), tmp_path)), "--synthetic", "--steps", "2", "--threads", "1")
    process = warm.start(warm.Start(words, tmp_path, out, err, blocked=BLOCKED), daemon=True)
    os.close(os.open(out, os.O_RDONLY))  # it waits for a reader, and this one comes and goes
    process.join(60)
    assert (process.exitcode, err.read_text()) == (141, "")


def test_a_sum_of_very_many(tmp_path: Path) -> None:
    inputs = ",".join(["image"] * 3000)
    graph = netspec.loads(f"[image] input 2\n[many] sum inputs={inputs} neuron=abs\n[fc] fc outputs=2\n").graph
    program = imported(written(graph, tmp_path))
    model = network(program)()
    x = torch.tensor([[1.0, -2.0]])
    torch.testing.assert_close(model(x), model.fc(torch.tensor([[3000.0, 6000.0]])))


def test_the_validation_loss_is_the_files_own(tmp_path: Path) -> None:
    text = "[image] input 5\n[fc] fc outputs=3\n[prob] softmax\n[error] squarederror inputs=prob loss_weight=2\n"
    graph = netspec.loads(text).graph
    program = imported(written(graph, tmp_path))
    model = network(program)()
    program.initialise(model, 3)
    batches = [(torch.randn(n, 5), torch.randint(3, (n,))) for n in (4, 2)]
    wanted = evaluate(build(graph, 3, "cpu"), batches)
    assert wanted is not None
    loss, top1, _ = program.evaluate(model, [(x.unsqueeze(1), labels) for x, labels in batches], "cpu")
    assert loss == pytest.approx(wanted.loss, rel=1e-6)
    assert top1 == wanted.top1


def test_noise_in_tests_is_the_trainers_and_the_same_each_time(tmp_path: Path) -> None:
    text = "[image] input 5\n[h] fc outputs=64 neuron=nrelu init=gaussian(0.5)\n[fc] fc outputs=3 init=gaussian(0.5)\n"
    graph = netspec.loads(text).graph
    program = imported(written(graph, tmp_path))
    model = network(program)()
    program.initialise(model, 3)
    batches = [(torch.randn(n, 5), torch.randint(3, (n,))) for n in (4, 2)]
    objective = build(graph, 3, "cpu")
    viewed = [(x.unsqueeze(1), labels) for x, labels in batches]
    first, again, other = (program.evaluate(model, viewed, "cpu", seed=seed) for seed in (5, 5, 6))
    wanted = evaluate(objective, batches, seed=5)
    assert wanted is not None
    assert first == again
    assert first[0] != other[0]
    assert first[0] == pytest.approx(wanted.loss, rel=1e-6)
    whole = [(torch.cat([x for x, _ in batches]), torch.cat([labels for _, labels in batches]))]
    at_once = evaluate(objective, whole, seed=5)
    assert at_once is not None and at_once.loss == pytest.approx(wanted.loss, rel=1e-6)
    repeated = [(x.unsqueeze(1).repeat(1, 2, *(1,) * (x.dim() - 1)), labels) for x, labels in batches]
    assert program.evaluate(model, repeated, "cpu", seed=5)[0] == pytest.approx(_of_two_views(objective, batches))


def _of_two_views(objective: Objective, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> float:
    """The loss of the mean of what two views see, each drawn by its own number, as ``netspec eval`` numbers them."""
    (losses, first), looks = ([], 0), (View(0, 0, mirror=False, share=0.5),) * 2

    def unprepared(pictures: Any, choices: Any) -> torch.Tensor:
        return torch.from_numpy(pictures)

    for x, labels in batches:
        seen = Predictor(objective, unprepared, looks, 5)(x.numpy(), first)
        losses.append(torch.nn.functional.nll_loss(seen, labels, reduction="sum"))
        first += len(labels)
    return float(sum(losses)) / first


@pytest.mark.parametrize(("size", "distinct"), [(8, 2), (9, 8), (12, 10)])
def test_ten_views_draw_what_evals_views_draw_where_crops_coincide_too(
    size: int, distinct: int, tmp_path: Path
) -> None:
    text = "[image] input 3x8x8 range=1\n[h] fc outputs=64 neuron=nrelu init=gaussian(0.5)\n[fc] fc outputs=3\n"
    graph = netspec.loads(f"{text}[prob] softmax\naugment crop=8 from={size}\ntest views=10\n").graph
    pictures = np.random.default_rng(0).integers(0, 256, (6, size, size, 3), np.uint8)
    for number, pixels in enumerate(pictures):
        (tmp_path / "val" / "abc"[number % 3]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "val" / "abc"[number % 3] / f"{number}.png")
    shutil.copytree(tmp_path / "val", tmp_path / "train")
    program = imported(written(graph, tmp_path))
    model = network(program)()
    program.initialise(model, 3)
    loss, _, _ = program.evaluate(model, program.Folder(tmp_path, 4, 0, 1).validation(10), "cpu", seed=5)
    frame, shape = Frame(3, size, size), graph.input.output
    looks = views(10, frame, shape)
    assert len(looks) == distinct
    prepare = Preparation(graph.preprocessing, None, frame, shape, 255, torch.device("cpu"))
    tested = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)[[0, 3, 1, 4, 2, 5]])  # in the order of the folders
    seen = Predictor(build(graph, 3, "cpu"), prepare, looks, 5)(tested)
    assert loss == pytest.approx(float(torch.nn.functional.nll_loss(seen, torch.tensor([0, 0, 1, 1, 2, 2]))), rel=1e-6)


def test_colours_and_dropout_in_one_program(tmp_path: Path) -> None:
    text = "[image] input 3x4x4\n[yuv] colourspace to=yuv\n[drop] dropout\n[fc] fc outputs=3\n"
    graph = netspec.loads(text).graph
    model = network(imported(written(graph, tmp_path)))().eval()
    module = backend.load("pytorch").module(graph).eval()
    module.load_state_dict(model.state_dict())
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(model(x), module(x))


def test_the_average_is_what_is_written(tmp_path: Path, here: Here) -> None:
    """One step with an average of 0.1 of the start and 0.9 of the step's weights."""
    plain, averaged = tmp_path / "plain.pt", tmp_path / "averaged.pt"
    text = "[image] input 5\n[fc] fc outputs=3\ntrain batch=4 {}"
    for out, keys in ((plain, ""), (averaged, "ema=0.99")):
        graph = netspec.loads(text.format(keys)).graph
        assert here(written(graph, tmp_path), "--synthetic", "--steps", "1", "--out", out).returncode == 0
    after, found = (torch.load(path, weights_only=True)["fc.weight"] for path in (plain, averaged))
    program = imported(tmp_path / "program.py")
    model = network(program)()
    program.initialise(model, 0)
    torch.testing.assert_close(found, 0.1 * model.fc.weight.detach() + 0.9 * after, rtol=1e-6, atol=1e-7)
    assert not torch.equal(found, after)
