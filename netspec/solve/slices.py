"""Fixes of slices: channels that exist, and numbers that the GPU groups divide."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.check import Checked, LayerFacts
from netspec.solve.edits import propose_keys
from netspec.solve.trial import Proposal


def within(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose as many channels as there are from the first on, and an earlier first channel."""
    channels, first, has = facts.values["channels"], facts.values["first"], facts.reads[0].channels
    if first < has:
        yield propose_keys(checked, facts, {"channels": str(has - first)}, f"the last of {has:,}")
    if channels <= has:
        yield propose_keys(checked, facts, {"first": str(has - channels)}, f"the last {channels:,} of {has:,}")


def of_equal_parts(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose the nearest numbers that the GPU groups divide: smaller ones first, then larger ones."""
    gpus, given = checked.settings.groups, {key: facts.values[key] for key in ("channels", "first")}
    if gpus is None:
        return
    for up in (0, gpus - 1):
        numbers = {key: (value + up) // gpus * gpus for key, value in given.items()}
        changed = {key: str(number) for key, number in numbers.items() if number != given[key]}
        if numbers["channels"] and changed:
            yield propose_keys(checked, facts, changed, "an equal part of each group")
