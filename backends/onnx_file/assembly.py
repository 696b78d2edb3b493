"""Assemble the ONNX model: inputs, nodes, tensors, outputs and metadata."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from importlib import metadata

import onnx
from onnx import TensorProto, ValueInfoProto, helper

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import Input, Loss
from netspec.passes.crops import stored_size
from netspec.passes.label_grid import label_sizes, labels_are_masks, labels_of_losses

from .ops import EMISSIONS
from .site import LABELS, Floats, Site, Writer
from .target import PRODUCER

OPSET = 17
"""Version of the ONNX operator set. Version 17 has every operator needed here, and runtimes since 2022 support it."""

IR_VERSION = 8
"""Version of the file format that was released with operator set 17."""

BATCH = "N"
"""Symbolic name of the batch dimension."""


def model(
    graph: Graph,
    weights: Mapping[str, Floats],
    *,
    spec: str,
    facts: Mapping[str, str] | None = None,
    losses: bool = False,
) -> onnx.ModelProto:
    """Return the ONNX model of a network in evaluation mode.

    The input has the name of the spec's input layer and takes preprocessed float32 images, N x C x H x W. The value of
    every layer has the layer's name. The first output is the last layer of the spec or, if that is a loss which is left
    out, the scores that the loss reads. The other outputs are the layers that no other layer reads.

    Parameters
    ----------
    weights:
        Float32 values of each parameter by key, and ``LAYER.running_mean`` and ``LAYER.running_var`` of batch
        normalisations (0 and 1 if missing).
    spec:
        The text of the spec.
    facts:
        Further metadata, about the weights.
    losses:
        Whether to emit the losses too. The model then has a second input of N class numbers, int64; that of
        a dense network is N x rows x columns, the classes of the pixels of ``label_grid``, 255 for unlabelled ones.
    """
    nodes = [node for node in graph.nodes.values() if losses or not isinstance(node.op, Loss)]
    writer = Writer(weights, _unused_name(LABELS, graph), labels_of_losses(graph))
    for node in nodes:
        if not isinstance(node.op, Input):
            EMISSIONS[type(node.op)](node.op, Site(node, graph.shapes(node), writer))
    inputs = [_value_info(graph.input)]
    if losses and graph.losses:
        pixels = label_sizes(graph) if labels_are_masks(graph) else ()
        inputs.append(helper.make_tensor_value_info(writer.labels, TensorProto.INT64, [BATCH, *pixels]))
    outputs = _outputs(graph, nodes)
    onnx_graph = helper.make_graph(
        writer.nodes,
        graph.name,
        inputs,
        [_value_info(node) for node in outputs],
        list(writer.tensors.values()),
        value_info=[_value_info(node) for node in nodes if node not in outputs and node is not graph.input],
    )
    onnx_model = helper.make_model(
        onnx_graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name=PRODUCER,
        producer_version=metadata.version("netspec-compiler"),
    )
    helper.set_model_props(onnx_model, {**_about(graph, spec), **(facts or {})})
    return onnx_model


def _outputs(graph: Graph, nodes: list[Node]) -> list[Node]:
    """Return the network's output, followed by the other nodes that no node reads."""
    output = graph.output if graph.output in nodes else graph.scores
    read = {name for node in nodes for name in node.inputs}
    return [output, *(node for node in nodes if node.name not in read and node is not output)]


def _value_info(node: Node) -> ValueInfoProto:
    shape: tuple[int | str, ...] = () if isinstance(node.op, Loss) else (BATCH, *node.output)
    return helper.make_tensor_value_info(node.name, TensorProto.FLOAT, shape)


def _unused_name(name: str, graph: Graph) -> str:
    """Return ``name``, with underscores appended until no node has that name."""
    while name in graph.nodes:
        name += "_"
    return name


def _about(graph: Graph, spec: str) -> dict[str, str]:
    """Return the metadata: the net's name, its spec with the SHA-256 that run folders record, and how to preprocess
    images.

    Pixels are scaled to 0..``input.range``. ``input.mean`` is then subtracted: the mean ``image`` of the training set,
    its mean per ``channel``, ``none``, or comma-separated numbers. The result is divided by ``input.std``: ``channel``,
    ``none``, or numbers. ``input.order`` is the order of the channels. The shorter side of an image is first resized to
    ``input.resize``, and ``input.crop`` (height x width) is cut from the centre.
    """
    preprocessing = graph.preprocessing
    facts = {
        "net": graph.name,
        "spec_sha256": sha256(spec.encode()).hexdigest(),
        "spec": spec,
        "input.range": f"{preprocessing.range}",
        "input.mean": _as_text(preprocessing.mean),
        "input.std": _as_text(preprocessing.std),
        "input.order": preprocessing.order,
    }
    shape = graph.input.output
    if shape.is_image:
        facts["input.resize"] = str(min(stored_size(graph)))
        facts["input.crop"] = f"{shape.height}x{shape.width}"
    return facts


def _as_text(numbers: str | tuple[float, ...]) -> str:
    return numbers if isinstance(numbers, str) else ",".join(map(repr, numbers))
