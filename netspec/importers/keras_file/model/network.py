"""A model's JSON as a network of layers and calls, that of Keras 2 as that of Keras 3."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from netspec.formatting import format_count
from netspec.importers.keras_file.model.fields import Broken, Fields, shortened

MAX_LAYERS = 10_000
_DEEPEST = 20
_MODELS = ("Sequential", "Functional", "Model")
_OURS = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras")

INPUT_LAYER = "InputLayer"
_OF_KERAS_1 = {"W_regularizer", "border_mode", "dim_ordering"}
"""Settings that later versions call otherwise (keras/legacy/interfaces.py of Keras 2.2)."""


class Ref(NamedTuple):
    """One of the outputs of a layer's call."""

    layer: str
    node: int
    output: int


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A layer: its class, its name, and its configuration.

    ``key`` is what references call it. ``names`` are the names of the models that it is in, and its own. ``path`` leads
    to its weights in a file of Keras 3, which names layers by their classes: ``layers``, ``conv2d_1``. ``custom`` is
    the full name of a class that is not Keras's own. ``network`` is that of a model that is a layer.
    """

    kind: str
    key: str
    name: str
    config: Fields
    names: tuple[str, ...]
    path: tuple[str, ...]
    custom: str
    network: Network | None


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A layer that is applied. ``arguments`` and ``named`` have a ``Ref`` for each value."""

    layer: Layer
    node: int
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]

    @property
    def refs(self) -> list[Ref]:
        """The values that it reads."""
        return [*refs_in((self.arguments, [*self.named.values()]))]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A model. ``calls`` are in an order in which they can be computed."""

    name: str
    layers: tuple[Layer, ...]
    calls: tuple[Call, ...]
    inputs: Sequence[Ref]
    outputs: Sequence[Ref]


def network_of(model: Fields, names: tuple[str, ...] = (), path: tuple[str, ...] = ()) -> Network:
    """Return the network of a model's JSON. ``names`` and ``path`` are those of the models that it is in.

    Raises ``Broken``.
    """
    if len(names) > _DEEPEST:
        raise Broken(f"its models are nested more than {_DEEPEST} deep")
    kind, config = model.text("class_name"), model.get("config")
    if kind not in _MODELS:
        where = "whose layers are in a program and not in its file"
        raise Broken(f"it is a {shortened(kind)}, {where}: only Sequential and functional models state theirs")
    if isinstance(config, list):  # a Sequential model before Keras 2.3
        config = {"layers": config}
    if not isinstance(config, dict):
        raise model.wrong("config", config, "an object")
    fields = Fields(config, "the model" if not names else names[-1])
    entries = [_object(entry, fields.owner) for entry in fields.items("layers")]
    if not entries:
        raise Broken(f"{fields.owner} has no layers")
    if len(entries) > MAX_LAYERS:
        raise Broken(f"{fields.owner} has more than {format_count(MAX_LAYERS)} layers")
    layers = tuple(_layers(entries, names, path, sequential=kind == "Sequential"))
    name = fields.get("name", "model")
    if kind == "Sequential":
        return _sequential(str(name), fields, entries, layers)
    if twice := [word for word, count in Counter(layer.name for layer in layers).items() if count > 1]:
        raise Broken(f"{fields.owner} has two layers {twice[0]}")
    calls = [call for layer, entry in zip(layers, entries, strict=True) for call in _calls(layer, entry)]
    inputs, outputs = (_ends(fields, word) for word in ("input_layers", "output_layers"))
    calls = _numbered(calls, outputs)
    return Network(str(name), layers, tuple(_ordered(calls, inputs, outputs)), inputs, outputs)


def refs_in(value: Any) -> Iterator[Ref]:
    """Yield the references in lists and objects."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from refs_in(item)


def _object(value: Any, owner: str) -> Fields:
    if not isinstance(value, dict):
        raise Broken(f"{owner}: a layer is {type(value).__name__}, not an object")
    return Fields(value, owner)


def _layers(
    entries: Sequence[Fields], names: tuple[str, ...], path: tuple[str, ...], *, sequential: bool
) -> Iterator[Layer]:
    counts: Counter[str] = Counter()
    for entry in entries:
        kind = entry.text("class_name")
        config = entry.get("config", {})
        of_config = config.get("name") if isinstance(config, dict) else None
        name = entry.get("name") or of_config or f"{_snake(kind)}_{len(counts)}"
        if not isinstance(name, str):
            raise entry.wrong("name", name, "a text")
        word = _snake(kind)
        counts[word] += 1
        numbered = word if counts[word] == 1 else f"{word}_{counts[word] - 1}"
        if sequential and kind == INPUT_LAYER:
            counts[word] -= 1
        own = (*path, "layers", numbered)
        network = network_of(entry, (*names, name), own) if kind in _MODELS else None
        fields = Fields(config if isinstance(config, dict) else {}, name)
        if not _OF_KERAS_1.isdisjoint(fields.values):
            raise Broken(f"{name} has settings of Keras 1; Keras 2.2 reads such a model and saves it as one of Keras 2")
        yield Layer(kind.rpartition(">")[2], name, name, fields, (*names, name), own, _custom(entry, kind), network)


def _custom(entry: Fields, kind: str) -> str:
    """Return the full name of a class that is not one of Keras; empty if it is."""
    module, registered = entry.get("module"), entry.get("registered_name")
    for name in (registered, kind):
        if isinstance(name, str) and ">" in name and name.split(">")[0].lower() != "keras":
            return name
    if (
        isinstance(module, str)
        and module
        and not any(module == word or module.startswith(f"{word}.") for word in _OURS)
    ):
        return f"{module}.{kind}"
    return ""


def _snake(kind: str) -> str:
    """Return the word that Keras makes of a class's name (``to_snake_case`` of keras/src/utils/naming.py)."""
    word = re.sub(r"\W+", "", kind)
    word = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", word)
    return re.sub("([a-z])([A-Z])", r"\1_\2", word).lower()


def _sequential(name: str, fields: Fields, entries: Sequence[Fields], layers: tuple[Layer, ...]) -> Network:
    """A chain of layers. If none is an ``InputLayer``, the first one or the model states the shape."""
    if layers[0].kind != INPUT_LAYER:
        first = layers[0].config
        built = entries[0].get("build_config")
        shapes = (
            first.get("batch_shape"),
            first.get("batch_input_shape"),
            fields.get("build_input_shape"),
            built.get("input_shape") if isinstance(built, dict) else None,
        )
        shape = next((shape for shape in shapes if shape is not None), None)
        config = Fields({"batch_shape": shape}, "the input")
        layers = (Layer(INPUT_LAYER, "image", "image", config, ("image",), (), "", None), *layers)
    if any(layer.kind == INPUT_LAYER for layer in layers[1:]):
        raise Broken(f"{fields.owner} has several inputs in one chain")
    chain = [replace(layer, key=f"{place}:{layer.name}") for place, layer in enumerate(layers)]  # names may repeat
    refs = [Ref(layer.key, 0, 0) for layer in chain]
    calls = [Call(layer, 0, (ref,), {}) for ref, layer in zip(refs, chain[1:], strict=False)]
    return Network(name, tuple(chain), tuple(calls), refs[:1], refs[-1:])


def _calls(layer: Layer, entry: Fields) -> Iterator[Call]:
    for number, node in enumerate(entry.items("inbound_nodes")):
        if isinstance(node, dict):  # Keras 3
            arguments, named = node.get("args", []), node.get("kwargs", {})
        elif isinstance(node, list):  # Keras 2
            items = [node] if node and isinstance(node[0], str) else node
            extra = [
                item[3] for item in items if isinstance(item, list) and len(item) > 3 and isinstance(item[3], dict)
            ]
            named = {key: value for given in extra for key, value in given.items()}
            arguments = [[_number_in(item) for item in items]]
        else:
            raise Broken(f"{layer.name}: what it reads is {type(node).__name__}")
        if not isinstance(arguments, list) or not isinstance(named, dict):
            raise Broken(f"{layer.name}: what it reads is not a list")
        parsed = {key: _value(value, layer.name) for key, value in named.items() if key != "name"}
        yield Call(layer, number, tuple(_value(argument, layer.name) for argument in arguments), parsed)


def _number_in(item: Any) -> Any:
    """Return what an operation of TensorFlow reads: ``["_CONSTANT_VALUE", -1, 2.0, {}]`` is a number."""
    return item[2] if isinstance(item, list) and len(item) > 2 and item[0] == "_CONSTANT_VALUE" else item


def _numbered(calls: Sequence[Call], outputs: Sequence[Ref]) -> list[Call]:
    """Return the calls with the numbers by which they are referred to. Keras 2 counts from 1 for a model that is a
    layer, whose call 0 is that with its own input."""
    first: dict[str, int] = {}
    for ref in (*outputs, *(ref for call in calls for ref in call.refs)):
        first[ref.layer] = min(ref.node, first.get(ref.layer, ref.node))
    return [
        replace(call, node=call.node + 1) if call.layer.network and first.get(call.layer.key) == 1 else call
        for call in calls
    ]


def _value(value: Any, owner: str) -> Any:
    """Return an argument with a ``Ref`` in place of each value of the network."""
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        config = value.get("config")
        history = config.get("keras_history") if isinstance(config, dict) else None
        if (ref := _ref(history)) is None:
            raise Broken(f"{owner}: it reads a value without a history")
        return ref
    if (ref := _ref(value)) is not None:
        return ref
    if isinstance(value, list):
        return [_value(item, owner) for item in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _value(item, owner) for key, item in value.items()}
    return value


def _ref(value: Any) -> Ref | None:
    """Return the reference that a list is: a layer's name, the number of the call, and that of the output."""
    if isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str):
        node, output = value[1:3]
        if type(node) is int and type(output) is int:
            return Ref(value[0], node, output)
    return None


def _ends(fields: Fields, word: str) -> list[Ref]:
    """Return the inputs or outputs of a functional model."""
    found = [*refs_in(_value(fields.get(word), fields.owner))]
    if not found:
        raise Broken(f"{fields.owner} does not state its {word}")
    return found


def _ordered(calls: Sequence[Call], inputs: Sequence[Ref], outputs: Sequence[Ref]) -> Iterator[Call]:
    """Yield the calls, each after those whose values it reads. Raises ``Broken`` if there is no such order."""
    known = {ref[:2] for ref in inputs}
    waiting = {
        place: (call, {ref[:2] for ref in call.refs} - known)
        for place, call in enumerate(calls)
        if (call.layer.key, call.node) not in known
    }
    readers: dict[tuple[str, int], list[int]] = {}
    for place, (_, missing) in waiting.items():
        for value in missing:
            readers.setdefault(value, []).append(place)
    ready = [place for place, (_, missing) in waiting.items() if not missing]
    heapify(ready)
    while ready:  # of those that can be computed, the first one of the file
        call, _ = waiting.pop(heappop(ready))
        computed = (call.layer.key, call.node)
        known.add(computed)
        yield call
        for place in readers.pop(computed, ()):
            missing = waiting[place][1]
            missing.discard(computed)
            if not missing:
                heappush(ready, place)
    if waiting:
        call, needed = next(iter(waiting.values()))
        name, node = min(needed)
        raise Broken(f"{call.layer.name} reads call {node} of {name}, which cannot be computed")
    if lost := [ref for ref in outputs if ref[:2] not in known]:
        raise Broken(f"it returns call {lost[0].node} of {lost[0].layer}, which there is not")
