"""The answer to ``netspec time``: everything that it measures, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
import torch.nn.functional as F

from netspec.ir.graph import Graph
from netspec.ir.settings import Precision
from netspec.passes.fast import Where, chosen
from netspec.timing.clock import take_turns
from netspec.timing.handwritten import Peer, optimiser
from netspec.timing.machine import Machine
from netspec.timing.machine import measure as measure_machine
from netspec.timing.profile import Profile, profile
from netspec.timing.step import batch_of, step_of
from netspec.train.learning.heap import memory_kept

OURS = "netspec"
"""What the compiled network is called among competitors."""

CPU_BATCH = 32
"""Images of a step on the CPU where nothing else is asked for, at most: AlexNet's own 128 take seconds there."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be timed where; ``rounds`` are the turns that medians are taken of, ``threads`` those of torch (where
    ``None``, as many as it takes by itself). ``without`` are the optimising passes that are switched off."""

    device: str
    batch: int
    precision: Precision
    rounds: int
    threads: int | None = None
    without: tuple[str, ...] = ()

    @property
    def passes(self) -> tuple[str, ...]:
        """The names of the optimising passes that are on."""
        return chosen(Where("cuda" if self.device == "cuda" else "cpu", self.precision), self.without)


@dataclass(frozen=True, slots=True)
class Rate:
    """Seconds of a step of training and of one of inference: the medians."""

    training: float
    inference: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A network's speed on a machine, and that of its hand-written peer by the mode in which it ran.

    ``passes`` are those that found something to do, ``told`` what there is to say about how they ran.
    """

    graph: Graph
    question: Question
    device_name: str
    threads: int
    machine: Machine
    rate: Rate
    profile: Profile
    peers: dict[str, Rate]
    passes: tuple[str, ...]
    told: tuple[str, ...]

    @property
    def fastest(self) -> Rate | None:
        """The best that the hand-written network reached in any mode."""
        if not self.peers:
            return None
        rates = self.peers.values()
        return Rate(min(rate.training for rate in rates), min(rate.inference for rate in rates))


def batch_for(graph: Graph, device: str) -> int:
    """The spec's own batch; on the CPU ``CPU_BATCH`` at most."""
    return graph.train.batch if device == "cuda" else min(graph.train.batch, CPU_BATCH)


def measure(graph: Graph, question: Question, peer: Peer | None = None) -> Measured:
    """Time the whole steps (beside the peer's, in turns), then the parts of the training step, then the machine."""
    device, rounds = question.device, question.rounds
    if question.threads is not None:
        torch.set_num_threads(question.threads)
    step = step_of(graph, device, question.batch, question.precision, question.passes)
    training: dict[str, Callable[[], object]] = {OURS: step.train}
    inference: dict[str, Callable[[], object]] = {OURS: step.infer}
    if peer is not None:
        for mode in modes(device):
            training[mode], inference[mode] = by_hand(peer, graph, question, mode)
    warm_up = 3 if device == "cuda" else 1
    # What is kept is kept for all that take turns here: the hand-written network has its use of it, too.
    with memory_kept(step.objective.forms.kept_memory):
        trained = take_turns(training, rounds, device=device, warm_up=warm_up)
        inferred = take_turns(inference, rounds, device=device, warm_up=warm_up)
        step.objective.module.train()
        parts = profile(step, rounds)
    rates = {name: Rate(median(trained[name]), median(inferred[name])) for name in training}
    return Measured(
        graph,
        question,
        torch.cuda.get_device_name() if device == "cuda" else "CPU",
        torch.get_num_threads(),
        measure_machine(device, question.precision),
        rates.pop(OURS),
        parts,
        rates,
        step.objective.forms.passes,
        (*step.objective.told, *step.objective.chosen),
    )


def modes(device: str) -> tuple[str, ...]:
    """The ways in which the hand-written network is run: as it is, and on a GPU compiled, channels last, too."""
    return ("eager", "compiled", "max-autotune") if device == "cuda" else ("eager",)


def by_hand(peer: Peer, graph: Graph, question: Question, mode: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """A step of training and one of inference of the hand-written network, on the same images."""
    device = question.device
    images, labels = batch_of(graph, device, question.batch)
    model = peer.make(graph.scores.output.units).to(device)
    compiled = mode != "eager"
    if compiled:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        images = images.contiguous(memory_format=torch.channels_last)
    rule = optimiser(model, device)
    precision = torch.autocast(device, torch.bfloat16, enabled=question.precision == "bf16")

    def loss() -> torch.Tensor:
        with precision:
            return F.cross_entropy(model(images), labels)

    def scores() -> torch.Tensor:
        with precision, torch.no_grad():
            answered: torch.Tensor = model(images)
            return answered

    if compiled:
        how = "max-autotune" if mode == "max-autotune" else "default"
        loss, scores = torch.compile(loss, mode=how), torch.compile(scores, mode=how)

    def train() -> None:
        model.train()
        rule.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        rule.step()

    def infer() -> None:
        model.eval()
        scores()

    return train, infer
