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


def names(found: Phases) -> tuple[list[str], list[str], list[str]]:
    return [x.name for x in found.trunk], [x.name for x in found.tail], [x.name for x in found.losses]


def test_all_layers_are_trunk_without_softmax_and_loss() -> None:
    found = phases_of("[image] input 6\n[a] fc outputs=4\n[b] fc outputs=3")
    assert names(found) == (["a", "b"], [], [])
    assert (found.carried, found.labelled) == (("b",), False)


def test_final_softmax_is_tail() -> None:
    found = phases_of("[image] input 6\n[a] fc outputs=4\n[prob] softmax")
    assert names(found) == (["a"], ["prob"], [])
    assert (found.carried, found.labelled) == (("a",), False)


def test_trunk_carries_scores_first_then_inputs_of_losses() -> None:
    found = phases_of(LOSSES)
    assert names(found) == (["hidden", "side", "main"], ["loss2"], ["loss1", "loss2"])
    assert (found.carried, found.labelled) == (("main", "side"), True)


def test_output_that_reads_no_loss_needs_no_labels() -> None:
    found = phases_of(LOSSES + "[prob] softmax inputs=main")
    assert names(found)[1] == ["prob"]
    assert not found.labelled


def test_tail_may_read_earlier_values() -> None:
    found = phases_of("[image] input 6\n[a] fc outputs=3\n[b] fc outputs=3\n[prob] softmax\n[more] sum inputs=prob,a")
    assert found.carried == ("b", "a")
