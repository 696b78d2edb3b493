"""Generated programs in several processes: the trainer's numbers bit for bit, and how runs begin and end."""

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
from PIL import Image
from places import ROOT
from programs import BLOCKED, Here, imported, network, run, written
from together import CROSSINGS, Trial, compare, free_port

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


def trial(name: str, graph: Graph, folder: Path, batch: int = 6, split: SplitWord | None = None) -> Trial:
    chosen = split or ("groups" if graph.groups > 1 else "batch")
    return Trial(name, graph, written(graph, folder, name), chosen, batch)


def emit(graph: Graph) -> str:
    text: str = source.emit(graph, stem="program", spec="")
    return text


@pytest.mark.ci  # many networks
def test_two_processes_compute_what_the_trainer_computes(tmp_path: Path) -> None:
    tiny = netspec.load(ROOT / "specs" / "alexnet-tiny.net").graph
    options = "train accumulate=2 ema=0.9 label_smoothing=0.1 schedule=steps(2, factor=0.1)"
    noisy = "default fc schedule=jdexp(0.1, 2)\ntrain schedule=linear(0.5, noise=0.5) bias_schedule=steps(freeze=2)"
    early = "default batchnorm update_every=1\ndefault fc update_every=1\ntrain accumulate=2 batch=6"
    trials = [
        trial("tiny", tiny, tmp_path, batch=4),
        trial("to_first", grouped(train=noisy), tmp_path),
        trial("by_all", grouped(BY_ALL, "train accumulate=2 schedule=cosine"), tmp_path),
        trial("own_loss", grouped(OWN_LOSS, options), tmp_path),
        trial("early", grouped(TO_FIRST, early), tmp_path),
        trial("divided", grouped(TO_FIRST, "default conv super_eps=1\ndefault fc super_eps=0.5"), tmp_path),
        trial("early_by_batch", netspec.loads(f"{BRANCHES.strip()}\n{early}").graph, tmp_path),
        trial("loss_on_first", grouped(LOSS_ON_FIRST, options), tmp_path),
        trial("on_second", grouped(ON_SECOND), tmp_path, split="batch"),
        trial("low", grouped(TO_FIRST, "train precision=bf16 channels_last=yes"), tmp_path),
        trial("crossings", netspec.loads(CROSSINGS.strip()).graph, tmp_path),
        trial("branches", netspec.loads(BRANCHES.strip()).graph, tmp_path, batch=5),
        trial("low_branches", netspec.loads(f"{BRANCHES.strip()}\ntrain precision=bf16").graph, tmp_path, batch=5),
    ]
    compare(trials, 2)


@pytest.mark.slow
def test_four_processes_compute_what_the_trainer_computes(tmp_path: Path) -> None:
    """Two groups, each on two shares of the batch, which are uneven."""
    options = "train accumulate=2 ema=0.9 label_smoothing=0.1"
    early = "default fc update_every=2\ntrain accumulate=4 batch=8"
    trials = [
        trial("loss_on_first", grouped(LOSS_ON_FIRST, options), tmp_path, batch=10),
        trial("early", grouped(LOSS_ON_FIRST, early), tmp_path, batch=8),
    ]
    compare(trials, 4)


def test_what_the_networks_above_need() -> None:
    """Otherwise the comparisons would leave a helper out."""
    found = {
        "to_first": emit(grouped()), "by_all": emit(grouped(BY_ALL)), "own_loss": emit(grouped(OWN_LOSS)),
        "on_second": emit(grouped(ON_SECOND)), "crossings": emit(netspec.loads(CROSSINGS.strip()).graph),
    }  # fmt: skip
    helpers = ("from_all", "all_of", "to_first", "share_of", "for_all")
    assert {name: [h for h in helpers if f"def {h}(" in text] for name, text in found.items()} == {
        "to_first": ["from_all", "to_first", "for_all"],
        "by_all": ["from_all", "all_of", "for_all"],
        "own_loss": ["from_all", "all_of", "for_all"],
        "on_second": [],
        "crossings": ["from_all", "all_of", "share_of", "for_all"],
    }


def test_without_groups_the_network_knows_of_no_processes() -> None:
    text = emit(netspec.load(ROOT / "specs" / "lenet.net").graph)
    assert "    def __init__(self):\n" in text
    assert "self.team" not in text
    assert "GROUPS" not in text


def test_layers_called_like_what_several_processes_need(tmp_path: Path) -> None:
    names = {"conv1": "team", "bn1": "parts", "fc6": "from_all", "fc7": "class", "fc8": "x-y"}
    text = GROUPED.format(end=TO_FIRST, train="").rstrip()
    for old, new in names.items():
        text = text.replace(f"[{old}]", f"[{new}]")
    graph = netspec.loads(text).graph
    made = imported(written(graph, tmp_path))
    model, module = network(made)(), backend.load("pytorch").module(graph, seed=5)
    made.initialise(model, 5)
    assert list(model.state_dict()) == list(module.state_dict())
    x = torch.randn(3, 3, 17, 17)
    assert torch.equal(model.eval()(x), module.eval()(x))


# As their users run them: processes with what torchrun tells them, in which netspec cannot be imported.


@dataclass(frozen=True)
class Running:
    """A process of a program, and where it writes."""

    process: BaseProcess
    folder: Path

    def end(self) -> int | None:
        """Wait for its end; its exit code."""
        self.process.join(60)
        return self.process.exitcode

    def told(self, stream: str) -> str:
        """What it has written to ``out`` or to ``err`` so far; nothing, before it has come to open them."""
        file = self.folder / stream
        return file.read_text("utf-8") if file.exists() else ""


@contextmanager
def started(path: Path, count: int, *arguments: str | Path) -> Iterator[list[Running]]:
    """A program in several processes, which are ended with the context."""
    with ExitStack() as stack:
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(count)}
        running = []
        for rank in range(count):
            place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(count)}
            words = (str(path), "--threads", "1", "--device", "cpu", *map(str, arguments))
            folder = Path(stack.enter_context(TemporaryDirectory()))
            environment = {**os.environ, **shared, **place}
            how = warm.Start(words, folder, folder / "out", folder / "err", environment, BLOCKED)
            running.append(Running(warm.start(how, daemon=True), folder))
            stack.callback(running[-1].process.kill)
        yield running


@pytest.mark.ci  # several processes, three trainings
def test_on_a_folder_two_processes_end_with_the_weights_of_one(tmp_path: Path) -> None:
    graph = netspec.loads(
        GROUPED.format(end=TO_FIRST, train="train epochs=1 batch=5 optimizer=sgd(lr=0.02, momentum=0.9)")
        .replace("3x17x17", "3x17x17 mean=channel")
        .rstrip()
    ).graph
    path = written(graph, tmp_path)
    for number in range(5):
        (tmp_path / "images" / str(number)).mkdir(parents=True)
        for i in range(4):
            image = Image.new("RGB", (20, 17), (50 * number, 60 * i, 90))
            image.save(tmp_path / "images" / str(number) / f"{i}.png")
    (tmp_path / "images" / "2" / "3.png").write_bytes(b"no picture")
    alone = run(path, "--data", tmp_path / "images", "--out", tmp_path / "one.pt", blocked=BLOCKED)
    assert alone.returncode == 0, alone.stderr
    with started(path, 2, "--data", tmp_path / "images", "--out", tmp_path / "two.pt") as (first, second):
        assert (first.end(), second.end()) == (0, 0), first.told("err") + second.told("err")
        assert (second.told("out"), second.told("err")) == ("", "")
        assert first.told("err") == alone.stderr
        assert first.told("err").count("skipped ") == 1
        assert " on cpu, 2 processes, 1 threads" in first.told("out")
    one, two = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("one", "two"))
    assert list(one) == list(two)
    for key in one:
        torch.testing.assert_close(two[key], one[key], rtol=1e-3, atol=1e-5)


@pytest.mark.ci
def test_where_a_process_dies_the_others_end_with_an_error(tmp_path: Path) -> None:
    path = written(grouped(), tmp_path)
    with started(path, 2, "--synthetic", "--steps", "1000000", "--batch", "4") as (first, second):
        deadline = time.monotonic() + 60
        while "\nstep 20/" not in first.told("out"):
            assert first.process.is_alive() and time.monotonic() < deadline, first.told("out") + first.told("err")
            time.sleep(0.01)
        second.process.kill()
        assert first.end() == 1
        assert first.told("err").strip() == (
            "error: process 0 has lost another process, which has ended or cannot be reached"
        )


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Here]:
    before = torch.get_num_threads()
    yield Here(monkeypatch, capsys)
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("count", "graph", "arguments", "complaint"),
    [
        (3, grouped(), (), "error: 3 processes cannot share 2 GPU groups; use 1 or a multiple of 2\n"),
        (6, grouped(), ("--batch", "2"), "error: 3 processes cannot divide a batch of 2; see --batch\n"),
        (
            4, grouped(ON_SECOND, "train accumulate=2"), ("--batch", "6"),
            "error: 4 processes cannot divide 3 images at a time; use --batch 8 or more\n",
        ),
    ],
)  # fmt: skip
def test_processes_that_cannot_train_together_are_refused_at_once(
    count: int,
    graph: Graph,
    arguments: tuple[str, ...],
    complaint: str,
    tmp_path: Path,
    here: Here,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(count))
    monkeypatch.setenv("RANK", "1")
    done = here(written(graph, tmp_path), "--synthetic", "--device", "cpu", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", complaint)
