"""The page of a layer type, generated from its definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.check import Checked, LayerFacts, check
from netspec.check.arithmetic import count_arithmetic, shape_arithmetic
from netspec.explain.keys import key_table, words_line
from netspec.explain.markdown import bullets, spec
from netspec.formatting import format_count, format_product, plural
from netspec.lowering import Grouping, LayerType
from netspec.source import Source

GROUPS: Mapping[Grouping, str] = {
    "input": "the value is whole: every group has all of it",
    "weights": "the layer is split: each group computes an equal share of the filters or outputs",
    "follows": "the layer has the placement of its input; if that is split, each group computes its own share",
    "joins": "split inputs are joined group by group",
    "alike": "all inputs must have the same placement",
    "gathers": "split inputs are gathered; the output is whole",
}
"""What each grouping means for values that are split over GPU groups."""


def page(layer_type: LayerType) -> str:
    """Return the page of a layer type: its doc, its keys, its shape rule, and an example computed by the compiler."""
    facts = [
        f"usage: `{_usage(layer_type)}`",
        f"reads: {_reads(layer_type)}",
        f"GPU groups: {GROUPS[layer_type.grouping]}",
    ]
    parts = [f"# {layer_type.name}", layer_type.doc, bullets(facts).rstrip()]
    several = layer_type.arity[1] != 1
    for title, training_only in (("Keys", False), ("Keys of training", True)):
        keys = tuple(key for key in layer_type.keys if key.training_only is training_only)
        text = "" if training_only else _operand(layer_type)
        text += key_table(keys, several=several) + words_line(keys) if keys else ""
        if text:
            parts += [f"## {title}", text.rstrip()]
    parts += ["## Shape", layer_type.rule, spec(layer_type.example).rstrip(), _worked_example(layer_type).rstrip()]
    return "\n\n".join(parts) + "\n"


def _usage(layer_type: LayerType) -> str:
    """Return a statement with all that the type requires: ``[name] conv filters=... kernel=...``.

    ``inputs=`` is required only for types that read two or more layers, because the default is the layer above.
    """
    operand = [layer_type.operand.name.upper()] if layer_type.operand else []
    least = layer_type.arity[0]
    reads = [f"inputs={','.join(['...'] * least)}"] if least > 1 else []
    keys = [f"{key.name}=..." for key in layer_type.keys if key.required]
    return " ".join(["[name]", layer_type.name, *operand, *keys, *reads])


def _reads(layer_type: LayerType) -> str:
    least, most = layer_type.arity
    if most == 0:
        return "nothing"
    if most is None:
        return f"{plural(least, 'layer')} or more"
    return plural(least, "layer") if least == most else f"{least} or {plural(most, 'layer')}"


def _operand(layer_type: LayerType) -> str:
    operand = layer_type.operand
    if operand is None:
        return ""
    return f"The {operand.name} follows the type, without a key: {operand.kind.doc}.\n\n"


def _worked_example(layer_type: LayerType) -> str:
    """Return the shape and the counts of the example's last layer of this type, with the arithmetic."""
    checked = check(Source("example.net", layer_type.example))
    facts = [f for f in checked.layers if f.type == layer_type.name][-1]
    return f"In this example, the output of `{facts.name}` is {facts.computed}:\n\n" + bullets(
        _arithmetic(checked, facts)
    )


def _arithmetic(checked: Checked, facts: LayerFacts) -> Iterator[str]:
    assert checked.graph is not None and facts.computed is not None
    yield from shape_arithmetic(facts.steps)
    product = f"{format_product(facts.computed)} = " if facts.computed.is_image else ""
    yield f"units: {product}{format_count(facts.computed.units)}"
    for name in ("weights", "connections"):
        yield from (f"{name}: {line}" for line in count_arithmetic(name, facts.steps))
    for parameter in checked.graph.parameters_of(facts.name):
        size = " x ".join(map(str, parameter.shape))
        yield f"`{parameter.key}`: {size}, drawn from {parameter.distribution}"
