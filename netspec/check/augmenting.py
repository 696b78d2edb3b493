"""Check the augment line: by itself, and that its crops fit the network's input and the images they are cut from."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.check.facts import LayerFacts, known_input
from netspec.check.layers import Walk
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.diagnostics import Fix, Label
from netspec.diagnostics.fixes import removal, replacement
from netspec.ir.settings import Cutout
from netspec.ir.shape import Shape
from netspec.language.syntax import Pair
from netspec.source import Span


def check_augmenting(walk: Walk, settings: Settings, findings: Findings) -> None:
    """Check the sizes on the augment line and of the images in tests."""
    pairs, facts = settings.pairs("augment"), known_input(walk.facts)
    if facts is not None and facts.computed is not None:
        _check_crop(pairs, facts, facts.computed, settings, findings)
        _check_tested_side(facts, facts.computed, settings, findings)
        _check_padding(pairs, facts, facts.computed, settings, findings)
        _check_drawn_once(pairs, facts.computed, settings, findings)
        _check_cutout(pairs, facts, facts.computed, settings, findings)
        _check_jitter(pairs, facts, facts.computed, settings, findings)


def warn_of_unused(settings: Settings, findings: Findings) -> None:
    """Warn of keys of the augment line that have no effect without others."""
    augment, pairs = settings.augment, settings.pairs("augment")
    reasons = {
        "fill": "it is the colour of padding, and the augment line has no pad=" if not augment.pad else "",
        "aspect": "it is that of crops with area=, which the augment line does not have" if not augment.areas else "",
        "from": "with area=, crops are cut from whole images, and test from= is that of tests"
        if augment.areas and settings.test.resize not in (None, augment.resize)
        else "",
    }
    for key, why in reasons.items():
        if why and key in pairs:
            findings.warn("no-effect", f"augment's {key} has no effect", pairs[key].span, notes=(why,))


def _check_crop(
    pairs: Mapping[str, Pair], facts: LayerFacts, shape: Shape, settings: Settings, findings: Findings
) -> None:
    """Check that crops have the size of the network's input and fit into the images that they are cut from."""
    augment = settings.augment
    crop, least = augment.crop, augment.sides[0] if augment.sides else augment.resize
    if crop is None:
        if least is not None and shape.is_image and least < min(shape.height, shape.width):
            findings.add(
                "crop-too-large",
                f"an input of {shape} cannot be cut from images whose shorter side is {least}",
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


def _check_tested_side(facts: LayerFacts, shape: Shape, settings: Settings, findings: Findings) -> None:
    """Check that the crops of tests fit into their images."""
    side = settings.test.resize
    if side is not None and shape.is_image and side < min(shape.height, shape.width):
        findings.add(
            "crop-too-large",
            f"an input of {shape} cannot be cut from images whose shorter side is {side}",
            settings.pairs("test")["from"].span,
            labels=(_input_label(facts),),
        )


def _check_drawn_once(pairs: Mapping[str, Pair], shape: Shape, settings: Settings, findings: Findings) -> None:
    """Check that only one thing draws the size of crops, and that only images of the size of validation are padded."""
    augment = settings.augment
    if augment.areas is not None and augment.sides is not None:
        fixes = (replacement(pairs["from"].value.span, str(augment.resize)),)
        message = "from= with two numbers and area= both draw the size of a crop"
        notes = ("with area=, from= is the side of images in validation and tests, one number",)
        findings.add("bad-value", message, pairs["from"].span, pairs["area"].span, notes=notes, fixes=fixes)
    if not augment.pad:
        return
    tested = settings.test.resize
    if augment.areas is not None or augment.sides is not None:
        drawn = "area" if augment.areas is not None else "from"
        message, other = f"pad= is for images of one size, and {drawn}= draws the size", pairs[drawn]
    elif tested is not None and tested != (augment.resize or min(shape[1:], default=tested)):
        message, other = "pad= is for images of the size of validation", settings.pairs("test")["from"]
    else:
        return
    fix = Fix(f"leave out pad={augment.pad}", (removal(pairs["pad"].span),))
    findings.add("bad-value", message, pairs["pad"].span, other.span, fixes=(fix,))


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


def _check_cutout(
    pairs: Mapping[str, Pair], facts: LayerFacts, shape: Shape, settings: Settings, findings: Findings
) -> None:
    """Check that a cutout leaves something of every image: that it is not larger than the crop."""
    erase = settings.augment.erase
    if isinstance(erase, Cutout) and shape.is_image and erase.length > min(shape.height, shape.width):
        findings.add(
            "bad-value",
            f"a square of {erase.length} pixels is larger than the crop",
            pairs["erase"].span,
            notes=("half of the side is usual: DeVries & Taylor (2017) erase 16 x 16 of 32 x 32 pixels",),
            labels=(_input_label(facts),),
        )


def _check_jitter(
    pairs: Mapping[str, Pair], facts: LayerFacts, shape: Shape, settings: Settings, findings: Findings
) -> None:
    """Check that colours are changed of images that have some, and that this leaves padding as it is."""
    augment, jitter = settings.augment, settings.augment.jitter
    if jitter is None:
        return
    if not shape.is_image or shape.channels not in (1, 3):
        note = "colours are 3 channels: red, green, blue; a grey image has 1"
        message = f"jitter changes colours, and {facts.name} is {shape}"
        findings.add("needs-colour", message, pairs["colour"].span, notes=(note,), labels=(_input_label(facts),))
    elif augment.pad and augment.fill == "mean":
        spans = (pairs[key].span for key in ("fill", "colour"))
        note = "black padding is jittered as the image is; pca shifts the colours of both in the same way"
        findings.add("bad-value", "the mean as padding has no colours that could be jittered", *spans, notes=(note,))
    elif shape.channels == 1 and (jitter.saturation or jitter.hue):
        why = "grey images have neither; jitter(brightness=, contrast=) changes them"
        findings.warn("no-effect", "saturation and hue have no effect", pairs["colour"].span, notes=(why,))


def _input_label(facts: LayerFacts) -> Label:
    return Label(_shape_span(facts), f"{facts.name} is {facts.computed}")


def _shape_span(facts: LayerFacts) -> Span:
    """The span of an input layer's shape, or of its name if the shape is missing."""
    values = facts.section.values
    return values[1].span if len(values) > 1 else facts.section.name.span
