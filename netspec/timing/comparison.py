"""Timing the hand-written network, as a user would run it, next to the compiled one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

import torch
import torch.nn.functional as F

from netspec.ir.graph import Graph
from netspec.timing.clock import take_turns
from netspec.timing.handwritten import Peer, optimiser, peer_of
from netspec.timing.separate_process import in_separate_process
from netspec.timing.settings import OURS, TimingSettings
from netspec.timing.step import StepKind, batch_of, separate_step


def modes(device: str) -> tuple[str, ...]:
    """Return the modes in which the hand-written network is run: eager, and on a GPU also compiled with channels
    last."""
    return ("eager", "compiled", "max-autotune") if device == "cuda" else ("eager",)


def handwritten_steps(
    peer: Peer, graph: Graph, settings: TimingSettings, mode: str
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return a training step and an inference step of the hand-written network, on the images of ``batch_of``."""
    device = settings.device
    images, labels = batch_of(graph, device, settings.batch)
    model = peer.make(graph.scores.output.units).to(device)
    compiled = mode != "eager"
    if compiled:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # In the precision of the computation, as the images are also handed to netspec's network.
        narrow = torch.bfloat16 if settings.precision == "bf16" else images.dtype
        images = images.to(narrow, memory_format=torch.channels_last)
    update, clip = optimiser(model, graph.train.rule, device), graph.train.clip_gradients
    precision = torch.autocast(device, torch.bfloat16, enabled=settings.precision == "bf16")

    def loss() -> torch.Tensor:
        with precision:
            return F.cross_entropy(model(images), labels)

    def scores() -> torch.Tensor:
        with precision, torch.no_grad():
            result: torch.Tensor = model(images)
            return result

    if compiled:
        compile_mode = "max-autotune" if mode == "max-autotune" else "default"
        loss, scores = torch.compile(loss, mode=compile_mode), torch.compile(scores, mode=compile_mode)

    def train() -> None:
        model.train()
        update.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        if clip is not None and clip.by == "norm":
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip.max)
        elif clip is not None:
            torch.nn.utils.clip_grad_value_(model.parameters(), clip.max)
        update.step()

    def infer() -> None:
        model.eval()
        scores()

    return train, infer


def compile_error(works: Sequence[Callable[[], None]]) -> str | None:
    """Run these functions of a network compiled with ``torch.compile``. Return the error if one fails, for example
    because no compiler is installed, or ``None``."""
    try:
        for work in works:
            work()
    except torch.OutOfMemoryError:
        raise
    except Exception as problem:  # from torch.compile, Triton, the C compiler or the driver
        lines = str(problem).strip().splitlines()
        shown = lines[: 2 if lines and lines[0].endswith(":") else 1]  # "backend='inductor' raised:"
        return " ".join((type(problem).__name__, *shown))
    return None


def take_turns_separately(graph: Graph, settings: TimingSettings, kind: StepKind) -> dict[str, list[float]]:
    """Return the seconds of the compiled and the hand-written network in each turn on the CPU.

    They run in separate processes. In one process, the hand-written network would benefit from the memory that the
    other one keeps, which it does not have in a user's script. There must be a hand-written network for this graph.
    """
    threads = torch.get_num_threads()
    makers: dict[str, Callable[[], Callable[[], object]]] = {
        OURS: partial(separate_step, graph, settings, settings.passes, threads, kind),
        "eager": partial(separate_handwritten_step, graph, settings, threads, kind),
    }
    with ExitStack() as stack:
        competitors = {name: stack.enter_context(in_separate_process(make)) for name, make in makers.items()}
        return take_turns(competitors, settings.rounds, warm_up=2)


def separate_handwritten_step(
    graph: Graph, settings: TimingSettings, threads: int, kind: StepKind
) -> Callable[[], None]:
    """Return a step of the hand-written network in eager mode, for use in a dedicated process."""
    torch.set_num_threads(threads)
    peer = peer_of(graph)
    assert peer is not None
    train, infer = handwritten_steps(peer, graph, settings, "eager")
    return {"train": train, "infer": infer}[kind]
