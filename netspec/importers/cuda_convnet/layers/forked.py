"""Layer types of forks that are other types under another name, or one of them and a dropout.

``cccp`` is of github.com/mavenlin/cuda-convnet (Python/plugin.py), the program of Lin, Chen and Yan: Network in Network
(2013), ``fcdropo`` of the program of Wan et al.: Regularization of neural networks using DropConnect (2013),
``cost.binxent`` of github.com/dnouri/cuda-convnet, ``union`` of github.com/alemagnani/cuda-convnet, ``logsoftmax`` and
``cost.reg`` of github.com/stephenyan1231/cuda_convnet_plus.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from netspec.importers.cuda_convnet.layers import connected, costs, elementwise
from netspec.importers.cuda_convnet.layers.kinds import ANY, ONE, TWO, Context, Kind, by_word
from netspec.importers.cuda_convnet.layers.model import ConvInput, Image, Layer
from netspec.importers.cuda_convnet.layers.weights import INITIAL_VALUES, initial_values, shared_weights


def _cccp(context: Context) -> Layer:
    """Define a convolution of single pixels. The fork had no bound on the number of its filters."""
    options = context.options
    if options.integer("channels", low=1) > 1:
        message = "channels=1 is one layer over all maps of a pixel; a spec cannot express more of them"
        raise options.report_error("cfg-not-expressible", message, "channels")
    maps, filters = options.integer("in_nodes", low=1), options.integer("out_nodes", low=1)
    image = context.image(0, maps)
    values = {
        **initial_values(context),
        "reads": (ConvInput(image, 1, 1, 0, 1, maps),),
        "filters": filters,
        "side": image.side,
        "shared_biases": True,
    }
    output = Image(filters, image.side)
    context = _as(context, "conv", "a conv with filterSize=1")
    layer = context.layer(
        output.units, image=output, reads=(image,), weights=((maps, filters),), biases=filters, values=values
    )
    return shared_weights(context, layer)


def _fc_with_dropout(context: Context) -> Layer:
    """Define an fc whose outputs are dropped before its neuron, and multiplied by 1 - rate in tests."""
    options = context.options
    rate = options.real("rate", low=0.0, high=1.0)
    layer = connected.KINDS["fc"].define(_as(context, "fc", "an fc and a dropout"))
    return replace(layer, values={**layer.values, "dropout": rate})


def _renamed(kind: Kind) -> Callable[[Context], Layer]:
    """Return the definition of a type that is this one under another name."""
    return lambda context: kind.define(_as(context, kind.word))


def _cost_of_log_softmax(context: Context) -> Layer:
    probabilities = context.inputs[1]
    if probabilities.word != "logsoftmax":
        message = f"its second input is a logsoftmax; {probabilities.name} is of type {probabilities.word}"
        raise context.options.report_error("wrong-inputs", message, "inputs")
    return costs.KINDS["cost.logreg"].define(_as(context, "cost.logreg"))


def _binary_cross_entropy(context: Context) -> Layer:
    word = "cost.crossent2" if context.dialect == "2012" else "cost.bce"
    return costs.KINDS[word].define(_as(context, word))


def _as(context: Context, word: str, what: str = "") -> Context:
    """Return the context of a section that is read as one of another type. Warns of that."""
    message = f"{context.word}, which only a fork has, is read as {what or word}"
    context.options.warn("cfg-old-habit", message, "type")
    return replace(context, word=word)


KINDS = by_word(
    Kind("cccp", _cccp, ONE, ("channels", "in_nodes", "out_nodes", *INITIAL_VALUES)),
    Kind("fcdropo", _fc_with_dropout, ONE, ("outputs", "rate", *INITIAL_VALUES)),
    Kind("union", _renamed(elementwise.KINDS["concat"]), ANY),
    Kind("logsoftmax", _renamed(elementwise.KINDS["softmax"]), ONE),
    Kind("cost.reg", _cost_of_log_softmax, TWO),
    Kind("cost.binxent", _binary_cross_entropy, TWO),
)
