"""Activations, dropout, softmax, and sections that are left out."""

from __future__ import annotations

from collections.abc import Callable

from netspec.importers.darknet.site import Site
from netspec.importers.spec.problem import Inexpressible
from netspec.keys.texts import number

_UNSTATED_RATE = "probability is not stated: 0.5 is assumed, as in pjreddie's Darknet; AlexeyAB's takes 0.2"


def activation(site: Site) -> int:
    """An activation function."""
    return site.activated(site.x, "linear")


def crop(site: Site) -> int:
    """The part of the images that the input line reads (``training.images_of``)."""
    if site.section.number:
        raise Inexpressible("it is not the first layer")
    return 0


def dropout(site: Site) -> int:
    """Dropout, whose factor 1 / (1 - probability) is applied in training (``make_dropout_layer``)."""
    section, x = site.section, site.x
    rate = section.real("probability", 0.5, 0, 1)
    if "probability" not in section.options:
        site.draft.left_out.append((section.span, _UNSTATED_RATE))
    line = site.line("dropout", [x], {"rate": number(rate)}) if rate else x
    if section.number:
        site.draft.values[-1] = line  # in place: what reads the layer before reads what this one leaves of it
    return line


def softmax(site: Site) -> int | str:
    """Softmax over all numbers, or with ``spatial`` over the channels of each pixel (``forward_softmax_layer_gpu``)."""
    section, x = site.section, site.x
    if "tree" in section.options:
        return left_out("a softmax over a tree of classes")(site)
    section.need("groups", "1", "it is a softmax in each of several groups")
    temperature, spatial = section.real("temperature", 1), section.real("spatial", 0)
    if temperature <= 0:
        raise Inexpressible("its temperature is not above 0", section.place("temperature"))
    if spatial and temperature != 1:
        raise Inexpressible("Darknet takes no temperature with spatial", section.place("spatial"))
    if temperature != 1:
        x = site.line("linear", [x], {"a": number(1 / temperature)})
    single = site.draft.shape(x).height * site.draft.shape(x).width == 1
    x = x if spatial and not single else site.draft.flattened(x)
    return site.line("softmax", [x], {})


def cost(site: Site) -> str:
    """A loss. Behind a softmax, that of a spec is the cross-entropy, whose gradient ``sse`` gives in old files."""
    x = site.x
    if site.draft.lines[x].type != "softmax" or site.section.text("type", "sse") != "sse":
        note = f"the loss [cost] type={site.section.text('type', 'sse')}: a spec's is the cross-entropy of a softmax"
        site.draft.left_out.append((site.section.span, note))
    site.draft.ends.append(x)
    return "it reads a loss"


def logistic(site: Site) -> int:
    """The logistic function, and a loss (``forward_logistic_layer``)."""
    site.draft.left_out.append((site.section.span, "the loss of [logistic], which is that of each score alone"))
    return site.activated(site.x, "logistic")


def left_out(what: str) -> Callable[[Site], str]:
    """Return the translation of a section that is left out, with a note. No layer may read it."""

    def translate(site: Site) -> str:
        site.draft.ends.append(site.x)
        site.draft.left_out.append((site.section.span, f"[{site.section.word}], {what}"))
        return f"it reads what [{site.section.word}] computes, which a spec cannot express"

    return translate
