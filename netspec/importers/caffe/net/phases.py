"""Which layers a network has in a phase: the rules ``include`` and ``exclude``, as in src/caffe/net.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec.check.report import Findings
from netspec.importers.caffe.net.layers import LOSSES, reads_data
from netspec.importers.caffe.schema.record import Record

TRAIN, TEST = "TRAIN", "TEST"


def other_phase(phase: str) -> str:
    """Return the other phase."""
    return TEST if phase == TRAIN else TRAIN


@dataclass(frozen=True, slots=True)
class State:
    """The state of a network: its phase, its level and its stages."""

    phase: str
    level: int
    stages: frozenset[str]

    def meets(self, rule: Record) -> bool:
        """Whether the state is as a rule, NetStateRule, says."""
        return (
            (not rule.has("phase") or rule.text("phase") == self.phase)
            and (not rule.has("min_level") or self.level >= rule.integer("min_level"))
            and (not rule.has("max_level") or self.level <= rule.integer("max_level"))
            and self.stages.issuperset(rule.texts("stage"))
            and self.stages.isdisjoint(rule.texts("not_stage"))
        )

    def has(self, layer: Record) -> bool:
        """Whether a network in this state has a layer."""
        if layer.has("include"):
            return any(self.meets(rule) for rule in layer.messages("include"))
        return not any(self.meets(rule) for rule in layer.messages("exclude"))


def state_of(network: Record, phase: str) -> State:
    """Return the state in which a network is in a phase. The file may give a level and stages."""
    own = network.message("state")
    return State(phase, own.integer("level"), frozenset(own.texts("stage")))


def phase_of(network: Record, layers: Sequence[Record]) -> str:
    """Return the phase of the network that is meant: the file's own, else TRAIN, unless it has no data or loss then."""
    own = network.message("state")
    if own.has("phase"):
        return own.text("phase")
    train, test = (state_of(network, phase) for phase in (TRAIN, TEST))
    sources = [layer for layer in layers if reads_data(layer)]
    losses = [layer for layer in layers if layer.text("type") in LOSSES]
    is_trained = any(train.has(layer) for layer in sources) and any(train.has(layer) for layer in losses)
    return TEST if not is_trained and any(test.has(layer) for layer in sources) else TRAIN


def check_rules(layers: Sequence[Record], findings: Findings) -> None:
    """Report layers that are both included and excluded, which Caffe rejects."""
    for layer in layers:
        if layer.has("include") and layer.has("exclude"):
            message = f"{layer.text('name')}: a layer has rules include or exclude, not both"
            findings.add("caffe-network", message, layer.place("exclude"))
