"""A network as a graph of ONNX's operators: its calls, one after the other, those of models in it too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from netspec.formatting import format_count, listed
from netspec.importers.keras_file.graph.building import LAST, TO_FIRST, Building, Step, Val
from netspec.importers.keras_file.graph.table import OF_TENSORFLOW, REASONS, TABLE
from netspec.importers.keras_file.model.fields import Broken
from netspec.importers.keras_file.model.network import INPUT_LAYER, MAX_LAYERS, Call, Layer, Network, Ref, refs_in
from netspec.importers.keras_file.preparation import KINDS, Preparation, normalised
from netspec.importers.operators.graph.model import BATCH, Model, Sizes, needed
from netspec.importers.spec.problem import NO_LAYER, Inexpressible
from netspec.ir.shape import Shape

_OPSET = 23
_INPUTS = ("inputs", "input", "x", "x1", "a", "xs", "y", "x2", "b")
"""The names of arguments that have values, in the order in which operations read them."""

_CUSTOM = "it is not one of Keras's: what it computes is in the program that the model was made with"


class NoInput(Exception):
    """The network does not read images of one size. ``notes`` say more."""

    def __init__(self, message: str, *notes: str) -> None:
        super().__init__(message)
        self.notes = notes


@dataclass(slots=True)
class Run:
    """A network that is added to a graph. ``image`` is the value that it reads, until a layer other than a preparation
    reads it, or several layers do."""

    building: Building
    image: Val | None = None
    preparation: Preparation = field(default_factory=Preparation)
    count: int = 0

    def outputs(self, network: Network, inputs: Sequence[Val]) -> list[Val]:
        """Add a network, and return the values that it returns."""
        if len(inputs) != len(network.inputs):
            raise Broken(f"{network.name} reads {len(network.inputs)} values, and is given {len(inputs)}")
        found: dict[Ref, Val] = dict(zip(network.inputs, inputs, strict=True))
        readers = Counter(ref for call in network.calls for ref in call.refs) + Counter(network.outputs)
        for call in network.calls:
            operands = tuple(_operands(call, found))
            if self.image in operands and any(found.get(ref) == self.image and readers[ref] > 1 for ref in call.refs):
                self.image = None
            self.count += 1
            if self.count > MAX_LAYERS:
                raise Broken(f"it has more than {format_count(MAX_LAYERS)} layers")
            values = self._call(call.layer, operands, call.named)
            found |= {Ref(call.layer.key, call.node, place): value for place, value in enumerate(values)}
        return [_value(found, ref, network.name) for ref in network.outputs]

    def _call(self, layer: Layer, operands: tuple[Any, ...], named: Mapping[str, Any]) -> list[Val]:
        step = Step(layer, operands, named, self.building)
        if layer.custom:
            return [step.refuse(_CUSTOM)]
        if layer.network is not None:
            return self.outputs(layer.network, step.values)
        self._note_policy(layer)
        step = replace(step, layer=_of_tensorflow(layer))
        kind = step.layer.kind
        convert = normalised if kind == "Normalization" else TABLE.get(kind)
        if convert is None:
            return [step.refuse(REASONS.get(kind, NO_LAYER))]
        if not step.values or not all(value.known for value in step.values):
            return [step.cut_off()]
        try:
            if self.image in operands and kind in KINDS and self.preparation.fold(step):
                return [step.x]
            value = convert(step)
            if value != self.image and self.image in operands:
                self.image = None
            return [value]
        except Inexpressible as problem:
            return [step.refuse(str(problem))]

    def _note_policy(self, layer: Layer) -> None:
        """Record a policy for types of numbers other than float32, which has no effect on what is computed."""
        policy = layer.config.get("dtype")
        config = policy.get("config") if isinstance(policy, dict) else None
        name = config.get("name") if isinstance(config, dict) else policy
        if isinstance(name, str) and name not in ("float32", "float64"):
            self.building.leave_out(f"the types of numbers {name}, for which train has precision=", layer.name)


def _operands(call: Call, found: Mapping[Ref, Val]) -> Iterator[Any]:
    """Yield the values and numbers that a layer reads; arrays of numbers are lists."""
    named = [call.named[word] for word in _INPUTS if call.named.get(word) is not None]
    yield from _leaves([*call.arguments, *named], found, call.layer.name)


def _leaves(value: Any, found: Mapping[Ref, Val], owner: str) -> Iterator[Any]:
    if isinstance(value, Ref):
        yield _value(found, value, owner)
    elif isinstance(value, (list, tuple)) and (any(True for _ in refs_in(value)) or not _is_constant(value)):
        for item in value:
            yield from _leaves(item, found, owner)
    elif isinstance(value, dict) and "class_name" not in value:
        yield from _leaves([*value.values()], found, owner)
    elif value is not None and not isinstance(value, (str, bool)):
        yield value


def _is_constant(value: Any) -> bool:
    """Whether a list in a list, and so on, has numbers alone, as an array has."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(_is_constant, value))
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _value(found: Mapping[Ref, Val], ref: Ref, owner: str) -> Val:
    if ref not in found:
        raise Broken(f"{owner} reads output {ref.output} of {ref.layer}, which there is not")
    return found[ref]


def _of_tensorflow(layer: Layer) -> Layer:
    """Return a function of TensorFlow that Keras 2 applies as the class of the same function."""
    if layer.kind != "TFOpLambda":
        return layer
    word = layer.config.text("function", "")
    return replace(layer, kind=OF_TENSORFLOW.get(word, word))


def graph_of(network: Network, building: Building, shape: Shape | None) -> tuple[Model, Preparation]:
    """Return a network as a graph, and how the images that it reads are prepared. ``shape`` is that of the input, if it
    is to be another one.

    Raises ``Broken``, and ``NoInput`` if it does not read images of one size.
    """
    if len(network.inputs) != 1:
        names = listed([ref.layer.rpartition(":")[2] for ref in network.inputs], 8)
        raise NoInput(f"the model has {len(network.inputs)} inputs; a spec has one", f"they are {names}")
    layer = next((layer for layer in network.layers if layer.key == network.inputs[0].layer), None)
    if layer is None or layer.kind != INPUT_LAYER:
        raise Broken(f"its input {network.inputs[0].layer} is no InputLayer")
    sizes = (BATCH, *_sizes(layer, shape, building.data_format))
    name = layer.name
    building.shapes[name] = sizes
    image = Val(name, sizes, tuple(range(len(sizes))))
    run = Run(building, image)
    values = run.outputs(network, [image])
    outputs = tuple(dict.fromkeys(_returned(value, building) for value in values))
    if name in outputs:
        raise Broken("it returns what it reads")
    model = Model(
        nodes=tuple(needed(building.nodes, outputs)),
        tensors=building.tensors,
        shapes=building.shapes,
        batch=BATCH,
        input=name,
        channels_last=building.data_format == LAST and len(sizes) == 4,
        outputs=outputs,
        titles={name: building.producers[name].name for name in outputs if len(outputs) > 1},
        opset=_OPSET,
        exact=True,
    )
    return model, run.preparation


def _returned(value: Val, building: Building) -> str:
    """Return the name of an output. Of a flattened image that no layer reads, the numbers are put in Keras's order."""
    node = building.producers.get(value.name)
    flat = node is not None and node.op == "Reshape" and len(value.sizes) == 2
    if node is None or not flat or any(value.name in other.inputs for other in building.nodes):
        return value.name
    sizes = building.shapes[node.inputs[0]]
    if len(sizes) != 4 or sizes[3] == 1 or sizes[1] * sizes[2] == 1:
        return value.name
    parts: list[tuple[str, Sizes, dict[str, Any]]] = [
        ("Transpose", tuple(sizes[axis] for axis in TO_FIRST), {"perm": TO_FIRST}),
        ("Reshape", value.sizes, {}),
        ("ChannelShuffle", value.sizes, {"axis": 1, "groups": sizes[3]}),
    ]
    name = node.inputs[0]
    for op, after, attributes in parts:
        made = f"{name}:{op}"
        building.nodes.append(replace(node, op=op, inputs=(name,), outputs=(made,), attributes=attributes))
        building.shapes[made] = after
        name = made
    return name


def _sizes(layer: Layer, shape: Shape | None, data_format: str) -> Sizes:
    """Return the shape of an image as the model has it."""
    word = "batch_shape" if layer.config.get("batch_shape") is not None else "batch_input_shape"
    stated = layer.config.get(word)
    if stated is None and shape is None:
        raise NoInput("the model does not state the size of its input", "state it with --input 3x224x224")
    if not isinstance(stated, list):
        stated = [None, None, None, None] if stated is None else layer.config.items(word)
    axes = stated[1:]
    if len(axes) not in (1, 2, 3):
        raise NoInput(f"the input {layer.name} has {len(axes)} axes; a spec reads images or vectors")
    if shape is not None:
        own = {1: (shape.units,), 2: shape[1:], 3: (*shape[1:], shape[0]) if data_format == LAST else tuple(shape)}
        if len(axes) > 1 and not shape.is_image:
            raise NoInput(f"the model reads images, and --input is {shape}")
        return own[len(axes)]
    if None in axes:
        written = "x".join("?" if size is None else str(size) for size in axes)
        raise NoInput(f"the model reads images of any size: {written}", "state one with --input 3x224x224")
    return tuple(layer.config.count(size, word, 1) for size in axes)
