"""Check that losses, weights of classes and tests fit what a network classifies, images or pixels, and its classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from netspec.check.facts import LayerFacts
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.diagnostics import Edit, Fix, Label
from netspec.formatting import format_count, plural
from netspec.ir.graph import Graph, Node
from netspec.ir.ops import BinaryCrossEntropy, CrossEntropy, Loss
from netspec.ir.settings import Views
from netspec.ir.views import unfit_views


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


class _Misfit(NamedTuple):
    """What the weights do not fit: a message, what is said at the layer, and a note."""

    message: str
    layer: str
    label: str
    note: str


def check_class_weights(graph: Graph, facts: Mapping[str, LayerFacts], settings: Settings, findings: Findings) -> None:
    """Report weights of classes that are not one for each class, or with which the network cannot be trained."""
    if graph.train.class_weights is None:
        return
    numbers = len(graph.train.class_weights) if isinstance(graph.train.class_weights, tuple) else None
    misfit = next(_misfits(graph, facts, numbers), None)
    if misfit is not None:
        labels = (Label(facts[misfit.layer].section.name.span, misfit.label),)
        findings.add(
            "class-weights",
            misfit.message,
            settings.pairs("train")["class_weights"].span,
            notes=(misfit.note,),
            labels=labels,
        )


def _misfits(graph: Graph, facts: Mapping[str, LayerFacts], weights: int | None) -> Iterator[_Misfit]:
    """Yield what ``weights`` numbers do not fit; ``None``: as many as there are classes."""
    for node in graph.losses:
        if not isinstance(node.op, CrossEntropy):
            kind = facts[node.layer].type
            message = f"class_weights are those of a cross-entropy, and {node.layer} is a {kind}"
            yield _Misfit(message, node.layer, "this loss has no weights of classes", _why_not(node))
    for node in tuple(graph.nodes[loss.inputs[0]] for loss in graph.losses) or (graph.scores,):
        classes = node.output.channels
        if weights is not None and classes != weights:
            has = f"{node.layer} has the scores of {plural(classes, 'class')}"
            message = f"class_weights has {plural(weights, 'number')}, and {has}"
            note = "each class has a number, in the order of the scores; 1 leaves a class as it is"
            yield _Misfit(message, node.layer, f"{format_count(classes)} scores", note)
    for parameter in graph.parameters.values():
        if parameter.update_every:
            message = (
                f"class_weights are divided by their sum over a batch, and {parameter.layer} is updated within one"
            )
            note = "leave update_every= out: the parts of a batch count by the weights of their classes"
            yield _Misfit(message, parameter.layer, "it has update_every=", note)


def _why_not(node: Node) -> str:
    if isinstance(node.op, BinaryCrossEntropy):
        return "its positive= is how much the class of an image counts against the others"
    return "without a loss in the file, netspec minimises the cross-entropy of the class scores"


_OTHERS: Mapping[Views, tuple[Views, ...]] = {10: ("whole", 1), "whole": (10, 1)}
"""The views in place of those that do not fit, the nearest ones first."""


def check_views(graph: Graph, facts: Mapping[str, LayerFacts], settings: Settings, findings: Findings) -> None:
    """Report views of images that the network cannot be tested with."""
    unfit = unfit_views(graph.test.views, graph)
    if unfit is None:
        return
    message, note = unfit
    pair, others, scores = settings.pairs("test")["views"], _OTHERS[graph.test.views], facts[graph.scores.layer]
    findings.add(
        "views-differ",
        message,
        pair.span,
        notes=(note,),
        fixes=tuple(Fix(f"test views={view}", (Edit(pair.value.span, str(view)),)) for view in others),
        labels=(Label(scores.section.name.span, f"its scores are {graph.scores.output}"),),
    )
