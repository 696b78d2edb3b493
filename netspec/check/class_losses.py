"""Check that the losses of a network agree on what has a class, an image or each of its pixels, and on the classes."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.check.facts import LayerFacts
from netspec.check.report import Findings
from netspec.diagnostics import Label
from netspec.formatting import plural
from netspec.ir.graph import Graph, Node
from netspec.ir.ops import Loss


def check_class_losses(graph: Graph, facts: Mapping[str, LayerFacts], findings: Findings) -> None:
    """Report the first loss that compares something else with the classes than the main one, the last."""
    reading = [node for node in graph.losses if isinstance(node.op, Loss) and node.op.knows_classes]
    main = next((node for node in reversed(reading) if isinstance(node.op, Loss) and node.op.labelled), None)
    if main is None:
        return
    for node in reading:
        problem = _difference(graph, node, main)
        if problem is not None:
            message, note = problem
            labels = (Label(facts[main.layer].section.name.span, "the main loss: the last on class scores"),)
            findings.add(
                "classes-differ",
                message,
                facts[node.layer].section.values[0].span,
                notes=(note,),
                layer=node.layer,
                labels=labels,
            )
            return


def _difference(graph: Graph, node: Node, main: Node) -> tuple[str, str] | None:
    """Return in which way a loss does not agree with the main one, in a message and a note; ``None`` if it does."""
    (own, *_), (scores, *_) = graph.shapes(node), graph.shapes(main)
    labelled = isinstance(node.op, Loss) and node.op.labelled
    if scores.is_image and not labelled:
        message = f"{node.layer} reads the class of an image, and {main.layer} compares maps with the classes of pixels"
        return message, "an image has either one class or, in its mask, a class for each pixel: leave gate=class out"
    if own.is_image != scores.is_image and labelled:
        kinds = {True: f"maps, {own if own.is_image else scores},", False: f"{scores if own.is_image else own} scores"}
        message = (
            f"{node.layer} compares {kinds[own.is_image]} with the classes of {_THINGS[own.is_image]}, and "
            f"{main.layer} {kinds[scores.is_image]} with those of {_THINGS[scores.is_image]}"
        )
        return message, "an image has either one class or, in its mask, a class for each pixel"
    if labelled and own.channels < scores.channels:
        message = (
            f"{node.layer} reads the scores of {plural(own.channels, 'class')}, and {main.layer} those of "
            f"{plural(scores.channels, 'class')}"
        )
        return message, f"the class of {_A_THING[scores.is_image]} may be one that has no score in {node.layer}"
    return None


_THINGS = {True: "pixels", False: "images"}
_A_THING = {True: "a pixel", False: "an image"}
