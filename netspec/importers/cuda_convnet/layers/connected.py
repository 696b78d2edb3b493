"""Fully connected layers: fc, sfc and treefc."""

from __future__ import annotations

import re

from netspec.importers.cuda_convnet.layers.kinds import ANY, ONE, ONLY_2012, ONLY_V2, Context, Kind, by_word
from netspec.importers.cuda_convnet.layers.model import Layer
from netspec.importers.cuda_convnet.layers.weights import INITIAL_VALUES, initial_values, shared_weights


def _fc(context: Context) -> Layer:
    outputs = context.options.integer("outputs", low=1)
    weights = tuple((layer.outputs, outputs) for layer in context.inputs)
    layer = context.layer(outputs, weights=weights, biases=outputs, values=initial_values(context))
    return shared_weights(context, layer)


def _sfc(context: Context) -> Layer:
    options = context.options
    parts, outputs = options.integer("parts", low=1), options.integer("outputs", low=1)
    for layer in context.inputs:
        if layer.outputs % parts:
            raise options.report_error(
                "groups-do-not-divide", f"{parts} parts do not divide the {layer.outputs:,} of {layer.name}", "parts"
            )
    weights = tuple((layer.outputs, outputs) for layer in context.inputs)
    total = outputs * parts
    values = {**initial_values(context), "parts": parts}
    return shared_weights(context, context.layer(total, weights=weights, biases=total, values=values))


def _treefc(context: Context) -> Layer:
    """Define a softmax over a tree of classes. The tree is in the data, so an fc over the classes replaces it."""
    options = context.options
    outputs = options.integer("outputs", 0, 0)
    if not outputs:
        name = re.search(r"([0-9]{1,6})", options.name)
        outputs = int(name[1]) if name and int(name[1]) else 1000
    options.warn(
        "cfg-substitute",
        f"the tree of its classes is in the data and not in the file; it is replaced by an fc with {outputs} outputs",
        "type",
    )
    weights = ((context.inputs[0].outputs, outputs),)
    return context.layer(outputs, weights=weights, biases=outputs, values=initial_values(context), shared=(None,))


KINDS = by_word(
    Kind("fc", _fc, ANY, ("outputs", *INITIAL_VALUES)),
    Kind("sfc", _sfc, ANY, ("outputs", "parts", *INITIAL_VALUES), ONLY_V2),
    Kind("treefc", _treefc, ONE, ("outputs", *INITIAL_VALUES), ONLY_2012),
)
