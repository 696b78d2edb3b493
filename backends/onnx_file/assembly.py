"""The whole ONNX model: the graph's inputs, nodes, tensors and outputs, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata

import onnx
from onnx import TensorProto, ValueInfoProto, helper

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import Input, Loss

from .about import about
from .ops import EMISSIONS
from .site import LABELS, Floats, Site, Writer
from .target import PRODUCER

OPSET = 17
"""The version of ONNX's operator set, of 2022: all that is needed is in it, and runtimes of that year read it."""

IR_VERSION = 8
"""The version of the file format that came with it."""

BATCH = "N"
"""What the number of images is called."""


def model(
    graph: Graph,
    weights: Mapping[str, Floats],
    *,
    spec: str,
    facts: Mapping[str, str] | None = None,
    losses: bool = False,
) -> onnx.ModelProto:
    """The ONNX model of a network outside training.

    Its input is called like the spec's, N x C x H x W, preprocessed, float32. Every layer's value bears the layer's
    name. The first output is the file's last layer (of a loss, the scores that it reads); the others are the layers
    that no other layer reads.

    Parameters
    ----------
    weights:
        Each parameter by its key, and batch normalisations' ``LAYER.running_mean`` and ``LAYER.running_var`` (where
        they are missing, 0 and 1), float32.
    spec:
        The spec's text.
    facts:
        What is said of the weights in the model's metadata.
    losses:
        Whether the losses are outputs as well. The model then has a second input of N class numbers, int64.
    """
    nodes = [node for node in graph.nodes.values() if losses or not isinstance(node.op, Loss)]
    writer = Writer(weights, labels=_unused(LABELS, graph))
    for node in nodes:
        if not isinstance(node.op, Input):
            EMISSIONS[type(node.op)](node.op, Site(node, graph.shapes(node), writer))
    inputs = [_value(graph.input)]
    if losses and graph.losses:
        inputs.append(helper.make_tensor_value_info(writer.labels, TensorProto.INT64, [BATCH]))
    outputs = _outputs(graph, nodes)
    made = helper.make_graph(
        writer.nodes,
        graph.name,
        inputs,
        [_value(node) for node in outputs],
        list(writer.tensors.values()),
        value_info=[_value(node) for node in nodes if node not in outputs and node is not graph.input],
    )
    whole = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name=PRODUCER,
        producer_version=metadata.version("netspec-compiler"),
    )
    helper.set_model_props(whole, {**about(graph, spec), **(facts or {})})
    return whole


def _outputs(graph: Graph, nodes: list[Node]) -> list[Node]:
    """The network's own output, then what nothing reads."""
    own = graph.output if graph.output in nodes else graph.scores
    read = {name for node in nodes for name in node.inputs}
    return [own, *(node for node in nodes if node.name not in read and node is not own)]


def _value(node: Node) -> ValueInfoProto:
    shape: tuple[int | str, ...] = () if isinstance(node.op, Loss) else (BATCH, *node.output)
    return helper.make_tensor_value_info(node.name, TensorProto.FLOAT, shape)


def _unused(name: str, graph: Graph) -> str:
    """The name itself, or with underscores behind it if a layer is called so."""
    while name in graph.nodes:
        name += "_"
    return name
