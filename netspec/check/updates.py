"""Check that ``update_every=`` divides the number of parts of a batch."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.check.facts import LayerFacts
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.formatting import format_count, plural
from netspec.source import Span


def check_update_every(layers: Iterable[LayerFacts], settings: Settings, findings: Findings) -> None:
    """Report each ``update_every`` that does not divide the number of parts, one from a ``default`` line only once."""
    parts = settings.train.accumulate
    train_pairs = settings.pairs("train")
    reported: set[Span] = set()
    for facts in layers:
        every = facts.values.get("update_every")
        if not every or not parts % every:
            continue
        name = facts.name
        pair = facts.pairs.get("update_every") or settings.default_pairs[facts.type or ""]["update_every"]
        if pair.span in reported:
            continue
        reported.add(pair.span)
        note = f"{parts} / {every} = {parts / every:.6g}: some updates would mix parts of two batches"
        if parts == 1:
            note = (
                f"a batch goes through the network in one part: train accumulate={every} would make "
                f"{format_count(every)}"
            )
        findings.add(
            "batch-not-divided",
            f"{name} cannot be updated after every {plural(every, 'part')} of a batch in {plural(parts, 'part')}",
            *(each.span for each in (pair, train_pairs.get("accumulate")) if each is not None),
            notes=(note,),
            layer=name,
        )
