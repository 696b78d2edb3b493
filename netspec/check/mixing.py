"""Check the mixing of images, and of their classes, against the network and the batch."""

from __future__ import annotations

from netspec.check.facts import known_input
from netspec.check.layers import Walk
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.diagnostics import Label
from netspec.formatting import format_count
from netspec.ir.ops import Loss


def check_mixing(walk: Walk, settings: Settings, findings: Findings) -> None:
    """Report a ``cutmix`` of vectors, and losses of different classes. Warn about mixing that no loss
    can use, and in batches of one image."""
    augment = settings.augment
    if not augment.mixes:
        return
    pairs = settings.pairs("augment")
    keys = [key for key in ("mixup", "cutmix") if getattr(augment, key)]
    spans, words = [pairs[key].span for key in keys], " and ".join(keys)
    has, mixes = ("has", "mixes") if len(keys) == 1 else ("have", "mix")
    facts = known_input(walk.facts)
    if augment.cutmix and facts is not None and facts.computed is not None and not facts.computed.is_image:
        findings.add(
            "needs-image",
            f"cutmix replaces a box in an image, and {facts.name} is a vector of {facts.computed}",
            pairs["cutmix"].span,
            labels=(Label(facts.section.name.span, f"{facts.name} is a vector"),),
        )
    if findings.has_errors():
        return
    if settings.train.batch == 1:
        why = "train batch=1: there is no other image to mix it with"
        findings.warn("no-effect", f"{words} {has} no effect", *spans, notes=(why,))
    losses = [(f, op) for f in walk.facts if f.lowered and isinstance(op := f.lowered.nodes[-1].op, Loss)]
    if losses and not any(op.knows_classes for _, op in losses):
        note = "the images are mixed all the same; mixed classes are the targets of losses such as crossentropy"
        findings.warn("no-class-loss", f"{words} {mixes} classes that no loss in the file reads", *spans, notes=(note,))
    labelled = [facts for facts, op in losses if op.labelled]
    other = next((facts for facts in labelled if facts.reads[0].units != labelled[0].reads[0].units), None)
    if other is not None:
        counts = (f"{f.name} reads {format_count(f.reads[0].units)} scores" for f in (labelled[0], other))
        message = f"{words} {mixes} the classes of images, which must be the same for all losses: {', '.join(counts)}"
        findings.add("bad-value", message, *spans, labels=(Label(other.section.name.span, "another number"),))
