"""Check that the network can be tested as the test line says."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.check.facts import LayerFacts
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.diagnostics import Edit, Fix, Label
from netspec.ir.graph import Graph
from netspec.ir.settings import Views
from netspec.ir.views import unfit_views

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
