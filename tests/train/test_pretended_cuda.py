"""What a run on CUDA calls, on a device that is not there (``pretended``): the same numbers as on the CPU."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import weakref
from collections import Counter
from pathlib import Path

import networks
import numpy as np
import pretended_api
import pytest
import torch
from pretended import pretended
from reporters import QUIET
from run_folders import SPEC, newest_checkpoint
from tiny_network import invoke, save_picture

from netspec.ir.settings import Preprocessing
from netspec.ir.shape import Shape
from netspec.net import loads
from netspec.passes.fast import forms_of
from netspec.train import loop
from netspec.train.config import Request
from netspec.train.data.batches.augment import central
from netspec.train.data.batches.preparation import AHEAD, Preparation
from netspec.train.data.picture import Frame
from netspec.train.learning.library import cudnn_benchmark
from netspec.train.learning.objective import build
from netspec.train.learning.recorded import RecordedObjective, recorded
from netspec.train.learning.recording import CudaGraphs, Inputs, Recording
from netspec.train.run import train

PRETENDING = Path(__file__).parents[1] / "helpers" / "pretending"
"""What a process is to have in its path so that there are devices for it."""

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU; what is marked gpu runs on it")

FAST = SPEC.replace("kernel=3", "kernel=4 stride=2").replace(
    "[norm] batchnorm", "[norm] lrn size=3 k=1 alpha=0.1 beta=0.75"
)
"""A strided convolution that is one over blocks of pixels, and a chain."""


def run(spec: str, where: str, out: Path, steps: int = 3, **more: object) -> Path:
    request = Request("synthetic", steps=steps, batch=8, threads=1, out=out, device=where, **more)  # type: ignore[arg-type]
    return train(loads(spec).graph, spec, "tiny", request, QUIET).folder


def far(a: Path, b: Path) -> float:
    """The largest distance of two runs' weights, as a share of a tensor's length."""
    ours, theirs = newest_checkpoint(a)["weights"], newest_checkpoint(b)["weights"]
    assert list(ours) == list(theirs)
    return max(float((x.double() - theirs[name].double()).norm() / x.double().norm()) for name, x in ours.items())


@pytest.mark.parametrize("precision", ["fp32", pytest.param("bf16", marks=pytest.mark.ci)])
def test_a_training_is_that_on_the_cpu(precision: str, tmp_path: Path) -> None:
    spec = FAST.replace("train epochs", f"train precision={precision} epochs")
    alone = run(spec, "cpu", tmp_path / "cpu", without=("all",))
    with pretended() as device:
        cuda = run(spec, "cuda", tmp_path / "cuda")
    assert far(alone, cuda) < (1e-5 if precision == "fp32" else 0.1)
    # A warm-up on a stream of its own, the recording, and a replay that is looked at; the other two steps. Then looks.
    begun = ["wait", "aside", "wait", "record", "recorded", "replay"]
    assert device.log[: 6 + 2 + 6] == [*begun, "replay", "replay", *begun]
    assert set(device.log[14:]) == {"replay"}


@pytest.mark.ci
def test_what_is_asked_of_a_run_on_the_device(tmp_path: Path) -> None:
    with pretended():
        folder = run(SPEC, "cuda", tmp_path / "run", 2)
        assert invoke("train", "--resume", folder, "--steps", 4, "--quiet").exit_code == 0
        image = save_picture(tmp_path / "photo.png")
        for words in (
            ("eval", folder, "--views", 10),
            ("predict", folder, image),
            ("filters", folder, "--image", image, "--activations", "conv", "-o", tmp_path / "answer.png"),
        ):
            done = invoke(*words, "--device", "cuda")
            assert done.exit_code == 0, (words, done.output)
    assert invoke("train", "--resume", folder, "--steps", 5, "--device", "cpu", "--quiet").exit_code == 0
    straight = run(SPEC, "cpu", tmp_path / "straight", 5)
    assert far(folder, straight) < 1e-5


@pytest.mark.ci
def test_steps_wait_for_the_device_where_its_numbers_are_wanted_alone(tmp_path: Path) -> None:
    """Each step that is logged asks for its loss; nothing else of a step that has been recorded waits."""
    waits = []
    for steps in (6, 16):
        with pretended() as device:
            run(FAST, "cuda", tmp_path / str(steps), steps)
        waits.append(Counter(device.waits))
    more = waits[1] - waits[0]
    assert set(more) == {"_local_scalar_dense"} and more.total() <= 2 * 10


def test_tensors_in_both_kinds_of_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "to_device", lambda labels, device: torch.from_numpy(labels))
    with pretended(), pytest.raises(RuntimeError, match=r"on the same device: aten\.nll_loss"):
        run(SPEC, "cuda", tmp_path / "run", without=("cuda-graph",))


def test_what_waits_ends_a_recording(tmp_path: Path) -> None:
    module = torch.nn.Linear(2, 2)
    with pretended():
        recording = Recording(CudaGraphs(), module, "the work", Inputs())
        x = torch.ones(2, device="cuda")
        assert float(recording(lambda x: (x * float(x.sum()),), (x,))[0][0]) == 2
        assert not torch.cuda.default_generators[0].capturing  # type: ignore[attr-defined]
    assert recording.note is not None and "not permitted when stream is capturing" in recording.note


def test_cudnn_tries_its_algorithms_in_a_training_but_not_while_a_step_is_recorded() -> None:
    """What it tries it waits for."""
    seen: list[bool] = []

    def work(x: torch.Tensor) -> tuple[torch.Tensor]:
        seen.append(torch.backends.cudnn.benchmark)
        return (x * 2,)

    with pretended(), cudnn_benchmark(True):
        recording = Recording(CudaGraphs(), torch.nn.Linear(2, 2), "the work", Inputs())
        recording(work, (torch.ones(2, device="cuda"),))
        assert torch.backends.cudnn.benchmark
    assert recording.note is None and seen == [True, False] and not torch.backends.cudnn.benchmark


def test_recorded_looks_follow_recorded_steps_that_draw() -> None:
    text = "[image] input 3x6x6\n[c] conv filters=4 kernel=3 neuron=relu\n[d] dropout\n[f] fc outputs=3\n"
    graph = loads(text + "train precision=bf16\n").graph
    with pretended():
        objective = recorded(build(graph, 0, "cuda", forms_of(graph, ("cuda-graph", "dropout"))))
        images = torch.ones(2, 3, 6, 6, device="cuda")
        objective.gradients(images, torch.zeros(2, device="cuda").long(), 0, 0)
        objective.module.eval()
        with torch.no_grad():
            first, again = (objective.scores(images) for _ in range(2))
        assert bool((first == again).all()) and objective.chosen == ()


def test_forms_of_a_grouped_convolution_are_timed_by_the_device_after_their_launches() -> None:
    """It is kept waiting before each: what launching takes is not counted."""
    graph = loads("[image] input 4x6x6\n[c] conv filters=4 kernel=3 groups=2\n[f] fc outputs=3\n").graph
    with pretended() as device:
        objective = build(graph, 0, "cuda", forms_of(graph, ("grouped-conv",)))
        objective.gradients(torch.ones(2, 4, 6, 6, device="cuda"), torch.zeros(2, device="cuda").long(), 0, 0)
        (line,) = objective.chosen
    assert device.log == ["sleep"] * 3 * 7 and line.startswith("c is computed ")


@pytest.mark.parametrize(
    ("spec", "split"),
    [
        pytest.param("BRANCHING", "groups", marks=pytest.mark.ci),
        pytest.param("BRANCHING", "hybrid", marks=pytest.mark.ci),
        pytest.param("BRANCHING", "batch", marks=pytest.mark.slow),
        pytest.param("TOWERS", "groups", marks=pytest.mark.slow),
    ],
)
def test_two_devices_say_the_same_in_the_same_order(spec: str, split: str, tmp_path: Path) -> None:
    """Over what stands for NCCL, in bfloat16: each group's collectives, with the same lengths and types."""
    (tmp_path / "small.net").write_text(getattr(networks, spec))
    words = f"--data synthetic --steps 2 --batch 64 --precision bf16 --threads 1 --quiet --gpus 2 --split {split}"
    done = subprocess.run(
        [sys.executable, "-m", "netspec", "train", "small.net", *words.split(), "--out", "run"],
        cwd=tmp_path, capture_output=True, text=True, timeout=200,
        env={**os.environ, "PYTHONPATH": str(PRETENDING), "PRETENDED": "2", "EXCHANGED": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / rank).read_text()) for rank in "01")
    both = [[(name, tensors) for members, name, tensors in one if members == [0, 1]] for one in (first, second)]
    assert len(both[0]) > 20
    for (ours, lengths), (theirs, others) in zip(*both, strict=True):
        assert ours == theirs or {ours, theirs} == {"send", "recv_"}, (ours, theirs)
        if ours in ("gather_", "scatter_"):  # to or from one of them, which names what all have
            lengths, others = lengths[-1:], others[-1:]
        assert lengths == others, ours


@pytest.mark.ci
def test_an_old_gpu_trains_without_kernels_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tiny.net").write_text(FAST)
    with pretended(capability=(6, 1)):
        words = ("--data", "synthetic", "--steps", 1, "--batch", 8, "--device", "cuda", "--out", tmp_path / "run")
        done = invoke("train", tmp_path / "tiny.net", *words)
    assert done.exit_code == 0
    why = [line for line in done.output.splitlines() if "older than Triton" in line]
    assert len(why) == 2 and all("GPU that is not there" in line for line in why)


@pytest.mark.ci
def test_what_a_first_look_finds_out_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording of inference that fails; each line is told once, however many validations there are."""
    scores = RecordedObjective._scores

    def waiting(self: RecordedObjective, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        assert float(images.sum()) < 1e9
        return scores(self, images)

    monkeypatch.setattr(RecordedObjective, "_scores", waiting)
    notes: list[str] = []
    monkeypatch.setattr(QUIET, "note", notes.append)
    with pretended():
        run(SPEC.replace("train epochs=1", "train epochs=2"), "cuda", tmp_path / "run", 5)
    (line,) = (note for note in notes if "kernel by kernel" in note)
    assert line.startswith("inference is launched kernel by kernel: HostWait operation not permitted")


def test_a_recording_that_failed_is_kept_for_whom_pytorch_goes_on_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[object]] = []
    with pretended() as device:
        new = torch.cuda.CUDAGraph

        def remembered() -> torch.cuda.CUDAGraph:
            made.append(weakref.ref(graph := new()))
            return graph

        monkeypatch.setattr(torch.cuda, "CUDAGraph", remembered)
        graphs = CudaGraphs()
        with pytest.raises(ZeroDivisionError):
            graphs.record(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    gc.collect()
    assert made[0]() is not None and device.log[-1] == "reset"  # which gives its memory back


def test_few_batches_are_on_their_way_to_a_device_that_is_far_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = Frame(3, 6, 6)
    waited = []

    class Late(pretended_api.Event):
        def query(self) -> bool:
            return False

        def synchronize(self) -> None:
            waited.append(self)

    with pretended():
        monkeypatch.setattr(torch.cuda, "Event", Late)
        prepare = Preparation(Preprocessing(255, "none"), None, frame, Shape(3, 6, 6), 255, torch.device("cuda"))
        for _ in range(12):
            prepare(np.zeros((2, 3, 6, 6), np.uint8), central(2, frame, prepare.size))
    assert len(waited) == 12 - AHEAD
