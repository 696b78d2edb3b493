"""Check the augment line: by itself, and that its crops fit the network's input and the images they are cut from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from netspec.check.crop_sizes import least_side, padding_fixes, pads_smaller
from netspec.check.facts import LayerFacts, known_input
from netspec.check.layers import Walk
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.diagnostics import Fix, Label
from netspec.diagnostics.fixes import removal, replacement
from netspec.ir.settings import Cutout
from netspec.ir.shape import Shape
from netspec.language.syntax import Pair


class _Images(NamedTuple):
    """The settings that prepare images, and the input that reads them, with its shape."""

    settings: Settings
    facts: LayerFacts
    shape: Shape

    @property
    def pairs(self) -> Mapping[str, Pair]:
        """The keys of the augment line, as written."""
        return self.settings.pairs("augment")

    @property
    def side(self) -> int | None:
        """The shorter side of the input; ``None`` for a vector."""
        return min(self.shape[1:]) if self.shape.is_image else None

    @property
    def input_label(self) -> Label:
        """The shape of the input, at its shape or, if this is missing, at its name."""
        values = self.facts.section.values
        span = values[1].span if len(values) > 1 else self.facts.section.name.span
        return Label(span, f"{self.facts.name} is {self.shape}")


def check_augmenting(walk: Walk, settings: Settings, findings: Findings) -> None:
    """Check the sizes on the augment line and of the images in tests."""
    facts = known_input(walk.facts)
    if facts is not None and facts.computed is not None:
        images = _Images(settings, facts, facts.computed)
        for check in (_check_crop, _check_padding, _check_drawn_once, _check_cutout, _check_policy, _check_jitter):
            check(images, findings)


def warn_of_unused(walk: Walk, settings: Settings, findings: Findings) -> None:
    """Warn of keys of the augment line that have no effect without others.

    ``pad=0`` and ``area=none`` are how a variant takes what its base draws out: what goes with them then stays.
    """
    augment, pairs, facts = settings.augment, settings.pairs("augment"), known_input(walk.facts)
    shape = facts.computed if facts is not None else None
    side = min(shape[1:]) if shape is not None and shape.is_image else 0
    pads = "pad" in pairs or (augment.sides is not None and augment.sides[0] < side)
    is_dropped = "from" in pairs and augment.resize is None  # for another input: with the file's own one it may pad
    reasons = {
        "fill": "" if pads or is_dropped else "it is the colour of padding, and the augment line has no pad=",
        "aspect": "it is that of crops with area=, which the augment line does not have" if "area" not in pairs else "",
        "from": "with area=, crops are cut from whole images, and test from= is that of tests"
        if augment.areas and settings.test.resize not in (None, augment.resize)
        else "",
    }
    for key, why in reasons.items():
        if why and key in pairs:
            findings.warn("no-effect", f"augment's {key} has no effect", pairs[key].span, notes=(why,))


def _check_crop(images: _Images, findings: Findings) -> None:
    """Check that crops have the size of the network's input and fit into the images that they are cut from."""
    augment, shape = images.settings.augment, images.shape
    pads = pads_smaller(augment, images.pairs)
    if pads and images.settings.test.resize is None:
        _check_fits(images, "augment", augment.resize, findings)
    if augment.crop is None:
        _check_fits(images, "augment", least_side(augment, images.pairs), findings)
    elif not shape.is_image or shape[1:] != (augment.crop, augment.crop):
        findings.add(
            "crop-differs",
            f"crops of {augment.crop} x {augment.crop} pixels do not fit an input of {shape}",
            images.pairs["crop"].span,
            labels=(images.input_label,),
        )
    _check_fits(images, "test", images.settings.test.resize, findings)


def _check_fits(images: _Images, word: str, side: int | None, findings: Findings) -> None:
    """Check that crops fit into images of this shorter side, which is ``from=`` of a setting."""
    if side is None or images.side is None or side >= images.side:
        return
    augment = images.settings.augment
    of_validation = word == "augment" and pads_smaller(augment, images.pairs)
    note = f"validation reads images of {side}, the mean of the two numbers, if test from= says no other side"
    findings.add(
        "crop-too-large",
        f"an input of {images.shape} cannot be cut from images whose shorter side is {side}",
        images.settings.pairs(word)["from"].span,
        labels=(images.input_label,),
        notes=(note,) if of_validation else (),
        fixes=() if of_validation or word == "test" else padding_fixes(augment, images.pairs),
    )


def _check_padding(images: _Images, findings: Findings) -> None:
    """Check that every crop holds a pixel of the image, and not padding alone."""
    pad, side, pairs = images.settings.augment.pad, images.side, images.pairs
    if side is not None and pad >= side and "pad" in pairs:
        findings.add(
            "bad-value",
            f"with {pad} pixels of padding, a crop of {side} can be padding alone",
            pairs["pad"].span,
            notes=(f"pad is the padding on each side, below {side} here; pad=4 is that of most networks for CIFAR-10",),
            labels=(images.input_label,),
        )


def _check_drawn_once(images: _Images, findings: Findings) -> None:
    """Check that only one thing draws the size of crops, and that only images of the size of validation are padded."""
    settings, augment, pairs = images.settings, images.settings.augment, images.pairs
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
    elif tested is not None and tested != (augment.resize or images.side or tested):
        message, other = "pad= is for images of the size of validation", settings.pairs("test")["from"]
    else:
        return
    fix = Fix(f"leave out pad={augment.pad}", (removal(pairs["pad"].span),))
    findings.add("bad-value", message, pairs["pad"].span, other.span, fixes=(fix,))


def _check_cutout(images: _Images, findings: Findings) -> None:
    """Check that a cutout leaves something of every image: that it is not larger than the crop."""
    erase, side = images.settings.augment.erase, images.side
    if isinstance(erase, Cutout) and side is not None and erase.length > side:
        findings.add(
            "bad-value",
            f"a square of {erase.length} pixels is larger than the crop",
            images.pairs["erase"].span,
            notes=("half of the side is usual: DeVries & Taylor (2017) erase 16 x 16 of 32 x 32 pixels",),
            labels=(images.input_label,),
        )


def _check_policy(images: _Images, findings: Findings) -> None:
    """Check that the operations of a policy, by Pillow, are done on colours or greys, and leave padding as it is."""
    if images.settings.augment.policy is not None:
        note = "black padding is changed as the image is"
        _has_colours(
            images, "policy", "policy changes colours and moves pixels", "that a policy could change", note, findings
        )


def _check_jitter(images: _Images, findings: Findings) -> None:
    """Check that colours are changed of images that have some, and that this leaves padding as it is."""
    jitter = images.settings.augment.jitter
    if jitter is None:
        return
    note = "black padding is jittered as the image is; pca shifts the colours of both in the same way"
    if not _has_colours(images, "colour", "jitter changes colours", "that could be jittered", note, findings):
        return
    if images.shape.channels == 1 and (jitter.saturation or jitter.hue):
        why = "grey images have neither; jitter(brightness=, contrast=) changes them"
        findings.warn("no-effect", "saturation and hue have no effect", images.pairs["colour"].span, notes=(why,))


def _has_colours(images: _Images, key: str, does: str, which: str, of_black: str, findings: Findings) -> bool:
    """Whether images, and their padding, have colours, or greys, for what a key ``does`` to them; report it if not.

    ``which`` says which colours a mean as padding has not, and ``of_black`` what becomes of black padding.
    """
    augment, shape, pairs = images.settings.augment, images.shape, images.pairs
    if not shape.is_image or shape.channels not in (1, 3):
        note = "colours are 3 channels: red, green, blue; a grey image has 1"
        message = f"{does}, and {images.facts.name} is {shape}"
        findings.add("needs-colour", message, pairs[key].span, notes=(note,), labels=(images.input_label,))
        return False
    if augment.pad and augment.fill == "mean":
        spans = (pairs[each].span for each in ("fill", key))
        findings.add("bad-value", f"the mean as padding has no colours {which}", *spans, notes=(of_black,))
        return False
    return True
