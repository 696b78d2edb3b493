"""Generated programs in several processes: the same bits as the trainer, and how runs start and end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
import warm
from networks import ENLARGING, MODERN, SMALL_ALEXNET
from PIL import Image
from places import ROOT
from program_vs_trainer import CROSSINGS, Trial, assert_same_steps, free_port
from programs import BLOCKED, RunHere, load_program, network_class, run, write_program

import netspec
from netspec import backend
from netspec.ir.graph import Graph
from netspec.passes.placing import SplitWord

source = backend.load("source")

GROUPED = """
net grouped  rounding=up
gpus 2
default conv  init=gaussian(0.3)  neuron=relu
default fc    init=gaussian(0.3)  neuron=relu  reads=all
[image] input 3x17x17
[bn0] batchnorm
[conv1] conv filters=8 kernel=5 stride=2
[norm1] lrn size=3 k=2 alpha=0.1 beta=0.75
[bn1] batchnorm
[conv2] conv filters=8 kernel=3 pad=1 bias=0.2
[conv3] conv filters=12 kernel=3 pad=1 reads=all
[fc6] fc outputs=10
[drop6] dropout rate=0.5 scaling=test
[fc7] fc outputs=8
[drop7] dropout rate=0.3
{end}
{train}
"""
TO_FIRST = "[fc8] fc outputs=5 neuron=linear gpu=0\n[prob] softmax"
BY_ALL = "[fc8] fc outputs=6 neuron=linear\n[prob] softmax"
OWN_LOSS = "[fc8] fc outputs=6 neuron=linear\n[loss] crossentropy\n[loss2] squarederror inputs=fc8 loss_weight=0.3"
LOSS_ON_FIRST = "[fc8] fc outputs=5 neuron=linear gpu=0\n[loss] crossentropy"
ON_SECOND = "[fc8] fc outputs=5 neuron=linear gpu=1\n[prob] softmax"
BRANCHES = """
net branches
[image] input 3x8x8
[conv] conv filters=6 kernel=3 init=gaussian(0.3) bias=none
[bn] batchnorm
[relu] relu
[side] fc outputs=5 init=gaussian(0.2)
[drop] dropout inputs=relu rate=0.4
[main] fc outputs=5 init=gaussian(0.2)
[bn2] batchnorm
[loss1] crossentropy inputs=side loss_weight=0.3
[loss2] crossentropy inputs=bn2
"""


def grouped(end: str = TO_FIRST, train: str = "") -> Graph:
    return netspec.loads(GROUPED.format(end=end, train=train).rstrip()).graph


def trial_of(name: str, graph: Graph, folder: Path, batch: int = 6, split: SplitWord | None = None) -> Trial:
    default: SplitWord = "groups" if graph.groups > 1 else "batch"
    return Trial(name, graph, write_program(graph, folder, name), split or default, batch)


def emit(graph: Graph) -> str:
    text: str = source.emit(graph, stem="program", spec="")
    return text


OPTIONS = "train accumulate=2 ema=0.9 label_smoothing=0.1 schedule=steps(2, factor=0.1)"
EARLY = "default batchnorm update_every=1\ndefault fc update_every=1\ntrain accumulate=2 batch=6"


@pytest.mark.ci  # many networks
def test_two_processes_compute_the_trainers_bits(tmp_path: Path) -> None:
    tiny = netspec.loads(SMALL_ALEXNET).graph
    noisy = "default fc schedule=jdexp(0.1, 2)\ntrain schedule=linear(0.5, noise=0.5) bias_schedule=steps(freeze=2)"
    enlarging = ENLARGING.replace("gpu=1", "gpu=all").replace("outputs=5 ", "outputs=6 ").replace("gpu=0", "reads=all")
    trials = [
        trial_of("tiny", tiny, tmp_path, batch=4),
        trial_of("to_first", grouped(train=noisy), tmp_path),
        trial_of("by_all", grouped(BY_ALL, "train accumulate=2 schedule=cosine"), tmp_path),
        trial_of("own_loss", grouped(OWN_LOSS, OPTIONS), tmp_path),
        trial_of("weighted", grouped(LOSS_ON_FIRST, "train accumulate=2 class_weights=0.1,3,0,7.5,1"), tmp_path),
        trial_of("weighted_scores", grouped(TO_FIRST, "train class_weights=0.1,3,0,7.5,1"), tmp_path, batch=7),
        trial_of("early", grouped(TO_FIRST, EARLY), tmp_path),
        trial_of("adamw", grouped(BY_ALL, "train optimizer=adamw(lr=0.01)"), tmp_path),
        trial_of("lars", grouped(BY_ALL, "train optimizer=lars(weight_decay=0.01, adapt=all)"), tmp_path),
        trial_of("lamb", grouped(BY_ALL, "train optimizer=lamb(lr=0.01)"), tmp_path),
        trial_of("clipped", grouped(BY_ALL, "train clip_gradients=norm(0.01)"), tmp_path),
        trial_of("clipped_parts", grouped(TO_FIRST, f"{EARLY} clip_gradients=norm(0.01)"), tmp_path),
        trial_of("clipped_batch", grouped(ON_SECOND, "train clip_gradients=norm(0.01)"), tmp_path, split="batch"),
        trial_of("on_second", grouped(ON_SECOND), tmp_path, split="batch"),
        trial_of("low_modern", netspec.loads(f"{MODERN}train precision=bf16").graph, tmp_path),
        trial_of("branches", netspec.loads(BRANCHES.strip()).graph, tmp_path, batch=5),
        trial_of("enlarging", netspec.loads(enlarging).graph, tmp_path),
    ]
    assert_same_steps(trials, 2)


@pytest.mark.slow  # more of the same
def test_two_processes_compute_the_trainers_bits_of_more_networks(tmp_path: Path) -> None:
    adam = EARLY.replace("train", "train optimizer=adam(weight_decay=0.01)")
    trials = [
        trial_of("early_by_batch", netspec.loads(f"{BRANCHES.strip()}\n{EARLY}").graph, tmp_path),
        trial_of("nesterov", grouped(train="train optimizer=sgd(lr=0.1, weight_decay=0.01, nesterov=yes)"), tmp_path),
        trial_of("adam", grouped(TO_FIRST, adam), tmp_path),
        trial_of("divided", grouped(TO_FIRST, "default conv super_eps=1\ndefault fc super_eps=0.5"), tmp_path),
        trial_of("loss_on_first", grouped(LOSS_ON_FIRST, OPTIONS), tmp_path),
        trial_of("low", grouped(TO_FIRST, "train precision=bf16 channels_last=yes"), tmp_path),
        trial_of("modern", netspec.loads(MODERN).graph, tmp_path),
        trial_of("crossings", netspec.loads(CROSSINGS.strip()).graph, tmp_path),
        trial_of("low_branches", netspec.loads(f"{BRANCHES.strip()}\ntrain precision=bf16").graph, tmp_path, batch=5),
    ]
    assert_same_steps(trials, 2)


@pytest.mark.slow
def test_four_processes_compute_the_trainers_bits(tmp_path: Path) -> None:
    """Two groups, each with two uneven shares of the batch."""
    options = "train accumulate=2 ema=0.9 label_smoothing=0.1"
    early = "default fc update_every=2\ntrain accumulate=4 batch=8"
    trials = [
        trial_of("loss_on_first", grouped(LOSS_ON_FIRST, options), tmp_path, batch=10),
        trial_of("early", grouped(LOSS_ON_FIRST, early), tmp_path, batch=8),
    ]
    assert_same_steps(trials, 4)


def test_compared_networks_need_all_transfer_functions() -> None:
    """Otherwise the comparisons above would not cover them."""
    texts = {
        "to_first": emit(grouped()), "by_all": emit(grouped(BY_ALL)), "own_loss": emit(grouped(OWN_LOSS)),
        "on_second": emit(grouped(ON_SECOND)), "crossings": emit(netspec.loads(CROSSINGS.strip()).graph),
    }  # fmt: skip
    functions = ("from_all", "all_of", "to_first", "share_of", "for_all")
    assert {name: [f for f in functions if f"def {f}(" in text] for name, text in texts.items()} == {
        "to_first": ["from_all", "to_first", "for_all"],
        "by_all": ["from_all", "all_of", "for_all"],
        "own_loss": ["from_all", "all_of", "for_all"],
        "on_second": [],
        "crossings": ["from_all", "all_of", "share_of", "for_all"],
    }


def test_network_without_groups_has_no_world() -> None:
    text = emit(netspec.load(ROOT / "specs" / "lenet.net").graph)
    assert "    def __init__(self):\n" in text
    assert "self.world" not in text
    assert "GROUPS" not in text


def test_layers_named_like_names_of_the_parallel_code(tmp_path: Path) -> None:
    names = {"conv1": "world", "bn1": "parts", "fc6": "from_all", "fc7": "class", "fc8": "x-y"}
    text = GROUPED.format(end=TO_FIRST, train="").rstrip()
    for old, new in names.items():
        text = text.replace(f"[{old}]", f"[{new}]")
    graph = netspec.loads(text).graph
    program = load_program(graph, tmp_path)
    model, module = network_class(program)(), backend.load("pytorch").module(graph, seed=5)
    program.initialise(model, 5)
    assert list(model.state_dict()) == list(module.state_dict())
    x = torch.randn(3, 3, 17, 17)
    assert torch.equal(model.eval()(x), module.eval()(x))


# Programs in processes with torchrun's environment variables, which cannot import netspec.


@dataclass(frozen=True)
class Running:
    """A process that runs a program, and the folder of its output."""

    process: BaseProcess
    folder: Path

    def wait(self) -> int | None:
        """Wait for the end of the process, and return its exit code."""
        self.process.join(60)
        return self.process.exitcode

    def output(self, stream: str) -> str:
        """Return the text written so far to ``out`` or ``err``; empty before the process has opened it."""
        file = self.folder / stream
        return file.read_text("utf-8") if file.exists() else ""


@contextmanager
def start(path: Path, count: int, *arguments: str | Path) -> Iterator[list[Running]]:
    """Run a program in several processes, which are killed at the end of the context."""
    with ExitStack() as stack:
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(count)}
        running = []
        for rank in range(count):
            own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(count)}
            words = (str(path), "--threads", "1", "--device", "cpu", *map(str, arguments))
            folder = Path(stack.enter_context(TemporaryDirectory()))
            environment = {**os.environ, **shared, **own}
            spec = warm.Start(words, folder, folder / "out", folder / "err", environment, BLOCKED)
            running.append(Running(warm.start(spec, daemon=True), folder))
            stack.callback(running[-1].process.kill)
        yield running


@pytest.mark.ci  # three trainings in several processes
def test_two_processes_train_the_weights_of_one(tmp_path: Path) -> None:
    graph = netspec.loads(
        GROUPED.format(end=TO_FIRST, train="train epochs=1 batch=5 optimizer=sgd(lr=0.02, momentum=0.9)")
        .replace("3x17x17", "3x17x17 mean=channel")
        .rstrip()
    ).graph
    path = write_program(graph, tmp_path)
    for number in range(5):
        (tmp_path / "images" / str(number)).mkdir(parents=True)
        for i in range(4):
            image = Image.new("RGB", (20, 17), (50 * number, 60 * i, 90))
            image.save(tmp_path / "images" / str(number) / f"{i}.png")
    (tmp_path / "images" / "2" / "3.png").write_bytes(b"no image")
    alone = run(path, "--data", tmp_path / "images", "--out", tmp_path / "one.pt", blocked=BLOCKED)
    assert alone.returncode == 0, alone.stderr
    with start(path, 2, "--data", tmp_path / "images", "--out", tmp_path / "two.pt") as (first, second):
        assert (first.wait(), second.wait()) == (0, 0), first.output("err") + second.output("err")
        assert (second.output("out"), second.output("err")) == ("", "")
        assert first.output("err") == alone.stderr
        assert first.output("err").count("skipped ") == 1
        assert " on cpu, 2 processes, 1 threads" in first.output("out")
    one, two = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("one", "two"))
    assert list(one) == list(two)
    for key in one:
        torch.testing.assert_close(two[key], one[key], rtol=1e-3, atol=1e-5)


@pytest.mark.ci
def test_process_ends_with_an_error_if_another_dies(tmp_path: Path) -> None:
    path = write_program(grouped(), tmp_path)
    with start(path, 2, "--synthetic", "--steps", "1000000", "--batch", "4") as (first, second):
        deadline = time.monotonic() + 60
        while "\nstep 20/" not in first.output("out"):
            assert first.process.is_alive() and time.monotonic() < deadline, first.output("out") + first.output("err")
            time.sleep(0.01)
        second.process.kill()
        assert first.wait() == 1
        assert first.output("err").strip() == (
            "error: process 0 has lost another process, which has ended or cannot be reached"
        )


@pytest.mark.parametrize(
    ("count", "graph", "arguments", "message"),
    [
        (3, grouped(), (), "error: 3 processes cannot share 2 GPU groups; use 1 or a multiple of 2\n"),
        (6, grouped(), ("--batch", "2"), "error: 3 processes cannot divide a batch of 2; see --batch\n"),
        (
            4, grouped(ON_SECOND, "train accumulate=2"), ("--batch", "6"),
            "error: 4 processes cannot divide 3 images at a time; use --batch 8 or more\n",
        ),
    ],
)  # fmt: skip
def test_wrong_number_of_processes_is_an_error(
    count: int,
    graph: Graph,
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    run_here: RunHere,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(count))
    monkeypatch.setenv("RANK", "1")
    result = run_here(write_program(graph, tmp_path), "--synthetic", "--device", "cpu", *arguments)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", message)
