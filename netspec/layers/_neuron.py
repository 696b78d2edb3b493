"""What the layer types of neurons share."""

from __future__ import annotations

from netspec.keys import NEURONS, Key
from netspec.layers._keys import PLACED
from netspec.lowering import LayerType, Lowering


def neuron_type(word: str) -> LayerType:
    """Make the layer type of a neuron. Its arguments are the layer's keys."""
    neuron = NEURONS[word]

    def lower(low: Lowering) -> None:
        low.emit(neuron.make(**{a.name: low[a.name] for a in neuron.arguments}))

    keys = tuple(
        Key(a.name, a.kind, f"{a.name} in {neuron.doc}", default=a.default, affects_shape=False)
        for a in neuron.arguments
    )
    return LayerType(
        word,
        f"Each unit x becomes {neuron.doc}.",
        lower,
        keys=(*keys, *PLACED),
        rule="The shape of the input.",
        example=f"[image] input 3x32x32\n[conv1] conv filters=16 kernel=3\n[act1] {word}",
    )
