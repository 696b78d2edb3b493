"""Check the augment line: by itself, and that its crops fit the network's input and the images they are cut from."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.check.facts import LayerFacts, known_input
from netspec.check.layers import Walk
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.diagnostics import Label
from netspec.ir.shape import Shape
from netspec.language.syntax import Pair
from netspec.source import Span


def check_augmenting(walk: Walk, settings: Settings, findings: Findings) -> None:
    """Check the sizes on the augment line."""
    if "augment" not in settings.statements:
        return
    pairs, facts = settings.pairs("augment"), known_input(walk.facts)
    if facts is not None and facts.computed is not None:
        _check_crop(pairs, facts, facts.computed, settings, findings)
        _check_padding(pairs, facts, facts.computed, settings, findings)


def warn_of_unused(settings: Settings, findings: Findings) -> None:
    """Warn of keys of the augment line that have no effect without others."""
    pairs = settings.pairs("augment")
    if "fill" in pairs and not settings.augment.pad:
        why = "it is the colour of padding, and the augment line has no pad="
        findings.warn("no-effect", "augment's fill has no effect", pairs["fill"].span, notes=(why,))


def _check_crop(
    pairs: Mapping[str, Pair], facts: LayerFacts, shape: Shape, settings: Settings, findings: Findings
) -> None:
    """Check that crops have the size of the network's input and fit into the images that they are cut from."""
    crop, resize = settings.augment.crop, settings.augment.resize
    if crop is None:
        if resize is not None and shape.is_image and resize < min(shape.height, shape.width):
            findings.add(
                "crop-too-large",
                f"an input of {shape} cannot be cut from images whose shorter side is {resize}",
                pairs["from"].span,
                labels=(_input_label(facts),),
            )
        return
    if not shape.is_image or shape[1:] != (crop, crop):
        findings.add(
            "crop-differs",
            f"crops of {crop} x {crop} pixels do not fit an input of {shape}",
            pairs["crop"].span,
            labels=(_input_label(facts),),
        )


def _check_padding(
    pairs: Mapping[str, Pair], facts: LayerFacts, shape: Shape, settings: Settings, findings: Findings
) -> None:
    """Check that every crop holds a pixel of the image, and not padding alone."""
    pad, side = settings.augment.pad, min(shape.height, shape.width) if shape.is_image else None
    if side is not None and pad >= side and "pad" in pairs:
        findings.add(
            "bad-value",
            f"with {pad} pixels of padding, a crop of {side} can be padding alone",
            pairs["pad"].span,
            notes=(f"pad is the padding on each side, below {side} here; pad=4 is that of most networks for CIFAR-10",),
            labels=(_input_label(facts),),
        )


def _input_label(facts: LayerFacts) -> Label:
    return Label(_shape_span(facts), f"{facts.name} is {facts.computed}")


def _shape_span(facts: LayerFacts) -> Span:
    """The span of an input layer's shape, or of its name if the shape is missing."""
    values = facts.section.values
    return values[1].span if len(values) > 1 else facts.section.name.span
