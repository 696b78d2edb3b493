"""Dividing layers into trunk, tail and losses."""

from __future__ import annotations

import netspec
from netspec.passes.phases import Phases, phases

LOSSES = """
[image] input 6
[hidden] fc outputs=4
[side] fc outputs=3
[idle] fc outputs=9 inputs=hidden
[main] fc outputs=3 inputs=hidden
[loss1] crossentropy inputs=side
[loss2] squarederror inputs=main
"""


def phases_of(text: str) -> Phases:
    return phases(netspec.loads(text).graph)


def names(parts: Phases) -> tuple[list[str], list[str], list[str]]:
    return [x.name for x in parts.trunk], [x.name for x in parts.tail], [x.name for x in parts.losses]


def test_all_layers_are_trunk_without_softmax_and_loss() -> None:
    parts = phases_of("[image] input 6\n[a] fc outputs=4\n[b] fc outputs=3")
    assert names(parts) == (["a", "b"], [], [])
    assert (parts.carried, parts.labelled) == (("b",), False)


def test_final_softmax_is_tail() -> None:
    parts = phases_of("[image] input 6\n[a] fc outputs=4\n[prob] softmax")
    assert names(parts) == (["a"], ["prob"], [])
    assert (parts.carried, parts.labelled) == (("a",), False)


def test_trunk_carries_scores_first_then_inputs_of_losses() -> None:
    parts = phases_of(LOSSES)
    assert names(parts) == (["hidden", "side", "main"], ["loss2"], ["loss1", "loss2"])
    assert (parts.carried, parts.labelled) == (("main", "side"), True)


def test_output_that_reads_no_loss_needs_no_labels() -> None:
    parts = phases_of(LOSSES + "[prob] softmax inputs=main")
    assert names(parts)[1] == ["prob"]
    assert not parts.labelled


def test_tail_may_read_earlier_values() -> None:
    parts = phases_of("[image] input 6\n[a] fc outputs=3\n[b] fc outputs=3\n[prob] softmax\n[more] sum inputs=prob,a")
    assert parts.carried == ("b", "a")
