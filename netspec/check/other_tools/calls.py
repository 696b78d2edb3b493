"""Layers that are written as calls of the classes of other tools."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from netspec import layers
from netspec.check.other_tools.classes import CLASSES, COUNTED, OUTPUT_PADDING, LayerClass
from netspec.check.other_tools.cut_off import cut_off
from netspec.check.other_tools.keys import coefficients_note, converted
from netspec.check.other_tools.prelu import called_prelu
from netspec.check.other_tools.types import with_its_keys
from netspec.diagnostics.nearest import nearest
from netspec.diagnostics.other_tools.keys import absent_key
from netspec.diagnostics.other_tools.words import plain_word
from netspec.formatting import format_number
from netspec.keys import NEURONS, BadValue, Key
from netspec.keys.kind import shown
from netspec.language.syntax import Call, Number, Pair, Section, Value, Word
from netspec.language.written import written
from netspec.lowering import LayerType

_KERAS_SLOPE = "0.2"
"""The slope of Keras's function ``leaky_relu``. That of its layer ``LeakyReLU`` is 0.3, and of PyTorch's is 0.01."""

_INSTANCE_NORM = re.compile(r"instancenorm(?:alization)?")
_INSTANCE_NORM_ARGUMENTS = ("affine", "eps", "epsilon", "numfeatures")


def called_layer(call: Call) -> str | None:
    """Translate a call of another tool: ``conv filters=64 kernel=3 pad=1`` for ``Conv2d(3, 64, 3, padding=1)``.

    Arguments that have no translation become keys of the same name. ``None`` if the class is like none of these, does
    not take so many arguments, is given one twice, or is a layer type with a certain key (``DropPath``) and has an
    argument that is no key of this type.
    """
    call = _as_class(call)
    name = call.name.text
    if name == "Activation":
        return _activation(call)
    if name == "PReLU":
        return called_prelu(call) if call.args or call.named else None
    if name == "ReLU" and _is_up_to_6(call):
        return "relu6"
    with_keys = with_its_keys(name, [pair.key.text for pair in call.named])
    sized = name == "Upsample" and (call.args or any(pair.key.text == "size" for pair in call.named))
    meant = with_keys or ("resize" if sized else nearest(name, layers.names())) or ""
    layer_type = layers.find(meant.partition(" ")[0])
    if layer_type is None or (meant == name and name not in CLASSES):
        return None
    given = _arguments(call, layer_type)
    if given is None or (with_keys and not all(map(layer_type.key, given))):
        return None
    return " ".join([meant, *_assignments(given)])


def _as_class(call: Call) -> Call:
    """Return a call with a name in small letters as one of the class: ``LayerNorm(64)`` for ``layer_norm(64)``.

    A convolution that is given the channels that it reads is PyTorch's, others are Keras's. A layer type with its own
    keys in brackets stays as it is, and a call whose first argument is a word, which then is what the function reads.
    """
    name, args, named = call.name.text, call.args, [pair.key.text for pair in call.named]
    if name != name.lower() or name in CLASSES or (args and isinstance(args[0], Word)):
        return call
    own = layers.find(name)
    if own is not None and not args and all(map(own.key, named)):
        return call
    plain = name.replace("_", "")
    names = [word for word in CLASSES if word.lower() in (plain, f"{plain}2d")]
    places = len(args) + ("kernel_size" in named)
    if names == ["Conv2D", "Conv2d"] and places < 3 and "in_channels" not in named:
        names = names[:1]
    return replace(call, name=call.name._replace(text=names[-1])) if names else call


def instance_norm_keys(section: Section) -> list[str] | None:
    """Return the keys that another tool's instance normalisation has in brackets: ``affine=yes`` for
    ``InstanceNorm2d(64, affine=True)``.

    ``None`` for another layer, or if not all of them can be written.
    """
    first = section.values[0] if section.values else None
    word = first.name if isinstance(first, Call) else first
    if not isinstance(word, Word) or not _INSTANCE_NORM.fullmatch(plain_word(word.text)):
        return None
    groupnorm = layers.find("groupnorm")
    if not isinstance(first, Call) or groupnorm is None:
        return []
    known = all(plain_word(pair.key.text) in _INSTANCE_NORM_ARGUMENTS for pair in first.named)
    given = _arguments(first, groupnorm) if known else None
    return None if given is None else _assignments(given)


def _assignments(given: Mapping[str, str]) -> list[str]:
    return [f"{key}={text}" for key, text in given.items()]


def _arguments(call: Call, layer_type: LayerType) -> dict[str, str] | None:
    """Return the arguments of a call, and what its class does without them, as keys of this layer type.

    ``None`` if the class does not take so many arguments, or is given one twice.
    """
    name, keys = call.name.text, layer_type.by_name
    own = CLASSES.get(name, LayerClass())
    in_places = [Pair(Word(word, call.span), value) for word, value in zip(own.places, call.args, strict=False)]
    pairs = {pair.key.text: pair for pair in (*in_places, *call.named)}
    if len(pairs) < len(call.args) + len(call.named):
        return None
    added = pairs.pop(OUTPUT_PADDING, None) if name == "ConvTranspose2d" else None
    given = dict(filter(None, (_as_key(own, pair, keys) for pair in pairs.values())))
    if name in ("ConvTranspose2d", "Conv2DTranspose"):
        given |= cut_off(name, given, added)
    if given.get("method") == "bilinear" and _is_true(pairs.get("align_corners")):
        given["method"] = "corners"
        given.pop("align_corners", None)
    if name == "AvgPool2d":
        given.pop(COUNTED, None)
        if given.get("pad", "0") != "0" and (COUNTED not in pairs or converted(pairs[COUNTED], keys) is None):
            given[COUNTED] = "True"
    if layer_type.name == "resize":
        given.setdefault("method", "nearest")
    return given | {key: text for key, text in own.defaults.items() if key not in given}


def _is_true(pair: Pair | None) -> bool:
    return pair is not None and shown(pair.value).lower() == "true"


def _activation(call: Call) -> str | None:
    """Translate Keras's layer of an activation function, whose only argument is the word of this function."""
    values = (*call.args, *(pair.value for pair in call.named))
    words = [value.text for value in values if isinstance(value, Word)]
    meant = nearest(words[0], (*NEURONS, "softmax")) if len(words) == len(values) == 1 else None
    return f"leakyrelu slope={_KERAS_SLOPE}" if meant == "leakyrelu" else meant


def _is_up_to_6(call: Call) -> bool:
    """Whether the only argument of Keras's ``ReLU`` is a maximum of 6. PyTorch's argument in this place is a flag."""
    values = (*call.args, *(pair.value for pair in call.named if pair.key.text == "max_value"))
    numbers = [value.value for value in values if isinstance(value, Number)]
    return numbers == [6] and len(call.args) + len(call.named) == 1


def _as_key(own: LayerClass, pair: Pair, keys: Mapping[str, Key]) -> tuple[str, str] | None:
    """Return an argument of a class as a key and the text of its value; ``None`` for what a spec's layer does in any
    case."""
    word, plain = pair.key.text, plain_word(pair.key.text)
    if plain == "bias" and shown(pair.value).lower() == "true":
        return None
    if plain == "activation" and nearest(shown(pair.value), NEURONS) == "leakyrelu":
        return "neuron", f"leakyrelu({_KERAS_SLOPE})"
    meant = own.keys.get(plain)
    if plain == own.kept and isinstance(pair.value, Number):
        return "average", format_number(round(1 - pair.value.value, 12))
    other = None if meant else converted(pair, keys)
    if other is not None:
        key, _, text = other.partition("=")
        return (key, text) if key else None
    is_known = word in keys or absent_key(word, "") or coefficients_note(word, keys)
    key = meant or (word if is_known else nearest(word, keys) or word)
    return key, _text(keys[key], pair.value) if key in keys else written(pair.value)


def _text(key: Key, value: Value) -> str:
    """Return the text of a value, corrected if it is in another tool's notation."""
    try:
        key.kind.read(value)
    except BadValue as error:
        if error.replacement and error.span == value.span:
            return error.replacement
    return written(value)
