"""Runs on a simulated CUDA device (``simulated_cuda``): the calls they make, and the same numbers as on the CPU."""

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
import pytest
import simulated_cuda_api
import torch
from processes import invoke
from reporters import QUIET
from run_folders import SPEC, newest_checkpoint
from simulated_cuda import simulate_cuda
from tiny_network import save_image

from netspec.ir.settings import Preprocessing
from netspec.ir.shape import Shape
from netspec.net import loads
from netspec.passes.fast import forms_of
from netspec.train import loop
from netspec.train.config import Request
from netspec.train.data.batches.augment import central
from netspec.train.data.batches.preparation import AHEAD, Preparation
from netspec.train.data.splits import Frame
from netspec.train.learning.objective import build
from netspec.train.learning.recorded import RecordedObjective, recorded
from netspec.train.learning.recording import CudaGraphs, Inputs, Recording
from netspec.train.learning.torch_settings import cudnn_benchmark
from netspec.train.run import train

DENSE = """\
net dense
[image] input 3x12x12 range=1 mean=image
[conv] conv filters=8 kernel=4 stride=2 pad=1 init=gaussian(0.2) neuron=relu
[norm] batchnorm
[coarse] binpool bins=3
[back] resize inputs=coarse,norm
[both] concat inputs=back,norm
[up] upsample factor=2 method=bilinear
[scores] conv filters=4 kernel=1 init=gaussian(0.1)
train batch=32 optimizer=sgd(lr=0.02) class_weights=1,1,2,0 label_smoothing=0.1 accumulate=2 ema=0.9
augment from=14 flip=horizontal
"""
"""A network of masks."""

SIMULATION = Path(__file__).parents[1] / "helpers" / "simulated_cuda_site"
"""The folder that a process needs in its PYTHONPATH to have simulated devices."""

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, on which the tests marked gpu run")

MIXING = " mixup=0.4 cutmix=1"
MIXED = SPEC.replace("kernel=3", "kernel=4 stride=2").replace(
    "[norm] batchnorm", "[norm] lrn size=3 k=1 alpha=0.1 beta=0.75"
)
FAST = MIXED.replace(MIXING, "")
"""A network with a strided convolution, computed on blocks of pixels, and an LRN chain. Images that are mixed are not
prepared as blocks."""
RMSPROP = "rmsprop(lr=0.003, momentum=0.9, eps_in_root=0.1, start=1) clip_gradients=norm(0.1)"
RULES = (FAST.replace("sgd(lr=0.02)", "sgd(lr=0.02) class_weights=1,3,0,0.2"), MIXED.replace("sgd(lr=0.02)", RMSPROP))
"""The network with two update rules. The first has weights of the classes, the second limits the norm of the gradients
and mixes images."""


def train_on(device: str, spec: str, out: Path, steps: int = 3, **more: object) -> Path:
    request = Request("synthetic", steps=steps, batch=8, threads=1, out=out, device=device, **more)  # type: ignore[arg-type]
    return train(loads(spec), "tiny", request, QUIET).folder


def weight_difference(a: Path, b: Path) -> float:
    """Return the largest difference of two runs' weights, relative to the norm of the tensor."""
    ours, theirs = newest_checkpoint(a)["weights"], newest_checkpoint(b)["weights"]
    assert list(ours) == list(theirs)
    return max(float((x.double() - theirs[name].double()).norm() / x.double().norm()) for name, x in ours.items())


@pytest.mark.ci
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("text", RULES, ids=["sgd", "rmsprop"])
def test_training_has_the_weights_of_the_cpu(
    text: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr(QUIET, "note", notes.append)
    spec = text.replace("train epochs", f"train precision={precision} epochs")
    plain = train_on("cpu", spec, tmp_path / "cpu", without=("all",))
    with simulate_cuda() as device:
        cuda = train_on("cuda", spec, tmp_path / "cuda")
    assert weight_difference(plain, cuda) < (1e-5 if precision == "fp32" else 0.1)
    note = "images are laid out as blocks in another copy, after they have been mixed"
    assert (note in notes) == (MIXING in text)
    # A recording is preceded by a warm-up on a side stream, and followed by a replay that checks it. After that of the
    # step, two more steps are replayed, and then inference is recorded.
    recording = ["wait", "aside", "wait", "record", "recorded", "replay"]
    assert device.log[: 6 + 2 + 6] == [*recording, "replay", "replay", *recording]
    assert set(device.log[14:]) == {"replay"}


@pytest.mark.ci
@pytest.mark.parametrize(("spec", "views"), [(SPEC, "10"), pytest.param(DENSE, "whole", marks=pytest.mark.slow)])
def test_all_commands_on_a_run_work_on_the_device(spec: str, views: str, tmp_path: Path) -> None:
    with simulate_cuda():
        folder = train_on("cuda", spec, tmp_path / "run", 2)
        assert invoke("train", "--resume", folder, "--steps", 4, "--quiet").exit_code == 0
        image = save_image(tmp_path / "photo.png")
        for arguments in (
            ("eval", folder, "--views", views),
            ("predict", folder, image),
            ("filters", folder, "--image", image, "--activations", "conv", "-o", tmp_path / "answer.png"),
        ):
            done = invoke(*arguments, "--device", "cuda")
            assert done.exit_code == 0, (arguments, done.output)
    assert invoke("train", "--resume", folder, "--steps", 5, "--device", "cpu", "--quiet").exit_code == 0
    uninterrupted = train_on("cpu", spec, tmp_path / "uninterrupted", 5)
    assert weight_difference(folder, uninterrupted) < 1e-5


@pytest.mark.ci
@pytest.mark.parametrize("text", RULES, ids=["sgd", "rmsprop"])
def test_steps_wait_for_the_device_only_to_log_the_loss(text: str, tmp_path: Path) -> None:
    """A recorded step waits only for its loss, and only if it is logged."""
    waits = []
    for steps in (6, 16):
        with simulate_cuda() as device:
            train_on("cuda", text, tmp_path / str(steps), steps)
        waits.append(Counter(device.waits))
    more = waits[1] - waits[0]
    assert set(more) == {"_local_scalar_dense"} and more.total() <= 2 * 10


@pytest.mark.ci
def test_simulation_rejects_mixing_cpu_and_gpu_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "to_device", lambda labels, device: torch.from_numpy(labels))
    with simulate_cuda(), pytest.raises(RuntimeError, match=r"on the same device: aten\.nll_loss"):
        train_on("cuda", SPEC.replace(MIXING, ""), tmp_path / "run", without=("cuda-graph",))


def test_synchronising_work_cannot_be_recorded() -> None:
    module = torch.nn.Linear(2, 2)
    with simulate_cuda():
        recording = Recording(CudaGraphs(), module, "the work", Inputs())
        x = torch.ones(2, device="cuda")
        assert float(recording(lambda x: (x * float(x.sum()),), (x,))[0][0]) == 2
        assert not torch.cuda.default_generators[0].capturing  # type: ignore[attr-defined]
    assert recording.note is not None and "not permitted when stream is capturing" in recording.note


def test_work_is_recorded_after_other_work_has_failed_to_be() -> None:
    with simulate_cuda():
        recorder, inputs, x = CudaGraphs(), Inputs(), torch.ones(2, device="cuda")
        waiting, doubling = (Recording(recorder, torch.nn.Linear(2, 2), name, inputs) for name in ("one", "another"))
        waiting(lambda x: (x * float(x.sum()),), (x,))
        doubling(lambda x: (x * 2,), (x,))
        torch.cuda.empty_cache()
    assert waiting.note is not None and doubling.note is None


def test_graph_that_replays_differently_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs, new = [], simulated_cuda_api.Graph.__init__

    def watched(self: simulated_cuda_api.Graph, device: object) -> None:
        new(self, device)
        graphs.append(weakref.ref(self))

    monkeypatch.setattr(simulated_cuda_api.Graph, "__init__", watched)
    factors = iter((1, 2, 3))
    with simulate_cuda():
        recording = Recording(CudaGraphs(), torch.nn.Linear(2, 2), "the work", Inputs())
        recording(lambda x: (x * next(factors),), (torch.ones(2, device="cuda"),))
    gc.collect()
    assert recording.note is not None and len(graphs) == 1 and graphs[0]() is None


def test_cudnn_benchmark_is_off_while_recording() -> None:
    """Benchmarking waits for the device, which is not allowed while recording."""
    benchmark: list[bool] = []

    def work(x: torch.Tensor) -> tuple[torch.Tensor]:
        benchmark.append(torch.backends.cudnn.benchmark)
        return (x * 2,)

    with simulate_cuda(), cudnn_benchmark(True):
        recording = Recording(CudaGraphs(), torch.nn.Linear(2, 2), "the work", Inputs())
        recording(work, (torch.ones(2, device="cuda"),))
        assert torch.backends.cudnn.benchmark
    assert recording.note is None and benchmark == [True, False] and not torch.backends.cudnn.benchmark


def test_inference_is_recorded_after_a_step_with_dropout() -> None:
    text = "[image] input 3x6x6\n[c] conv filters=4 kernel=3 neuron=relu\n[d] dropout\n[f] fc outputs=3\n"
    graph = loads(text + "train precision=bf16\n").graph
    with simulate_cuda():
        objective = recorded(build(graph, 0, "cuda", forms_of(graph, ("cuda-graph", "dropout"))))
        images = torch.ones(2, 3, 6, 6, device="cuda")
        objective.gradients(images, torch.zeros(2, device="cuda").long(), 0, 0)
        objective.module.eval()
        with torch.no_grad():
            first, again = (objective.scores(images) for _ in range(2))
        assert bool((first == again).all()) and objective.form_notes == ()


def test_forms_of_a_grouped_convolution_are_timed_on_the_device() -> None:
    """A sleep on the device before each measurement hides the time of launching."""
    graph = loads("[image] input 4x6x6\n[c] conv filters=4 kernel=3 groups=2\n[f] fc outputs=3\n").graph
    with simulate_cuda() as device:
        objective = build(graph, 0, "cuda", forms_of(graph, ("grouped-conv",)))
        objective.gradients(torch.ones(2, 4, 6, 6, device="cuda"), torch.zeros(2, device="cuda").long(), 0, 0)
        (line,) = objective.form_notes
    assert device.log == ["sleep"] * 3 * 7 and line.startswith("c is computed ")


@pytest.mark.slow  # processes that import torch._dynamo; the exchanges themselves are tested with gloo
@pytest.mark.parametrize(
    ("spec", "split"),
    [("BRANCHING", "groups"), ("BRANCHING", "hybrid"), ("BRANCHING", "batch"), ("TOWERS", "groups")],
)
def test_two_devices_make_matching_exchanges(spec: str, split: str, tmp_path: Path) -> None:
    """With a stand-in for NCCL, in bfloat16: the same collectives in each group, with the same lengths and types."""
    text = getattr(networks, spec).replace("\ntrain", "\ntrain clip_gradients=norm(0.01)")
    (tmp_path / "small.net").write_text(text)
    options = f"--data synthetic --steps 2 --batch 64 --precision bf16 --threads 1 --quiet --gpus 2 --split {split}"
    done = subprocess.run(
        [sys.executable, "-m", "netspec", "train", "small.net", *options.split(), "--out", "run"],
        cwd=tmp_path, capture_output=True, text=True, timeout=200,
        env={**os.environ, "PYTHONPATH": str(SIMULATION), "SIMULATED_CUDA_DEVICES": "2", "EXCHANGED": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / rank).read_text()) for rank in "01")
    both = [[(name, tensors) for members, name, tensors in one if members == [0, 1]] for one in (first, second)]
    assert len(both[0]) > 20
    for (ours, lengths), (theirs, others) in zip(*both, strict=True):
        assert ours == theirs or {ours, theirs} == {"send", "recv_"}, (ours, theirs)
        if ours in ("gather_", "scatter_"):  # the root also lists the tensors of the others
            lengths, others = lengths[-1:], others[-1:]
        assert lengths == others, ours


@pytest.mark.ci
def test_old_gpu_trains_without_kernels_and_prints_notes(tmp_path: Path) -> None:
    (tmp_path / "tiny.net").write_text(FAST)
    with simulate_cuda(capability=(6, 1)):
        options = ("--data", "synthetic", "--steps", 1, "--batch", 8, "--device", "cuda", "--out", tmp_path / "run")
        done = invoke("train", tmp_path / "tiny.net", *options)
    assert done.exit_code == 0
    notes = [line for line in done.output.splitlines() if "older than Triton" in line]
    assert len(notes) == 2 and all("GPU that is not there" in line for line in notes)


@pytest.mark.ci
def test_failed_recording_of_inference_is_noted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recording inference fails here. There are several validations, but only one note."""
    scores = RecordedObjective._scores

    def waiting(self: RecordedObjective, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        assert float(images.sum()) < 1e9
        return scores(self, images)

    monkeypatch.setattr(RecordedObjective, "_scores", waiting)
    notes: list[str] = []
    monkeypatch.setattr(QUIET, "note", notes.append)
    with simulate_cuda():
        train_on("cuda", SPEC.replace("train epochs=1", "train epochs=2"), tmp_path / "run", 5)
    (line,) = (note for note in notes if "kernel by kernel" in note)
    assert line.startswith("inference is launched kernel by kernel: HostWait operation not permitted")


def test_failed_recording_is_kept_alive_and_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs: list[weakref.ref[object]] = []
    with simulate_cuda() as device:
        new = torch.cuda.CUDAGraph

        def watched() -> torch.cuda.CUDAGraph:
            graphs.append(weakref.ref(graph := new()))
            return graph

        monkeypatch.setattr(torch.cuda, "CUDAGraph", watched)
        recorder = CudaGraphs()
        with pytest.raises(ZeroDivisionError):
            recorder.record(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    gc.collect()
    assert graphs[0]() is not None and device.log[-1] == "reset"  # releases its memory


def test_few_batches_are_queued_for_a_slow_device(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = Frame(3, 6, 6)
    waited = []

    class Pending(simulated_cuda_api.Event):
        def query(self) -> bool:
            return False

        def synchronize(self) -> None:
            waited.append(self)

    with simulate_cuda():
        monkeypatch.setattr(torch.cuda, "Event", Pending)
        prepare = Preparation(Preprocessing(255, "none"), None, frame, Shape(3, 6, 6), 255, torch.device("cuda"))
        for _ in range(12):
            prepare(np.zeros((2, 3, 6, 6), np.uint8), central(2, frame, prepare.size))
    assert len(waited) == 12 - AHEAD
