"""Check a network as a whole: its one input, its crops and updates, and that no layer or key is useless."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.check.augmenting import check_augmenting, warn_of_unused
from netspec.check.facts import LayerFacts
from netspec.check.idle_keys import warn_no_effect
from netspec.check.layers import Walk
from netspec.check.mixing import check_mixing
from netspec.check.report import Findings
from netspec.check.schedules import warn_of_late_changes, warn_of_low_momentum
from netspec.check.statements import Settings
from netspec.diagnostics import Edit, Fix, Label
from netspec.diagnostics.model import first_line_span
from netspec.formatting import format_count, plural
from netspec.language.syntax import Section
from netspec.source import Span


def check_network(walk: Walk, settings: Settings, findings: Findings) -> None:
    """Check what concerns several layers or settings, after ``walk`` has checked each layer.

    Some mistakes and all warnings are only looked for if there are no other mistakes.
    """
    if not walk.sections:
        _report_empty(findings)
    else:
        _check_input(walk, findings)
        check_augmenting(walk, settings, findings)
        check_mixing(walk, settings, findings)
    if not findings.has_errors():
        _check_update_every(walk.facts, settings, findings)
    if not findings.has_errors():
        _warn_unread(walk, findings)
        warn_no_effect(walk.facts, settings, findings)
        warn_of_late_changes(walk.facts, settings, findings)
        warn_of_low_momentum(settings, findings)
        warn_of_unused(walk, settings, findings)


def _report_empty(findings: Findings) -> None:
    if not findings.has_errors():
        findings.add(
            "empty-spec",
            "this file has no layers",
            first_line_span(findings.root),
            notes=("a layer is [name] type key=value ..., and the first is the input",),
        )


def _check_input(walk: Walk, findings: Findings) -> None:
    """Check that exactly one layer is the input."""
    first_with_name = set(walk.wiring.index.values())
    inputs = [f for n, f in enumerate(walk.facts) if f.type == "input" and n in first_with_name]
    has_unknown = any(f.type is None for f in walk.facts) or len(walk.facts) < len(walk.sections)
    if not inputs and not has_unknown:
        _report_no_input(walk.sections[0], findings)
    read = {number for facts in walk.facts for number in facts.inputs}
    for facts in inputs[1:]:
        is_read = walk.facts.index(facts) in read
        _report_second_input(facts, inputs[0], findings, is_read=is_read)


def _report_no_input(first: Section, findings: Findings) -> None:
    dropped = next((d for d in findings.dropped.values() if d.section.body.type == "input"), None)
    findings.add(
        "no-input",
        "the network has no input",
        dropped.word.span if dropped else first.name.span,
        labels=(Label(dropped.section.name.span, "the input, which is dropped here"),) if dropped else (),
        notes=("declare it with a layer of type input: [image] input 3x224x224",),
    )


def _report_second_input(facts: LayerFacts, first: LayerFacts, findings: Findings, *, is_read: bool) -> None:
    name = facts.name
    findings.add(
        "several-inputs",
        f"{name} is a second input" + ("" if is_read else ", and nothing reads it"),
        facts.section.span,
        labels=(Label(first.section.name.span, "the first input; a network has exactly one"),),
        fixes=() if is_read else (Fix(f"remove {name}", (Edit(facts.section.span, ""),)),),
        layer=name,
    )


def _warn_unread(walk: Walk, findings: Findings) -> None:
    """Warn about layers that nothing reads, or only the size of, except losses, the input and the network's output (its
    last layer)."""
    read, sizes = set[int](), set[int]()
    for facts, inputs in zip(walk.facts, walk.wiring.inputs, strict=True):
        count = 1 if facts.type in _OF_THE_SIZE_OF_ANOTHER else len(inputs or ())
        read.update((inputs or ())[:count])
        sizes.update((inputs or ())[count:])
    for number, facts in enumerate(walk.facts[:-1]):
        value, name = walk.values[number], facts.name
        if number in read or (value and value.is_loss) or (number in sizes and facts.type == "input"):
            continue
        message = f"only the size of {name} is read" if number in sizes else f"nothing reads {name}"
        note = f"the network's output is its last layer, {walk.facts[-1].name}"
        if number in sizes:
            note = "crop and resize do not read the values of their second input: nothing else reads them"
        findings.warn("unread-layer", message, facts.section.name.span, notes=(note,), layer=name)


_OF_THE_SIZE_OF_ANOTHER = ("crop", "resize")
"""Layers that read the values of their first input alone."""


def _check_update_every(layers: Iterable[LayerFacts], settings: Settings, findings: Findings) -> None:
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
