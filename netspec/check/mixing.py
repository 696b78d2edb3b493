"""Check the mixing of images, and of their classes, against the network and the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from netspec.check.facts import LayerFacts, known_input
from netspec.check.layers import Walk
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.diagnostics import Label
from netspec.formatting import format_count
from netspec.ir.ops import Loss
from netspec.source import Span


class _Mixing(NamedTuple):
    """The places of ``mixup`` and ``cutmix``, those that mix images."""

    spans: Mapping[str, Span]

    @property
    def words(self) -> str:
        return " and ".join(self.spans)

    def subject(self, verb: str, of_several: str) -> str:
        """Return the words with the verb that they need."""
        return f"{self.words} {verb if len(self.spans) == 1 else of_several}"


class _LossLayer(NamedTuple):
    facts: LayerFacts
    op: Loss


def check_mixing(walk: Walk, settings: Settings, findings: Findings) -> None:
    """Report a ``cutmix`` of vectors, and losses of different classes. Warn about mixing that no loss
    can use, and in batches of one image."""
    pairs = settings.pairs("augment")
    mixing = _Mixing({key: pairs[key].span for key in ("mixup", "cutmix") if getattr(settings.augment, key)})
    if not mixing.spans:
        return
    _check_input(mixing, walk, findings)
    if findings.has_errors():
        return
    losses = [
        _LossLayer(facts, op)
        for facts in walk.facts
        if facts.lowered and isinstance(op := facts.lowered.nodes[-1].op, Loss)
    ]
    _warn_of_single_images(mixing, settings, findings)
    _warn_of_unread_classes(mixing, losses, findings)
    _check_number_of_classes(mixing, losses, findings)


def _check_input(mixing: _Mixing, walk: Walk, findings: Findings) -> None:
    """Report a ``cutmix`` of vectors, in which it can cut out no box."""
    facts = known_input(walk.facts)
    if "cutmix" in mixing.spans and facts is not None and facts.computed is not None and not facts.computed.is_image:
        findings.add(
            "needs-image",
            f"cutmix replaces a box in an image, and {facts.name} is a vector of {facts.computed}",
            mixing.spans["cutmix"],
            labels=(Label(facts.section.name.span, f"{facts.name} is a vector"),),
        )


def _warn_of_single_images(mixing: _Mixing, settings: Settings, findings: Findings) -> None:
    if settings.train.batch == 1:
        why = "train batch=1: there is no other image to mix it with"
        message = f"{mixing.subject('has', 'have')} no effect"
        findings.warn("no-effect", message, *mixing.spans.values(), notes=(why,))


def _warn_of_unread_classes(mixing: _Mixing, losses: list[_LossLayer], findings: Findings) -> None:
    if losses and not any(loss.op.knows_classes for loss in losses):
        message = f"{mixing.subject('mixes', 'mix')} classes that no loss in the file reads"
        note = "the images are mixed all the same; mixed classes are the targets of losses such as crossentropy"
        findings.warn("no-class-loss", message, *mixing.spans.values(), notes=(note,))


def _check_number_of_classes(mixing: _Mixing, losses: list[_LossLayer], findings: Findings) -> None:
    """Report two losses with labels that read different numbers of scores."""
    labelled = [loss.facts for loss in losses if loss.op.labelled]
    other = next((facts for facts in labelled if facts.reads[0].units != labelled[0].reads[0].units), None)
    if other is not None:
        counts = (f"{f.name} reads {format_count(f.reads[0].units)} scores" for f in (labelled[0], other))
        message = (
            f"{mixing.subject('mixes', 'mix')} the classes of images, which must be the same for all losses: "
            f"{', '.join(counts)}"
        )
        labels = (Label(other.section.name.span, "another number"),)
        findings.add("bad-value", message, *mixing.spans.values(), labels=labels)
