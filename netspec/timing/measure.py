"""The measurements of ``netspec time``, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch

from netspec.ir.graph import Graph
from netspec.timing.clock import take_turns
from netspec.timing.comparison import compile_error, handwritten_steps, modes, take_turns_separately
from netspec.timing.handwritten import Peer
from netspec.timing.machine import Machine
from netspec.timing.machine import measure as measure_machine
from netspec.timing.profile import Profile, profile
from netspec.timing.settings import OURS, TimingSettings
from netspec.timing.step import Step, step_of
from netspec.train.learning.heap import memory_kept
from netspec.train.learning.torch_settings import cudnn_benchmark

Turns = dict[str, list[float]]
"""The seconds of each competitor in each turn."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The median seconds of a training step and of an inference step."""

    training: float
    inference: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A network's speed on a machine, and that of its hand-written peer by mode.

    ``passes`` are the optimising passes that changed the network, ``notes`` messages for the user about how its forms
    run and which modes failed.
    """

    graph: Graph
    settings: TimingSettings
    device_name: str
    threads: int
    machine: Machine
    rate: Rate
    profile: Profile
    peers: dict[str, Rate]
    passes: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def fastest(self) -> Rate | None:
        """The best training time and the best inference time of the hand-written network in any mode."""
        if not self.peers:
            return None
        rates = self.peers.values()
        return Rate(min(rate.training for rate in rates), min(rate.inference for rate in rates))


def measure(graph: Graph, settings: TimingSettings, peer: Peer | None = None) -> Measured:
    """Time whole steps in turns with the peer's, then the parts of the training step, then the machine."""
    device, rounds = settings.device, settings.rounds
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    step = step_of(graph, settings, settings.passes)
    failed: list[str] = []
    with memory_kept(step.objective.forms.kept_memory), cudnn_benchmark(step.objective.forms.benchmarked):
        if peer is not None and step.objective.forms.kept_memory:
            trained = take_turns_separately(graph, settings, "train")
            inferred = take_turns_separately(graph, settings, "infer")
        else:
            trained, inferred = _here(step, graph, settings, peer, failed.append)
        step.objective.module.train()
        parts = profile(step, rounds)
    rates = {name: Rate(median(times), median(inferred[name])) for name, times in trained.items()}
    return Measured(
        graph,
        settings,
        torch.cuda.get_device_name() if device == "cuda" else "CPU",
        torch.get_num_threads(),
        measure_machine(device, settings.precision),
        rates.pop(OURS),
        parts,
        rates,
        step.objective.forms.passes,
        (*step.notes, *step.objective.form_notes, *failed),
    )


def _here(
    step: Step, graph: Graph, settings: TimingSettings, peer: Peer | None, add_note: Callable[[str], None]
) -> tuple[Turns, Turns]:
    """Return the seconds of training and of inference in each turn, all in this process. ``add_note`` is called with a
    message for each mode of the peer that is left out because it fails."""
    training: dict[str, Callable[[], object]] = {OURS: step.train}
    inference: dict[str, Callable[[], object]] = {OURS: step.infer}
    if peer is not None:
        for mode in modes(settings.device):
            works = handwritten_steps(peer, graph, settings, mode)
            error = compile_error(works) if mode != "eager" else None
            if error is None:
                training[mode], inference[mode] = works
            else:
                add_note(f"hand-written, {mode}: left out, because torch.compile fails here: {error}")
    turns = partial(take_turns, rounds=settings.rounds, device=settings.device, warm_up=settings.warm_up)
    return turns(training), turns(inference)
