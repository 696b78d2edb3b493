"""Layers with weights: their lines, with how the weights and biases are drawn and learnt."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.diagnostics import Diagnostic
from netspec.importers.caffe.learning import fillers, multipliers
from netspec.importers.caffe.learning.substitutes import substitute
from netspec.importers.caffe.net.layers import Layer
from netspec.importers.caffe.schema.record import Record
from netspec.importers.caffe.spec.lines import NO_LINE, Line, Site, Value, axis_of, described, outputs_of
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.shape import Shape
from netspec.keys.texts import number
from netspec.source import Span

_RATES = ("lr_mult", "decay_mult")
_PARAMETERS = {"conv": "convolution_param", "deconv": "convolution_param", "fc": "inner_product_param"}


def inner_product(site: Site) -> None:
    """A fully connected layer."""
    parameter, x = site.parameter("inner_product_param"), site.value(0)
    outputs = outputs_of(site, parameter)
    if axis_of(parameter, x) != 1:
        reason = f"it reads axis {parameter.integer('axis')} and those after it of {described(x)}"
        raise Inexpressible(f"{reason}; a spec's fc reads all of them", parameter.place("axis"))
    if parameter.flag("transpose"):
        raise Inexpressible("its weights are transposed", parameter.place("transpose"))
    weighted(site, "fc", x, {"outputs": str(outputs)}, Shape(outputs), (outputs, x.shape.units))


def weighted(
    site: Site, type_: str, x: Value, keys: Mapping[str, str], shape: Shape, blob: tuple[int, ...], groups: int = 1
) -> None:
    """Add a layer with weights and biases. ``blob`` is the shape of its weights in Caffe."""
    parameter, name = site.parameter(_PARAMETERS[type_]), site.layer.name
    biased = parameter.flag("bias_term")
    check_params(site, 2 if biased else 1)
    own = {**keys, **_beginning(site, type_, shape, blob, groups), **rates(site, biased=biased)}
    if not biased:
        own["bias"] = "none"
    blobs = {"weight": (name, 0), **({"bias": (name, 1)} if biased else {})}
    line = site.emit(type_, x, own, shape, blobs=blobs, claimed=type_ != "fc")
    _share(site, line)


def _beginning(site: Site, type_: str, shape: Shape, blob: tuple[int, ...], groups: int) -> dict[str, str]:
    """Return how weights and biases begin, if the file is one to train with. ``blob`` is the shape of the weights."""
    parameter = site.parameter(_PARAMETERS[type_])
    try:
        init = fillers.weights(parameter.message("weight_filler"), blob, groups, transposed=type_ == "deconv")
    except Inexpressible as problem:
        if site.draft.network.has_losses:
            raise
        site.draft.substitutes.append(_without_filler(site, str(problem), problem.span or site.layer.span))
        init = "he"
    if not site.draft.network.is_trained:
        return {"init": init} if init == "bilinear" else {}
    keys = {} if init == "he" else {"init": init}
    if parameter.flag("bias_term"):
        bias = fillers.biases(parameter.message("bias_filler"), shape.channels)
        keys |= {} if bias == "0" else {"bias": bias}
    return keys


def _without_filler(site: Site, reason: str, span: Span) -> Diagnostic:
    message = f"{site.layer.name}: its weights must come from a file, and their filler is left out: {reason}"
    note = "--weights FILE.caffemodel --save-weights of netspec import converts such a file"
    return substitute(message, span, note)


def rates(site: Site, *, biased: bool) -> dict[str, str]:
    """Return the factors of the learning rates and decays of a layer, whose blobs are weights and perhaps biases."""
    record, decays = site.layer.record, site.draft.bias_decays
    return multipliers.of_weights(record) | (multipliers.of_biases(record, decays=decays) if biased else {})


def check_params(site: Site, blobs: int) -> None:
    """Raise ``Rejected`` if a layer has more messages ``param`` than parameters."""
    params = site.layer.record.places("param")
    if len(params) > blobs:
        raise Rejected(f"it has {len(params)} param, and {blobs} blobs of parameters", params[blobs])


def _share(site: Site, line: Line) -> None:
    """Let a line use the weights of an earlier one if their parameters have the same name."""
    params = site.layer.record.messages("param")
    names = [param.text("name") for param in params]
    for place, name in enumerate(names):
        if not name:
            continue
        owner = site.draft.owners.setdefault(name, (site.layer, place, site.draft.lines.index(line)))
        if owner[:2] == (site.layer, place):
            continue
        _use(site, line, owner, place, params[place])


def _use(site: Site, line: Line, owner: tuple[Layer, int, int], place: int, param: Record) -> None:
    owners_layer, owners_place, number_of_line = owner
    first = site.draft.lines[number_of_line]
    if number_of_line == NO_LINE:
        raise Inexpressible("it shares weights with a layer of another shape", param.place("name"))
    if place != 0 or owners_place != 0:
        raise Inexpressible("it shares biases; the layers of a spec share weights", param.place("name"))
    if _blob(site, first) != _blob(site, line):
        raise Inexpressible("it shares weights with a layer of another shape", param.place("name"))
    line.share_weights(number_of_line)
    for key in ("init", *_RATES):
        line.keys.pop(key, None)
    _merge_rates(first, owners_layer, param)


def _blob(site: Site, line: Line) -> tuple[object, ...]:
    """Return the shape of a line's weights in Caffe. A ``deconv`` has those of the ``conv`` whose gradient it computes:
    the channels that it reads come first."""
    given, groups = site.draft.lines[line.inputs[0]].shape, int(line.keys.get("groups", "1"))
    if line.type == "fc":
        return line.shape.units, given.units
    first, second = (given, line.shape) if line.type == "deconv" else (line.shape, given)
    return first.channels, second.channels // groups, line.keys["kernel"]


def _merge_rates(first: Line, owner: Layer, param: Record) -> None:
    """Let shared weights have the factors of whichever layer states them (``AppendParam`` in src/caffe/net.cpp)."""
    own = owner.record.messages("param")[0]
    for field in _RATES:
        if not param.has(field):
            continue
        if not own.has(field):
            value = param.real(field)
            first.keys |= {} if value == 1 else {field: number(value)}
        elif own.real(field) != param.real(field):
            raise Rejected(f"it shares weights with {owner.name}, whose {field} is another one", param.place(field))
