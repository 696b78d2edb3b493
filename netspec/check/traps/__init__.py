"""Warnings about networks that are valid but most likely not what was meant.

Each rule looks at the checked graph, or at the settings alone. A comment silences a warning on its line:
``# allow: lrn-across-groups``.
"""

from __future__ import annotations

from collections.abc import Mapping

from netspec.check.facts import LayerFacts
from netspec.check.statements import Settings
from netspec.check.traps.enlarging import output_holes, sums_of_maps, unread_borders
from netspec.check.traps.images import MAX_COLOURS, channels_last, mean_out_of_range, unread_channels, unread_pixels
from netspec.check.traps.initialisation import saturated_bias, signal
from netspec.check.traps.linear import linear_layers
from netspec.check.traps.norms import lrn_across_groups, normalises_single_numbers
from netspec.check.traps.scores import dropout_on_scores, no_class_loss, relu_on_scores, sets_of_all, softmax_twice
from netspec.check.traps.skipped import image_dropped
from netspec.check.traps.updates import batchnorm_momentum, rate_too_large, super_eps
from netspec.diagnostics import Diagnostic
from netspec.ir.graph import Graph

__all__ = ["MAX_COLOURS", "traps"]

_RULES = (
    channels_last,
    mean_out_of_range,
    unread_pixels,
    unread_borders,
    output_holes,
    sums_of_maps,
    unread_channels,
    linear_layers,
    relu_on_scores,
    softmax_twice,
    no_class_loss,
    sets_of_all,
    dropout_on_scores,
    image_dropped,
    lrn_across_groups,
    normalises_single_numbers,
    saturated_bias,
    batchnorm_momentum,
    signal,
    super_eps,
)


def traps(graph: Graph, facts: Mapping[str, LayerFacts], settings: Settings) -> tuple[Diagnostic, ...]:
    """Return all warnings about a network, in the order of its layers, then those about its settings."""
    order = {name: i for i, name in enumerate(graph.layers)}
    warnings = [w for rule in _RULES for w in rule(graph, facts)]
    return (*sorted(warnings, key=lambda w: order[w.layer]), *rate_too_large(settings))
