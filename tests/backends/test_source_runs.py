"""Running generated programs, in processes that cannot import netspec, on synthetic and real images."""

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
from PIL import Image
from places import SPECS
from programs import BLOCKED, RunHere, import_program, load_program, network_class, run, write_program
from small_network import printed_losses, small_graph, write_images

import netspec
from netspec import backend
from netspec.ir.graph import Graph
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.sources.listing import held_out
from netspec.train.data.splits import Frame
from netspec.train.evaluation.views import Predictor, View, views
from netspec.train.learning.objective import Objective, build
from netspec.train.learning.validation import evaluate


@pytest.mark.ci  # takes seconds
def test_blocked_libraries_cannot_be_imported(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("import netspec")
    for cold in (False, True):
        result = run(path, cold=cold)
        assert result.returncode == 1
        assert "netspec is blocked" in result.stderr


def test_training_on_synthetic_images_reduces_the_loss(tmp_path: Path) -> None:
    path = write_program(small_graph(), tmp_path)
    result = run(path, "--synthetic", "--steps", "60", "--batch", "16", blocked=(*BLOCKED, "PIL"))
    assert (result.returncode, result.stderr) == (0, "")
    assert printed_losses(result.stdout)[-1] < 0.3 * printed_losses(result.stdout)[0]
    assert re.search(
        r"^epoch 2: validation loss [\d.]+, top-1 \d+\.\d\d %, top-5 100\.00 %$", result.stdout, re.MULTILINE
    )


def test_training_ends_after_the_steps_of_the_spec(tmp_path: Path) -> None:
    text = "[x] input 6\n[f] fc outputs=3\n[p] softmax\ntrain steps=3 batch=4 schedule=inverse(1, 1)"
    path = write_program(netspec.loads(text).graph, tmp_path)
    lines = [line for line in run(path, "--synthetic").stdout.splitlines() if line.startswith("step ")]
    assert [re.findall(r"^step (\S+) .* lr (\S+)", line)[0] for line in lines] == [
        ("1/3", "0.01"),
        ("3/3", "0.00333333"),
    ]
    assert "step 2/2 " in run(path, "--synthetic", "--steps", "2").stdout
    assert re.search(r"^epoch 2: ", run(path, "--synthetic", "--epochs", "2", "--batch", "64").stdout, re.MULTILINE)


@pytest.mark.ci  # takes seconds
def test_alexnet_tiny_runs(tmp_path: Path) -> None:
    path = write_program(netspec.load(SPECS / "alexnet-tiny.net").graph, tmp_path)
    result = run(path, "--synthetic", "--steps", "2", "--batch", "4", cold=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(printed_losses(result.stdout)) == 2


def test_runs_are_repeatable_and_write_weights(tmp_path: Path) -> None:
    path, out = write_program(small_graph(), tmp_path), tmp_path / "weights.pt"
    first = run(path, "--synthetic", "--steps", "3", "--seed", "4", "--out", out)
    assert first.returncode == 0, first.stderr
    state = torch.load(out, weights_only=True)
    out.unlink()
    assert run(path, "--synthetic", "--steps", "3", "--seed", "4", "--out", out).returncode == 0
    again = torch.load(out, weights_only=True)
    assert all(torch.equal(again[key], state[key]) for key in state)
    assert not list(tmp_path.glob("*.part"))
    model = network_class(import_program(path))()
    model.load_state_dict(state)


@pytest.mark.parametrize(
    "graph",
    [
        small_graph(),
        small_graph(mean="image", augment="crop=12 from=14 flip=horizontal colour=pca(0.1)", views=10),
        small_graph(mean="channel", augment="crop=12 from=16", schedule="step(every=1, factor=0.5)"),
        small_graph(augment="colour=pca(0.1)", schedule="plateau(factor=0.1, times=1)"),
    ],
    ids=["plain", "everything", "channel-mean", "colour-only"],
)
def test_training_on_a_folder_reduces_the_loss(graph: Graph, images: Path, tmp_path: Path, run_here: RunHere) -> None:
    result = run_here(write_program(graph, tmp_path), "--data", images, "--epochs", "6", "--batch", "8", "--seed", "1")
    assert (result.returncode, result.stderr) == (0, "")
    assert printed_losses(result.stdout)[-1] < printed_losses(result.stdout)[0]
    validation = sum(held_out(f"{path.parent.name}/{path.name}") for path in images.rglob("*.*"))
    assert 0 < validation < 12
    assert f"{36 - validation} training images, {validation} for validation; " in result.stdout
    assert result.stdout.count(": validation loss") == 6
    assert ("ten views: loss" in result.stdout) == (graph.test.views == 10)


def test_val_folder_is_used_for_validation(images: Path, tmp_path: Path, run_here: RunHere) -> None:
    folder = tmp_path / "divided"
    shutil.copytree(images, folder / "train")
    write_images(folder / "val", images=2)
    result = run_here(write_program(small_graph(), tmp_path), "--data", folder, "--steps", "2")
    assert (result.returncode, result.stderr) == (0, "")
    assert "36 training images, 6 for validation; an epoch is 9 steps and leaves 0 images out" in result.stdout


@pytest.mark.skipif(not warm.HERE, reason="a closed pipe gives another error on this platform")
def test_closed_output_pipe_ends_the_program_quietly(tmp_path: Path) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    os.mkfifo(out)
    words = (str(write_program(small_graph(), tmp_path)), "--synthetic", "--steps", "2", "--threads", "1")
    process = warm.start(warm.Start(words, tmp_path, out, err, blocked=BLOCKED), daemon=True)
    os.close(os.open(out, os.O_RDONLY))  # the program waits for a reader, which closes the pipe at once
    process.join(60)
    assert (process.exitcode, err.read_text()) == (141, "")


def test_sum_of_3000_inputs(tmp_path: Path) -> None:
    inputs = ",".join(["image"] * 3000)
    graph = netspec.loads(f"[image] input 2\n[many] sum inputs={inputs} neuron=abs\n[fc] fc outputs=2\n").graph
    program = load_program(graph, tmp_path)
    model = network_class(program)()
    x = torch.tensor([[1.0, -2.0]])
    torch.testing.assert_close(model(x), model.fc(torch.tensor([[3000.0, 6000.0]])))


def test_validation_loss_is_that_of_the_spec(tmp_path: Path) -> None:
    text = "[image] input 5\n[fc] fc outputs=3\n[prob] softmax\n[error] squarederror inputs=prob loss_weight=2\n"
    graph = netspec.loads(text).graph
    program = load_program(graph, tmp_path)
    model = network_class(program)()
    program.initialise(model, 3)
    batches = [(torch.randn(n, 5), torch.randint(3, (n,))) for n in (4, 2)]
    expected = evaluate(build(graph, 3, "cpu"), batches)
    assert expected is not None
    loss, top1, _ = program.evaluate(model, [(x.unsqueeze(1), labels) for x, labels in batches])
    assert loss == pytest.approx(expected.loss, rel=1e-6)
    assert top1 == expected.top1


def test_noise_in_validation_is_repeatable_and_equals_the_trainers(tmp_path: Path) -> None:
    text = "[image] input 5\n[h] fc outputs=64 neuron=nrelu init=gaussian(0.5)\n[fc] fc outputs=3 init=gaussian(0.5)\n"
    graph = netspec.loads(text).graph
    program = load_program(graph, tmp_path)
    model = network_class(program)()
    program.initialise(model, 3)
    batches = [(torch.randn(n, 5), torch.randint(3, (n,))) for n in (4, 2)]
    objective = build(graph, 3, "cpu")
    as_views = [(x.unsqueeze(1), labels) for x, labels in batches]
    first, again, other = (program.evaluate(model, as_views, seed=seed) for seed in (5, 5, 6))
    expected = evaluate(objective, batches, seed=5)
    assert expected is not None
    assert first == again
    assert first[0] != other[0]
    assert first[0] == pytest.approx(expected.loss, rel=1e-6)
    joined = [(torch.cat([x for x, _ in batches]), torch.cat([labels for _, labels in batches]))]
    at_once = evaluate(objective, joined, seed=5)
    assert at_once is not None and at_once.loss == pytest.approx(expected.loss, rel=1e-6)
    repeated = [(x.unsqueeze(1).repeat(1, 2, *(1,) * (x.dim() - 1)), labels) for x, labels in batches]
    assert program.evaluate(model, repeated, seed=5)[0] == pytest.approx(_loss_of_two_views(objective, batches))


def _loss_of_two_views(objective: Objective, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> float:
    """Return the loss of the mean prediction of two equal views, which draw different noise, as in ``netspec eval``."""
    (losses, first), two_views = ([], 0), (View(0, 0, mirror=False, share=0.5),) * 2

    def unprepared(images: Any, choices: Any) -> torch.Tensor:
        return torch.from_numpy(images)

    for x, labels in batches:
        predictions = Predictor(objective, unprepared, two_views, 5)(x.numpy(), first)
        losses.append(torch.nn.functional.nll_loss(predictions, labels, reduction="sum"))
        first += len(labels)
    return float(sum(losses)) / first


@pytest.mark.parametrize(("size", "distinct"), [(8, 2), (9, 8), (12, 10)])
def test_ten_views_equal_those_of_eval_even_if_crops_coincide(size: int, distinct: int, tmp_path: Path) -> None:
    text = "[image] input 3x8x8 range=1\n[h] fc outputs=64 neuron=nrelu init=gaussian(0.5)\n[fc] fc outputs=3\n"
    graph = netspec.loads(f"{text}[prob] softmax\naugment crop=8 from={size}\ntest views=10\n").graph
    images = np.random.default_rng(0).integers(0, 256, (6, size, size, 3), np.uint8)
    for number, pixels in enumerate(images):
        (tmp_path / "val" / "abc"[number % 3]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "val" / "abc"[number % 3] / f"{number}.png")
    shutil.copytree(tmp_path / "val", tmp_path / "train")
    program = load_program(graph, tmp_path)
    model = network_class(program)()
    program.initialise(model, 3)
    loss, _, _ = program.evaluate(model, program.Folder(tmp_path, 4, 0, 1).validation(10), seed=5)
    frame, shape = Frame(3, size, size), graph.input.output
    eval_views = views(10, frame, shape)
    assert len(eval_views) == distinct
    prepare = Preparation(graph.preprocessing, None, frame, shape, 255, torch.device("cpu"))
    tested = np.ascontiguousarray(images.transpose(0, 3, 1, 2)[[0, 3, 1, 4, 2, 5]])  # in the order of the folders
    predictions = Predictor(build(graph, 3, "cpu"), prepare, eval_views, 5)(tested)
    assert loss == pytest.approx(
        float(torch.nn.functional.nll_loss(predictions, torch.tensor([0, 0, 1, 1, 2, 2]))), rel=1e-6
    )


def test_colourspace_and_dropout_equal_the_module(tmp_path: Path) -> None:
    text = "[image] input 3x4x4\n[yuv] colourspace to=yuv\n[drop] dropout\n[fc] fc outputs=3\n"
    graph = netspec.loads(text).graph
    model = network_class(load_program(graph, tmp_path))().eval()
    module = backend.load("pytorch").module(graph).eval()
    module.load_state_dict(model.state_dict())
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(model(x), module(x))


def test_written_weights_are_the_moving_average(tmp_path: Path, run_here: RunHere) -> None:
    """After one step the average is 0.1 of the initial weights plus 0.9 of the weights after the step."""
    plain, averaged = tmp_path / "plain.pt", tmp_path / "averaged.pt"
    text = "[image] input 5\n[fc] fc outputs=3\ntrain batch=4 {}"
    for out, keys in ((plain, ""), (averaged, "ema=0.99")):
        graph = netspec.loads(text.format(keys)).graph
        assert run_here(write_program(graph, tmp_path), "--synthetic", "--steps", "1", "--out", out).returncode == 0
    after, average = (torch.load(path, weights_only=True)["fc.weight"] for path in (plain, averaged))
    program = import_program(tmp_path / "program.py")
    model = network_class(program)()
    program.initialise(model, 0)
    torch.testing.assert_close(average, 0.1 * model.fc.weight.detach() + 0.9 * after, rtol=1e-6, atol=1e-7)
    assert not torch.equal(average, after)
